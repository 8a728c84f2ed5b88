/**
 * A server in this process, from start to stop.
 *
 * @module
 */

import type { ListenAddress } from "../options/address.ts";
import type { Settings } from "../options/settings.ts";
import { log } from "../log/log.ts";
import { onSignals, type ServerSignal } from "./signals.ts";

/** The signals that leave it to the service what to do. */
export type ServiceSignal = Exclude<ServerSignal, "SIGTERM" | "SIGINT">;

/** What a banner tells of. */
export interface ServiceFacts {
  /** What is served. */
  readonly title: string;
  /** What a browser can open. */
  readonly urls: readonly string[];
  readonly addresses: readonly ListenAddress[];
  /** Connections in all; null where nobody counts. */
  readonly connectionLimit: number | null;
  readonly settings: Settings;
}

/** What runs: one server, or a supervisor with its workers. */
export interface Service {
  facts(): ServiceFacts;
  start(): Promise<void>;
  /** Stops gracefully; a second call ends the waiting. */
  stop(): Promise<void>;
  readonly serving: boolean;
  /** Rejects when it cannot go on. */
  readonly failure: Promise<never>;
  /** What the other signals do. */
  signal(signal: ServiceSignal): void;
}

/**
 * Runs a service until it is told to stop: by TERM or INT, which wait for
 * running requests, or a second of them, which does not (PAGI.md 6).
 *
 * @param onStarted Called once it accepts connections.
 * @throws {Error} When it cannot start; nothing stays bound.
 */
export async function runService(
  service: Service,
  onStarted: () => void,
): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  let stopping = false;
  const remove = onSignals(
    ["SIGTERM", "SIGINT", "SIGHUP", "SIGTTIN", "SIGTTOU"],
    (signal) => {
      if (signal !== "SIGTERM" && signal !== "SIGINT") {
        return service.signal(signal);
      }
      log.info(
        stopping
          ? `${signal} again: stopping without waiting.`
          : `${signal}: stopping.`,
      );
      stopping = true;
      stopped.resolve(service.stop());
    },
  );
  try {
    // A stop does not wait for an app that is still starting.
    await Promise.race([service.start(), stopped.promise]);
    if (service.serving) onStarted();
    await Promise.race([stopped.promise, service.failure]);
  } finally {
    remove();
  }
}

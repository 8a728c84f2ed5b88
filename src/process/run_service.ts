/**
 * A server in this process, from start to stop.
 *
 * @module
 */

import type { ListenAddress } from "../options/address.ts";
import type { Settings } from "../options/settings.ts";
import { log } from "../log/log.ts";
import type { OwnCommand } from "./own_command.ts";
import { onSignals, type ServerSignal } from "./signals.ts";
import {
  type Predecessor,
  startSuccessor,
  type Successor,
} from "./takeover.ts";

/** The signals that leave it to the service what to do. */
export type ServiceSignal = Exclude<
  ServerSignal,
  "SIGTERM" | "SIGINT" | "SIGUSR2"
>;

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
  /** @throws {Error} When it cannot start; nothing stays bound. */
  start(): Promise<void>;
  /** Stops gracefully; a second call ends the waiting. */
  stop(): Promise<void>;
  readonly serving: boolean;
  /** How many listeners it has at each address. */
  readonly listeners: number;
  /** Rejects when it cannot go on. */
  readonly failure: Promise<never>;
  /** Resolves when only a fresh process can go on. */
  readonly stuck: Promise<void>;
  /** What the other signals do. */
  signal(signal: ServiceSignal): void;
  /** The process that was taken over from has closed its listeners. */
  predecessorLeft(): void;
  /** Leaves all new connections to a process that serves already. */
  handOver(successor: Successor): Promise<void>;
}

/** How a service is run. */
export interface RunOptions {
  /** How to start this program again; null where nobody knows. */
  readonly command: OwnCommand | null;
  readonly predecessor: Predecessor | null;
  /** Called once it accepts connections. */
  onStarted(): void;
}

/**
 * Runs a service until it is told to stop: by TERM or INT, which wait for
 * running requests, or a second of them, which does not; or by USR2, once a
 * fresh process has taken over (PAGI.md 6).
 *
 * @throws {Error} When it cannot start; nothing stays bound.
 */
export async function runService(
  service: Service,
  options: RunOptions,
): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  let stopping = false;
  const stop = () => {
    stopping = true;
    stopped.resolve(service.stop());
  };
  let successor: Promise<boolean> | null = null;
  const startOver = async () => {
    if (successor !== null || stopping || !service.serving) return;
    successor = replaceProcess(service, options.command);
    if (await successor) stop();
    successor = null;
  };
  const remove = onSignals(
    ["SIGTERM", "SIGINT", "SIGHUP", "SIGTTIN", "SIGTTOU", "SIGUSR2"],
    (signal) => {
      if (signal === "SIGUSR2") return void startOver();
      if (signal !== "SIGTERM" && signal !== "SIGINT") {
        return service.signal(signal);
      }
      log.info(
        stopping
          ? `${signal} again: stopping without waiting.`
          : `${signal}: stopping.`,
      );
      stop();
    },
  );
  void service.stuck.then(startOver);
  try {
    // A stop does not wait for an app that is still starting.
    await Promise.race([service.start(), stopped.promise]);
    if (service.serving) {
      options.onStarted();
      void greet(service, options.predecessor);
    }
    await Promise.race([stopped.promise, service.failure]);
  } finally {
    remove();
  }
}

/** Starts a fresh process and hands over to it; false when it does not serve. */
async function replaceProcess(
  service: Service,
  command: OwnCommand | null,
): Promise<boolean> {
  try {
    if (command === null) {
      throw new Error("this system does not tell how this process was started");
    }
    const { addresses } = service.facts();
    log.info("A fresh process is to take over.");
    const successor = await startSuccessor(
      command,
      addresses,
      service.listeners,
    );
    if (successor === null) return false;
    log.info(`Process ${successor.pid} serves; this one finishes its work.`);
    await service.handOver(successor);
    return true;
  } catch (error) {
    log.error("No fresh process could take over; this one goes on.", error);
    return false;
  }
}

/** Tells the process that is taken over from that this one serves. */
async function greet(
  service: Service,
  predecessor: Predecessor | null,
): Promise<void> {
  try {
    await predecessor?.serving(service.listeners);
  } catch (error) {
    log.warn(`The process that is taken over from is gone already: ${error}`);
  }
  if (predecessor !== null) service.predecessorLeft();
}

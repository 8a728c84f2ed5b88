/**
 * A server in this process, from start to stop.
 *
 * @module
 */

import { log } from "../log/log.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { Settings } from "../options/settings.ts";
import type { Timer } from "../std/timer.ts";
import { reapOrphans } from "../system/process.ts";
import { isFirstProcess, type OwnCommand } from "./own_process.ts";
import {
  type Predecessor,
  startSuccessor,
  type Successor,
} from "./takeover.ts";

/** How long a stop waits for logs to be written (ms). */
const FLUSH_MS = 250;

/** The signals that leave it to the service what to do. */
export type ServiceSignal = Exclude<
  ServerSignal,
  "SIGTERM" | "SIGINT" | "SIGUSR1" | "SIGUSR2"
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
  /** Workers that serve; 1 in a single process. */
  readonly workers: number;
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
  readonly needsReplacement: Promise<void>;
  /** Writes what waits to be logged; resolves when it is written. */
  flushLogs(): Promise<void>;
  /** Opens the log files anew. */
  reopenLogs(): void;
  /** What the other signals do. */
  signal(signal: ServiceSignal): void;
  /** Tells when the process that is taken over from has closed its listeners. */
  predecessorLeaves(left: Promise<void>): void;
  /**
   * Leaves all new connections to the process that `start` gives; false when
   * it gives none. Until then the listeners stay as they are.
   */
  handOver(start: StartSuccessor): Promise<boolean>;
}

/** Starts a process that serves the same; null when it does not. */
export type StartSuccessor = () => Promise<Successor | null>;

/** How a service is run. */
export interface RunOptions {
  /** How to start this program again; null where nobody knows. */
  readonly command: OwnCommand | null;
  readonly predecessor: Predecessor | null;
  /** Called once it accepts connections. */
  onStarted(): Promise<void>;
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
  const stopping = new AbortController();
  const stop = () => {
    stopping.abort();
    stopped.resolve(service.stop());
  };
  // What was said of signals; lines of requests before them come first.
  let told: Promise<void> = Promise.resolve();
  let startingOver = false;
  let starting: Promise<unknown> = Promise.resolve();
  const startOver = async () => {
    if (stopping.signal.aborted || !service.serving) return;
    if (isFirstProcess) {
      return log.error(
        "No fresh process can take over from process 1, since its container ends with it: this one goes on. Start a new container in its place.",
      );
    }
    if (startingOver) return log.info("A fresh process is starting already.");
    startingOver = true;
    const replacing = replaceProcess(
      service,
      options.command,
      stopping.signal,
      (successor) => starting = successor,
    );
    if (await replacing) stop();
    startingOver = false;
  };
  const remove = onSignals(
    [
      "SIGTERM",
      "SIGINT",
      "SIGHUP",
      "SIGTTIN",
      "SIGTTOU",
      "SIGUSR1",
      "SIGUSR2",
    ],
    (signal) => {
      // As it is for nginx. Without a listener Deno ends the process.
      if (signal === "SIGUSR1") {
        service.reopenLogs();
        return log.info("SIGUSR1: logs were reopened.");
      }
      if (signal === "SIGUSR2") return void startOver();
      if (signal !== "SIGTERM" && signal !== "SIGINT") {
        return service.signal(signal);
      }
      const again = stopping.signal.aborted;
      stopping.abort();
      told = told.then(async () => {
        if (!again) await soon(service.flushLogs());
        log.info(
          again
            ? `${signal} again: stopping without waiting.`
            : `${signal}: stopping.`,
        );
        stop();
      });
    },
  );
  void service.needsReplacement.then(startOver);
  const stopReaping = isFirstProcess ? reapOrphans() : () => {};
  try {
    // A stop does not wait for an app that is still starting.
    await Promise.race([service.start(), stopped.promise]);
    if (service.serving) {
      await options.onStarted();
      const { predecessor } = options;
      if (predecessor !== null) {
        service.predecessorLeaves(notifyPredecessor(predecessor, service));
      }
    }
    await Promise.race([stopped.promise, service.failure]);
    // A stop gives up a successor that does not serve yet, and sees it end.
    if (stopping.signal.aborted) await starting;
  } finally {
    stopReaping();
    remove();
  }
}

/** Waits for logs to be written, but not for long: a disk may stall. */
async function soon(written: Promise<void>): Promise<void> {
  let timer: Timer | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FLUSH_MS);
  });
  await Promise.race([written, late]);
  clearTimeout(timer);
}

/** Starts a fresh process and hands over to it; false when it does not serve. */
function replaceProcess(
  service: Service,
  command: OwnCommand | null,
  stopping: AbortSignal,
  onStarting: (successor: Promise<unknown>) => void,
): Promise<boolean> {
  return service.handOver(async () => {
    try {
      if (command === null) {
        throw new Error("this system does not tell how this one was started");
      }
      log.info("A fresh process is to take over.");
      const { addresses, settings } = service.facts();
      const { listeners } = service;
      const handover = { addresses, listeners };
      const timeout = successorTimeout(settings);
      const starting = startSuccessor(command, handover, timeout, stopping);
      onStarting(starting.catch(() => {}));
      const successor = await starting;
      if (successor === null) return null;
      log.info(`Process ${successor.pid} serves; this one finishes its work.`);
      return successor;
    } catch (error) {
      log.error("No fresh process could take over; this one goes on.", error);
      return null;
    }
  });
}

/**
 * Seconds that a successor may take. It has the deadlines of the command line
 * itself, for loading its app and for starting it; this one comes later, and
 * is for a process that does not keep them.
 */
function successorTimeout({ lifespanStartupTimeout }: Settings): number {
  return lifespanStartupTimeout && 2 * lifespanStartupTimeout + 10;
}

/**
 * Tells the process that is taken over from that this one serves; resolves
 * when it has closed its listeners.
 */
async function notifyPredecessor(
  predecessor: Predecessor,
  { listeners }: Service,
): Promise<void> {
  try {
    await predecessor.serving(listeners);
  } catch (error) {
    log.warn(`The process that is taken over from is gone already: ${error}`);
  }
}

/** A signal that the server listens to. */
export type ServerSignal =
  | "SIGTERM"
  | "SIGINT"
  | "SIGHUP"
  | "SIGTTIN"
  | "SIGTTOU"
  | "SIGUSR1"
  | "SIGUSR2";

/**
 * Calls `handler` for each of `signals` that this system knows, until the
 * returned function is called.
 */
export function onSignals(
  signals: readonly ServerSignal[],
  handler: (signal: ServerSignal) => void,
): () => void {
  const removals = signals.flatMap((signal) => {
    const listener = () => handler(signal);
    try {
      Deno.addSignalListener(signal, listener);
    } catch {
      return []; // Windows knows SIGINT and SIGHUP alone.
    }
    return [() => Deno.removeSignalListener(signal, listener)];
  });
  return () => {
    for (const remove of removals) remove();
  };
}

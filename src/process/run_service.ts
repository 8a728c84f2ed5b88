/** A server in this process, from start to stop. */

import { log } from "../log/log.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { Settings } from "../options/settings.ts";
import { settledWithin, timerDelay } from "../std/timer.ts";
import { reapOrphans } from "../system/process.ts";
import { replaceProcess } from "../system/replace_process.ts";
import type { Observed } from "./metrics.ts";
import type { Change, SourceWatcher } from "./reload.ts";
import { isFirstProcess, type OwnCommand } from "./own_process.ts";
import {
  type Predecessor,
  startSuccessor,
  type Successor,
} from "./takeover.ts";

/** Longest wait of a stop for the log: a disk may stall (ms). */
const FLUSH_MS = 250;

/** Signals that each kind of service handles itself. */
export type ServiceSignal = Exclude<
  ServerSignal,
  "SIGTERM" | "SIGINT" | "SIGUSR1" | "SIGUSR2"
>;

/** Facts for the banner. */
export interface ServiceFacts {
  /** What is served. */
  readonly title: string;
  /** What a browser can open. */
  readonly urls: readonly string[];
  readonly addresses: readonly ListenAddress[];
  /** Connections in all; null without a guard. */
  readonly connectionLimit: number | null;
  readonly settings: Settings;
  /** Workers that are serving; 1 in a single process. */
  readonly workers: number;
}

/** A worker could not start. */
export class WorkerError extends Error {
  override readonly name = "WorkerError";

  /** @param usage True when the command line is wrong, not the app. */
  constructor(message: string, readonly usage: boolean) {
    super(message);
  }
}

/** One server, or a supervisor with its workers. */
export interface Service {
  facts(): ServiceFacts;
  /** Its state, for metrics. */
  observe(): Observed;
  /** @throws {Error} When it cannot start; nothing stays bound. */
  start(): Promise<void>;
  /** Stops gracefully; a second call stops waiting for requests. */
  stop(): Promise<void>;
  readonly serving: boolean;
  /** The number of listeners at each address. */
  readonly listeners: number;
  /** Rejects when the service fails. */
  readonly failure: Promise<never>;
  /** Resolves when a new process must take over. */
  readonly needsReplacement: Promise<void>;
  /** Writes buffered log lines; resolves when they are written. */
  flushLogs(): Promise<void>;
  /** Reopens the log files. */
  reopenLogs(): void;
  signal(signal: ServiceSignal): void;
  /** Reloads the app. @param reason A clause for the log. */
  reload(reason: string): void;
  /** @param left Resolves when the predecessor has closed its listeners. */
  predecessorLeaves(left: Promise<void>): void;
  /**
   * Gives new connections to the process that `start` returns; false when it
   * returns none. Until then the listeners stay as they are.
   */
  handOver(start: StartSuccessor): Promise<boolean>;
}

/** Starts a process that serves the same; null when it does not serve. */
export type StartSuccessor = () => Promise<Successor | null>;

/** How a service is run. */
export interface RunOptions {
  /** How to start this program again; null if unknown. */
  readonly command: OwnCommand | null;
  readonly predecessor: Predecessor | null;
  /** Called once it accepts connections. */
  onStarted(): Promise<void>;
  /** Called when a stop begins: after TERM it still serves for `shutdownDelay`. */
  onStopping(): void;
  /** Called when a successor serves in its place. */
  onReplaced(): void;
  /** Seconds. */
  readonly shutdownDelay: number;
  /** Reports changes of the app's files since before it is loaded. */
  readonly watcher: SourceWatcher | null;
}

/**
 * Runs a service until it stops: by TERM or INT, which wait for running
 * requests (a second one does not), or by USR2, once a new process has taken
 * over (PAGI.md 6).
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
  // Logs of requests that came before a signal are written before its message.
  let logged: Promise<void> = Promise.resolve();
  /** Ends the delay of the stop. */
  const hurry = Promise.withResolvers<void>();
  let replacing = false;
  /** The process that takes over, and whether this one only waits for it. */
  const successor: { process: Successor | null; isAlone: boolean } = {
    process: null,
    isAlone: false,
  };
  let starting: Promise<unknown> = Promise.resolve();
  const startOver = async () => {
    if (stopping.signal.aborted || !service.serving) return;
    if (isFirstProcess) {
      return log.error(
        "Process 1 cannot hand over to a new process, because its container ends with it; this process keeps serving. Start a new container instead.",
      );
    }
    if (replacing) return log.info("A new process is already starting.");
    replacing = true;
    const replaced = await service.handOver(() => {
      const started = startSuccessorOf(
        service,
        options.command,
        stopping.signal,
      ).then((process) => {
        if (process !== null) options.onReplaced();
        return successor.process = process;
      });
      starting = started;
      return started;
    });
    if (replaced) stop();
    replacing = false;
  };
  const remove = onSignals(SIGNALS, (signal) => {
    const other = options.watcher === null ? null : successor.process;
    if (other !== null && (successor.isAlone || /INT|TERM/.test(signal))) {
      forward(signal, other);
    }
    if (successor.isAlone) return;
    switch (signal) {
      // As nginx does. Without a listener Deno ends the process.
      case "SIGUSR1":
        service.reopenLogs();
        return log.info("SIGUSR1: logs were reopened.");
      case "SIGUSR2":
        return void startOver();
      case "SIGTERM":
      case "SIGINT": {
        const again = stopping.signal.aborted;
        stopping.abort();
        options.onStopping();
        if (again) hurry.resolve();
        const { shutdownDelay } = options;
        const waits = !again && signal === "SIGTERM" && shutdownDelay > 0 &&
          service.serving;
        logged = logged.then(async () => {
          if (waits) {
            log.info(
              `${signal}: stopping in ${shutdownDelay} s (--shutdown-delay).`,
            );
            await settledWithin(hurry.promise, timerDelay(shutdownDelay));
          }
          if (!again) await settledWithin(service.flushLogs(), FLUSH_MS);
          log.info(
            `${signal}${
              again ? " again: stopping without waiting." : ": stopping."
            }`,
          );
          stop();
        });
        return;
      }
      default:
        return service.signal(signal);
    }
  });
  void service.needsReplacement.then(startOver);
  const stopReaping = isFirstProcess ? reapOrphans() : () => {};
  try {
    const { command, predecessor, watcher } = options;
    const changed = watcher?.next();
    // Neither a stop nor a change waits for an app that is starting.
    const started = await Promise.race([
      service.start(),
      stopped.promise,
      // A successor that fails leaves its predecessor serving.
      ...changed && command && predecessor === null ? [changed] : [],
    ]);
    if (started && command && !stopping.signal.aborted) {
      log.info(`Starting over: ${started.reason}.`);
      await replaceProcess(command.command, command.args);
    }
    if (service.serving) {
      await options.onStarted();
      if (watcher && changed) {
        void followChanges(watcher, changed, service, startOver);
      }
      if (predecessor !== null) {
        service.predecessorLeaves(notifyPredecessor(predecessor, service));
      }
    }
    await Promise.race([stopped.promise, service.failure]);
    // A successor that does not serve yet is ended, and waited for.
    if (stopping.signal.aborted) await starting;
    // A shell takes the end of this process for the end of the server.
    if (options.watcher !== null && successor.process !== null) {
      successor.isAlone = true;
      Deno.exit((await successor.process.ended).code);
    }
  } finally {
    stopReaping();
    remove();
  }
}

/** Reloads the app after each change, or starts a new process. */
async function followChanges(
  watcher: SourceWatcher,
  first: Promise<Change | null>,
  service: Service,
  startOver: () => Promise<void>,
): Promise<void> {
  for (
    let change = await first;
    change !== null && service.serving;
    change = await watcher.next()
  ) {
    log.info(`Reloading: ${change.reason}.`);
    if (!change.needsProcess) service.reload(change.reason);
    else await startOver();
    if (!service.serving) return;
  }
}

/** Forwards a signal; Ctrl-C at a terminal reaches both processes anyway. */
function forward(signal: ServerSignal, { kill }: Successor): void {
  if (signal === "SIGINT" && Deno.stdin.isTerminal()) return;
  try {
    kill(signal);
  } catch {
    // It has ended already.
  }
}

/** Starts a successor; null, with a line in the log, when it does not serve. */
async function startSuccessorOf(
  service: Service,
  command: OwnCommand | null,
  stopping: AbortSignal,
): Promise<Successor | null> {
  try {
    if (command === null) {
      throw new Error("this system does not tell how this process was started");
    }
    log.info("Starting a new process that takes over.");
    const { addresses, settings } = service.facts();
    // The successor has deadlines of its own for loading and for starting its
    // app; this one is for a process that does not keep them.
    const startup = settings.lifespanStartupTimeout;
    const successor = await startSuccessor(
      command,
      { addresses, listeners: service.listeners },
      startup && 2 * startup + 10,
      stopping,
    );
    if (successor === null) return null;
    log.info(
      `Process ${successor.pid} has taken over; this one finishes its requests.`,
    );
    return successor;
  } catch (error) {
    log.error("No new process could take over; this one keeps serving.", error);
    return null;
  }
}

/** Notifies the predecessor, and waits until it has closed its listeners. */
async function notifyPredecessor(
  predecessor: Predecessor,
  { listeners }: Service,
): Promise<void> {
  try {
    await predecessor.serving(listeners);
  } catch (error) {
    log.warn(`The process to take over from has ended already: ${error}`);
  }
}

const SIGNALS = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGUSR1",
  "SIGUSR2",
] as const;

/** A signal that the server listens to. */
export type ServerSignal = typeof SIGNALS[number];

/**
 * Calls `handler` for each of `signals` that this system has, until the
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

/**
 * The workers of a server: started, replaced, ended.
 *
 * @module
 */

import { type Guard, openGuard } from "../guard/guard.ts";
import { log } from "../log/log.ts";
import type { ListenAddress } from "../options/address.ts";
import { LEAVE_MS } from "../server/drain.ts";
import { SharedAddresses } from "./shared_addresses.ts";
import { SharedSockets } from "./shared_sockets.ts";
import type { Predecessor, Successor } from "./takeover.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** Beyond the timeouts of its own, how long a worker may take to stop (ms). */
const STOP_GRACE_MS = 2000;
/** How long a worker may take to answer when it is to hurry (ms). */
const HURRY_MS = 1000;
/** When the thread of an app that loads without a pause is in a loop (ms). */
const LOOP_MS = 10_000;
/** Why a worker does not serve that was starting or has started after all. */
const STOPPING = "The server stops.";

/** What a pool needs to know. */
export interface PoolOptions {
  readonly addresses: readonly ListenAddress[];
  readonly predecessor: Predecessor | null;
  /** Seconds; 0 for any number. */
  readonly shutdownTimeout: number;
  /** Permissions of Unix sockets; null for what the system gives them. */
  readonly socketMode: number | null;
  /** Starts a worker. */
  spawn(): WorkerHandle;
  /** Called when the first worker has bound the addresses. */
  onBound(bound: readonly (Deno.NetAddr | Deno.UnixAddr)[]): void;
  /** Called when the thread of a worker that had to end lives on. */
  onImmortal(worker: WorkerHandle): void;
}

/** Workers that share addresses, and those that still finish their work. */
export class WorkerPool {
  /** Those that take new connections. */
  workers: readonly WorkerHandle[] = [];
  addresses: readonly ListenAddress[];
  readonly #starting = new Set<WorkerHandle>();
  /** Those that finish what they have begun. */
  readonly #retiring = new Set<WorkerHandle>();
  readonly #ends = new WeakMap<WorkerHandle, Promise<void>>();
  readonly #options: PoolOptions;
  #shared: SharedAddresses<WorkerHandle> | null = null;
  #sockets: SharedSockets | null = null;
  #binding: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.addresses = options.addresses;
  }

  /** How many listeners each address has, also those of blocked threads. */
  get listeners(): number {
    return this.#shared?.listeners || this.workers.length;
  }

  /** All that have not ended. */
  *all(): Generator<WorkerHandle> {
    yield* this.workers;
    yield* this.#starting;
    yield* this.#retiring;
  }

  /**
   * Starts `count` workers at once; resolves when each accepts connections or
   * has failed.
   *
   * @throws {WorkerError} When none of them can start.
   */
  async start(count: number): Promise<void> {
    const starting = Array.from({ length: count }, () => this.#spawn());
    const failures = await Promise.all(
      starting.map((worker) => this.#serve(worker)),
    );
    if (this.#stopping) return;
    // Where all of them fail the program ends, with the sentence of the first.
    if (this.workers.length === 0) throw failures[0];
    starting.forEach((worker, at) => {
      if (failures[at] !== null) this.#report(worker, failures[at]);
    });
  }

  /**
   * Gives up the workers whose apps have not started for `age` milliseconds;
   * `why` is a sentence.
   */
  giveUpStarting(why: string, age = 0): void {
    const latest = performance.now() - age;
    for (const worker of this.#starting) {
      if (worker.appHasStarted || worker.startedAt > latest) continue;
      worker.giveUp(why);
    }
  }

  /** Starts one worker; null, with a line in the log, when it cannot. */
  async startOne(): Promise<WorkerHandle | null> {
    const worker = this.#spawn();
    const failure = await this.#serve(worker);
    if (failure === null) return worker;
    this.#report(worker, failure);
    return null;
  }

  /** Puts a fresh worker in the place of one; false when it does not start. */
  async replace(worker: WorkerHandle, why: string): Promise<boolean> {
    if (worker.state !== "serving") return true;
    const successor = await this.startOne();
    if (successor === null) return false;
    // From here on new connections reach the successor: then it may be said.
    const retired = this.retire(worker);
    log.info(
      `Worker ${successor.number} replaces worker ${worker.number}: ${why}.`,
    );
    await retired;
    return true;
  }

  /** Ends a worker without a loss: first it gets no new connections. */
  async retire(worker: WorkerHandle): Promise<void> {
    this.forget(worker);
    this.#retiring.add(worker);
    worker.leave();
    await this.#shared?.avoid(worker);
    this.#shared?.closes(worker);
    void this.#end(worker, true);
    await this.#shared?.left(worker);
  }

  /**
   * Ends a worker that does not react.
   *
   * @returns false when its thread lives on
   */
  async abandon(worker: WorkerHandle): Promise<boolean> {
    worker.terminate();
    return await this.#shared?.left(worker) ?? true;
  }

  /** Counts a worker no more among those that take connections. */
  forget(worker: WorkerHandle): void {
    this.workers = this.workers.filter((other) => other !== worker);
  }

  /** Keeps new connections away from a worker, or no longer. */
  async avoid(worker: WorkerHandle, avoided: boolean): Promise<void> {
    if (avoided) await this.#shared?.avoid(worker);
    else this.#shared?.readmit(worker);
  }

  /** A listener of a worker was closed because accepting failed. */
  lost(worker: WorkerHandle): void {
    this.#shared?.lost(worker);
  }

  /** Has a worker bind anew what it has lost. */
  acceptAgain(worker: WorkerHandle, closed: number): Promise<void> {
    return this.#bind(async () => {
      worker.acceptAgain(closed);
      await this.#shared?.rejoined(worker);
    });
  }

  /** The process that was taken over from has closed its listeners. */
  async predecessorLeft(): Promise<void> {
    await this.#shared?.othersLeft();
  }

  /** Closes all listeners once a successor gets the new connections. */
  async handOver(successor: Successor): Promise<void> {
    for (const worker of this.workers) worker.leave();
    await this.#shared?.handOver(successor.listeners);
    let blocked = false;
    for (const worker of this.#shared?.lastFirst() ?? this.workers) {
      this.forget(worker);
      blocked ||= worker.state === "gone";
      if (worker.state === "gone") continue;
      this.#shared?.closes(worker);
      void this.#end(worker, true);
      await this.#shared?.left(worker);
    }
    this.#sockets?.close();
    // The listener of a blocked thread closes when this process ends.
    if (!blocked) await successor.closed();
  }

  /** Stops all workers gracefully. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.giveUpStarting(STOPPING);
    // One that never served is not waited for.
    const workers = [...this.all()].filter((worker) => worker.appHasStarted);
    const ended = workers.map((worker) => this.#end(worker, false));
    // By then they take no connections; nobody is to wait in a queue for that.
    const timer = setTimeout(() => this.#sockets?.close(), LEAVE_MS);
    await Promise.all(ended);
    clearTimeout(timer);
    this.#sockets?.close();
    this.workers = [];
    this.#shared?.close();
  }

  /** Ends the waiting of workers that are stopping. */
  hurry(): void {
    for (const worker of this.all()) {
      void worker.stop(false);
      void worker.peers(HURRY_MS).then((answer) => {
        if (answer === null) worker.terminate(); // it is blocked
      });
    }
  }

  #spawn(): WorkerHandle {
    const worker = this.#options.spawn();
    this.#starting.add(worker);
    return worker;
  }

  #report(worker: WorkerHandle, failure: unknown): void {
    if (this.#stopping) return;
    const why = failure instanceof Error ? failure.message : failure;
    log.error(`Worker ${worker.number} did not start. ${why}`.split("\n"));
  }

  /** Has a worker start and accept; returns what went wrong, or null. */
  async #serve(worker: WorkerHandle): Promise<unknown> {
    try {
      await worker.appStarted();
      if (this.#stopping) return STOPPING;
      await this.#bind(() => this.#listen(worker));
    } catch (error) {
      void this.#endUnstarted(worker);
      return error;
    } finally {
      this.#starting.delete(worker);
    }
    log.debug(`Worker ${worker.number} serves.`);
    return null;
  }

  /** Ends a worker that did not start; one in an endless loop cannot end. */
  async #endUnstarted(worker: WorkerHandle): Promise<void> {
    const blocked = worker.state === "starting" &&
      await worker.peers(LOOP_MS) === null;
    worker.terminate();
    if (!blocked || this.#stopping) return;
    log.error(
      `The thread of worker ${worker.number} is in an endless loop and cannot be ended: it takes a processor's time until this process ends. USR2 starts a fresh process, once the app is mended.`,
    );
  }

  /** Binds one after the other: the order tells whose listener is whose. */
  #bind(bind: () => Promise<void>): Promise<void> {
    const bound = this.#binding.then(bind);
    this.#binding = bound.catch(() => {});
    return bound;
  }

  async #listen(worker: WorkerHandle): Promise<void> {
    this.#sockets ??= await SharedSockets.open(this.addresses, {
      mode: this.#options.socketMode,
      takesOver: this.#options.predecessor !== null,
    });
    await worker.listen(
      this.addresses,
      this.#sockets.forWorker(worker.number),
    );
    // A port of 0 is the same one for all.
    this.addresses = worker.addresses;
    this.workers = [...this.workers, worker]
      .sort((one, other) => one.number - other.number);
    if (this.#shared === null) {
      const { onBound, predecessor } = this.#options;
      const others = predecessor?.listeners ?? 0;
      this.#shared = new SharedAddresses(worker.bound, others);
      onBound(worker.bound);
    }
    this.#shared.join(worker);
  }

  /** Has a worker stop, once, and ends its thread when it takes too long. */
  #end(worker: WorkerHandle, replaced: boolean): Promise<void> {
    let end = this.#ends.get(worker);
    if (end === undefined) {
      this.forget(worker);
      this.#retiring.add(worker);
      end = this.#stopWorker(worker, replaced);
      this.#ends.set(worker, end);
    }
    return end;
  }

  async #stopWorker(worker: WorkerHandle, replaced: boolean): Promise<void> {
    const { shutdownTimeout } = this.#options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (shutdownTimeout > 0) {
      timer = setTimeout(
        () => worker.terminate(),
        2 * shutdownTimeout * 1000 + STOP_GRACE_MS,
      );
    }
    await worker.stop(replaced);
    clearTimeout(timer);
    worker.terminate();
    this.#retiring.delete(worker);
    if (this.#stopping || await this.#shared?.left(worker) !== false) return;
    this.#options.onImmortal(worker);
  }
}

/** How long workers may take to name their running peers (ms). */
const PEERS_WAIT_MS = 1000;

/**
 * Watches over the connections of `workers`, which are those of the moment.
 *
 * @param limit How many connections there may be in all.
 * @param timeout Seconds that nothing may happen on one; 0 for ever.
 * @param threads How many workers there are to be.
 * @returns null where connections cannot be watched
 */
export function guardWorkers(
  workers: () => Iterable<WorkerHandle>,
  limit: number,
  timeout: number,
  threads: number,
): Guard | null {
  return openGuard({
    limit,
    threads,
    timeoutMs: timeout * 1000,
    async runningPeers() {
      const answers = await Promise.all(
        [...workers()].map((worker) => worker.peers(PEERS_WAIT_MS)),
      );
      // One that does not answer may be running anything.
      return answers.includes(null)
        ? null
        : answers.flatMap((peers) => [...peers!]);
    },
    onClose(peer, reason) {
      for (const worker of workers()) {
        worker.connectionClosed({ type: "closed", peer, reason });
      }
    },
  });
}

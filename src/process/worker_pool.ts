/**
 * The workers of a server: started, replaced, ended.
 *
 * @module
 */

import type { ListenAddress } from "../options/address.ts";
import { log } from "../log/log.ts";
import { SharedAddresses } from "./shared_addresses.ts";
import type { Predecessor, Successor } from "./takeover.ts";
import { WorkerError, type WorkerHandle } from "./worker_handle.ts";

/** Beyond the timeouts of its own, how long a worker may take to stop (ms). */
const STOP_GRACE_MS = 2000;

/** What a pool needs to know. */
export interface PoolOptions {
  readonly addresses: readonly ListenAddress[];
  readonly predecessor: Predecessor | null;
  /** Seconds; 0 for any number. */
  readonly shutdownTimeout: number;
  /** Starts a worker. */
  spawn(): WorkerHandle;
  /** Called when the first worker has bound the addresses. */
  onBound(bound: readonly (Deno.NetAddr | Deno.UnixAddr)[]): void;
}

/** Workers that share addresses, and those that still finish their work. */
export class WorkerPool {
  /** Those that take new connections. */
  workers: readonly WorkerHandle[] = [];
  addresses: readonly ListenAddress[];
  /** Those that finish what they have begun. */
  readonly #retiring = new Set<WorkerHandle>();
  readonly #options: PoolOptions;
  #shared: SharedAddresses<WorkerHandle> | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.addresses = options.addresses;
  }

  /** All that have not ended. */
  *all(): Generator<WorkerHandle> {
    yield* this.workers;
    yield* this.#retiring;
  }

  /**
   * Starts `count` workers at once; resolves when they accept connections, or
   * some of them.
   *
   * @throws {WorkerError} When none of them can start.
   */
  async start(count: number): Promise<void> {
    const starting = Array.from({ length: count }, this.#options.spawn);
    let failure: unknown = null;
    for (const worker of starting) failure = await this.#serve(worker);
    if (this.workers.length === 0) throw failure;
  }

  /** Starts one worker; null, with a line in the log, when it cannot. */
  async startOne(): Promise<WorkerHandle | null> {
    const worker = this.#options.spawn();
    return await this.#serve(worker) === null ? worker : null;
  }

  /** Puts a fresh worker in the place of one; false when it does not start. */
  async replace(worker: WorkerHandle, why: string): Promise<boolean> {
    if (worker.state !== "serving") return true;
    const successor = await this.startOne();
    if (successor === null) return false;
    log.info(
      `Worker ${successor.number} replaces worker ${worker.number}: ${why}.`,
    );
    await this.retire(worker);
    return true;
  }

  /** Ends a worker without a loss: first it gets no new connections. */
  async retire(worker: WorkerHandle): Promise<void> {
    this.forget(worker);
    await this.#shared?.avoid(worker);
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

  /** A worker has bound the addresses anew. */
  rejoin(worker: WorkerHandle): void {
    this.#shared?.join(worker);
  }

  /** The process that was taken over from has closed its listeners. */
  predecessorLeft(): void {
    this.#shared?.othersLeft();
  }

  /** Closes all listeners once a successor gets the new connections. */
  async handOver(successor: Successor): Promise<void> {
    await this.#shared?.handOver(successor.listeners);
    for (const worker of this.#shared?.lastFirst() ?? this.workers) {
      this.forget(worker);
      void this.#end(worker, true);
      await this.#shared?.left(worker);
    }
    await successor.closed();
  }

  /** Stops all workers gracefully. */
  async stop(): Promise<void> {
    const ends = [...this.all()].map((worker) =>
      this.#retiring.has(worker) ? worker.stopped : this.#end(worker, false)
    );
    await Promise.all(ends);
    this.workers = [];
    this.#shared?.close();
  }

  /** Ends the waiting of workers that are stopping. */
  hurry(): void {
    for (const worker of this.all()) void worker.stop(false);
  }

  /** Has a worker start and accept; returns what went wrong, or null. */
  async #serve(worker: WorkerHandle): Promise<unknown> {
    try {
      await worker.appStarted();
      // One after the other: the order tells whose listener is whose.
      await worker.listen(this.addresses);
    } catch (error) {
      worker.terminate();
      const why = error instanceof Error ? error.message : error;
      // The first start ends with this sentence by itself.
      if (this.#shared !== null || !(error instanceof WorkerError)) {
        log.error(`Worker ${worker.number} did not start. ${why}`);
      }
      return error;
    }
    // A port of 0 is the same one for all.
    this.addresses = worker.addresses;
    this.workers = [...this.workers, worker];
    if (this.#shared === null) {
      const { onBound, predecessor } = this.#options;
      const others = predecessor?.listeners ?? 0;
      this.#shared = new SharedAddresses(worker.bound, others);
      onBound(worker.bound);
    }
    this.#shared.join(worker);
    log.debug(`Worker ${worker.number} serves.`);
    return null;
  }

  /** Has a worker stop, and ends its thread when it takes too long. */
  async #end(worker: WorkerHandle, replaced: boolean): Promise<void> {
    const { shutdownTimeout } = this.#options;
    this.forget(worker);
    this.#retiring.add(worker);
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
  }
}

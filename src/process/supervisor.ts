/**
 * The main thread of a server with several workers.
 *
 * @module
 */

import { log, reopenLog } from "../log/log.ts";
import { reportGuard } from "../server/connection_limit.ts";
import { delay, type Timer } from "../std/timer.ts";
import { rereadEnvFiles } from "./env_files.ts";
import { reloadKeyPair } from "./root_helper.ts";
import type {
  Service,
  ServiceFacts,
  ServiceSignal,
  StartSuccessor,
} from "./run_service.ts";
import { checkFree, checkShareable } from "./shared_addresses.ts";
import {
  WorkerError,
  type WorkerEvent,
  type WorkerHandle,
} from "./worker_handle.ts";
import { Backoff, CrashPause, Heartbeat } from "./worker_health.ts";
import { type PoolOptions, WorkerPool } from "./worker_pool.ts";

/**
 * How long changes wait for the process that is taken over from to close its
 * listeners (ms). One with a blocked thread closes them when it ends; until
 * then nobody selects among them.
 */
const PREDECESSOR_WAIT_MS = 60_000;
/**
 * How long a worker of an earlier reload may have been starting (ms) before a
 * later SIGHUP has it given up. One that starts in less gets through however
 * often SIGHUP comes.
 */
const OUTDATED_AFTER_MS = 5000;
/** How often to look for one (ms). */
const OUTDATED_LOOK_MS = 500;

/** Decides when workers start, are replaced and end (PAGI.md 6). */
export class Supervisor implements Service {
  readonly #options: PoolOptions;
  readonly #pool: WorkerPool;
  readonly #pause = new CrashPause();
  /** Workers that are to be replaced, and why, until that has succeeded. */
  readonly #due = new Map<WorkerHandle, string>();
  readonly #backoff = new Backoff();
  /** When workers that could not be started are tried again. */
  #retry: Timer | undefined;
  /** A reload that has not begun: another SIGHUP needs no second one. */
  #nextReload: Timer | undefined;
  readonly #failed = Promise.withResolvers<never>();
  readonly #needsReplacement = Promise.withResolvers<void>();
  #heartbeat: Heartbeat | null = null;
  /** How many workers there should be … */
  #wanted: number;
  /** … of which so many have crashed, and are not yet to start again. */
  #pausing = 0;
  #queue: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;
  /** A successor has the new connections: there is nothing left to change. */
  #handedOver = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#wanted = options.settings.workers;
    this.#pool = new WorkerPool(
      options,
      (worker, event) => void this.#onEvent(worker, event),
    );
    this.#failed.promise.catch(() => {});
  }

  facts(): ServiceFacts {
    const [first] = this.#pool.workers;
    return {
      title: first?.title ?? "",
      urls: first?.urls ?? [],
      addresses: this.#pool.addresses,
      connectionLimit: this.#pool.guard?.limit ?? null,
      settings: this.#options.settings,
      workers: this.#pool.workers.length,
    };
  }

  get serving(): boolean {
    return this.#pool.workers.length > 0 && this.#stopping === null;
  }

  get listeners(): number {
    return this.#pool.listeners;
  }

  get failure(): Promise<never> {
    return this.#failed.promise;
  }

  get needsReplacement(): Promise<void> {
    return this.#needsReplacement.promise;
  }

  async start(): Promise<void> {
    const { settings, predecessor } = this.#options;
    checkShareable(this.#pool.addresses);
    if (predecessor === null) checkFree(this.#pool.addresses);
    const started = this.#pool.start(this.#wanted);
    this.#queue = started.catch(() => {});
    await started;
    reportGuard(this.#pool.guard, this.#pool.connectionLimit, settings);
    if (this.#missing > 0) this.#tryAgainLater();
    this.#heartbeat = new Heartbeat(
      settings.heartbeatTimeout,
      () => this.#pool.workers,
      {
        onLate: (worker, late) => {
          const what = late ? "is busy and gets no" : "gets";
          log.info(`Worker ${worker.number} ${what} new connections.`);
          this.#pool.avoid(worker, late);
        },
        onBlocked: (worker) => this.#replaceBlocked(worker),
      },
    );
  }

  signal(signal: ServiceSignal): void {
    if (signal === "SIGHUP") this.#reload();
    else if (signal === "SIGTTIN") this.#add();
    else this.#remove();
  }

  async flushLogs(): Promise<void> {
    await Promise.all(
      [...this.#pool.all()].map((worker) => worker.flushLogs()),
    );
  }

  reopenLogs(): void {
    reopenLog();
    for (const worker of this.#pool.all()) worker.reopenLogs();
  }

  predecessorLeaves(left: Promise<void>): void {
    const over = left.then(() => this.#pool.predecessorClosed());
    // Whose listener is whose can be told while one process changes them.
    void this.#next(async () => {
      const wait = Promise.withResolvers<void>();
      const timer = setTimeout(wait.resolve, PREDECESSOR_WAIT_MS);
      await Promise.race([over, wait.promise]);
      clearTimeout(timer);
    });
  }

  async handOver(start: StartSuccessor): Promise<boolean> {
    await this.#next(async () => {
      const successor = await start();
      if (successor === null) return;
      this.#handedOver = true;
      await this.#pool.handOver(successor);
    });
    return this.#handedOver;
  }

  stop(): Promise<void> {
    if (this.#stopping !== null) this.#pool.forceStop();
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#retry);
    this.#endWaitOfReload();
    this.#heartbeat?.stop();
    await this.#pool.stop();
  }

  /**
   * Replaces every worker, one after the other, with fresh code. What an
   * earlier reload has long been loading is given up for it: whoever has mended
   * an app that never finishes loading does not wait for a deadline.
   */
  #reload(): void {
    if (this.#nextReload !== undefined) return;
    this.#nextReload = setInterval(() => {
      // Before the first of them serves, giving them up would end the server.
      if (this.#pool.workers.length === 0) return;
      const why = "A later SIGHUP takes its place.";
      this.#pool.giveUpStarting(why, OUTDATED_AFTER_MS);
    }, OUTDATED_LOOK_MS);
    void this.#next(async () => {
      this.#endWaitOfReload();
      this.reopenLogs();
      rereadEnvFiles();
      this.#pool.keyPair = await reloadKeyPair(
        this.#options.settings,
        this.#pool.keyPair,
      );
      for (const worker of this.#pool.workers) {
        if (await this.#pool.replace(worker, "SIGHUP")) continue;
        if (this.#nextReload !== undefined) return;
        log.error("Reload given up: the present workers go on serving.");
        if (this.#missing > 0) this.#tryAgainLater();
        return;
      }
      await this.#settle();
    });
  }

  #endWaitOfReload(): void {
    clearInterval(this.#nextReload);
    this.#nextReload = undefined;
  }

  #add(): void {
    this.#wanted++;
    void this.#next(() => this.#settle());
  }

  #remove(): void {
    if (this.#wanted <= 1) return log.info("The last worker stays.");
    this.#wanted--;
    void this.#next(() => this.#settle());
  }

  /**
   * Replaces the workers that are due, and has as many as are wanted. What
   * does not start is tried again later; without any worker the server fails.
   */
  async #settle(): Promise<void> {
    const settled = await this.#replaceDue() && await this.#adjust();
    if (settled) this.#backoff.reset();
    else if (this.#pool.workers.length > 0) this.#tryAgainLater();
    else if (this.#stopping === null) {
      this.#failed.reject(
        new WorkerError("No worker is left, and none can start.", false),
      );
    }
  }

  /** @returns false when a successor does not start */
  async #replaceDue(): Promise<boolean> {
    for (const [worker, why] of this.#due) {
      if (!await this.#pool.replace(worker, why)) return false;
      this.#due.delete(worker);
    }
    return true;
  }

  /** @returns false when a worker does not start */
  async #adjust(): Promise<boolean> {
    const { length } = this.#pool.workers;
    let started = true;
    while (started && this.#missing > 0) {
      started = await this.#pool.startOne() !== null;
    }
    while (this.#pool.workers.length > this.#wanted) {
      this.#pool.drain(this.#pool.workers.at(-1)!);
    }
    if (this.#pool.workers.length !== length) {
      log.info(`Workers: ${this.#pool.workers.length}.`);
    }
    return started;
  }

  /** How many workers are to be started. */
  get #missing(): number {
    return this.#wanted - this.#pausing - this.#pool.workers.length;
  }

  #tryAgainLater(): void {
    if (this.#stopping !== null) return;
    clearTimeout(this.#retry);
    const pause = this.#backoff.next();
    log.warn(
      `${this.#pool.workers.length} of ${this.#wanted} workers serve${
        this.#due.size > 0 ? `, ${this.#due.size} of them to be replaced` : ""
      }: the next try to start one is in ${pause} ms.`,
    );
    this.#retry = setTimeout(() => {
      void this.#next(() => this.#settle());
    }, pause);
  }

  /** Runs one change of the workers after the other. */
  #next(change: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (this.#stopping === null && !this.#handedOver) await change();
    }).catch((error) => log.error("A change of workers failed.", error));
    return this.#queue;
  }

  async #onEvent(worker: WorkerHandle, event: WorkerEvent): Promise<void> {
    switch (event.type) {
      case "maxRequests":
        return this.#replace(worker, "it has served --max-requests");
      case "broken":
        await this.#pauseAfter(worker);
        return this.#replace(worker, "an error escaped its app");
      case "gone":
        log.error(`Worker ${worker.number} is gone: ${event.why}.`);
        this.#pool.remove(worker);
        this.#pausing++;
        await this.#next(() => this.#kill(worker));
        await this.#pauseAfter(worker);
        this.#pausing--;
        return await this.#next(() => this.#settle());
      case "acceptFailed":
        return await this.#pool.acceptAgain(worker);
      case "left":
        return await this.#next(() => this.#pool.closeLeft());
      case "unkillable":
        return this.#reportUnkillable(worker);
    }
  }

  #replace(worker: WorkerHandle, why: string): void {
    this.#due.set(worker, why);
    void this.#next(() => this.#settle());
  }

  /** Waits longer from crash to crash; the workers that are left serve on. */
  async #pauseAfter(worker: WorkerHandle): Promise<void> {
    const pause = this.#pause.after(performance.now() - worker.startedAt);
    if (pause === 0) return;
    log.info(`The next worker starts in ${pause} ms.`);
    await delay(pause);
  }

  #replaceBlocked(worker: WorkerHandle): void {
    const { heartbeatTimeout } = this.#options.settings;
    log.error(
      `Worker ${worker.number} has given no sign of life for more than ${heartbeatTimeout} s (--heartbeat-timeout): it is replaced.`,
    );
    this.#pool.remove(worker);
    void this.#next(async () => {
      this.#pool.avoid(worker, true);
      await this.#settle();
      await this.#kill(worker);
    });
  }

  async #kill(worker: WorkerHandle): Promise<void> {
    if (!await this.#pool.kill(worker)) this.#reportUnkillable(worker);
  }

  #reportUnkillable(worker: WorkerHandle): void {
    log.error(
      `The thread of worker ${worker.number} cannot be ended: a fresh process is to take over.`,
    );
    this.#needsReplacement.resolve();
  }
}

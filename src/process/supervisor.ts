/** The main thread of a server with several workers. */

import { log, reopenLog } from "../log/log.ts";
import { reportGuard } from "../server/connection_limit.ts";
import { delay, settledWithin, type Timer } from "../std/timer.ts";
import { rereadEnvFiles } from "./env_files.ts";
import type { Observed } from "./metrics.ts";
import { reloadKeyPair } from "./root_helper.ts";
import {
  type Service,
  type ServiceFacts,
  type ServiceSignal,
  type StartSuccessor,
  WorkerError,
} from "./run_service.ts";
import { checkFree, checkShareable } from "./shared_addresses.ts";
import type { WorkerEvent, WorkerHandle } from "./worker_handle.ts";
import { Backoff, CrashPause, Heartbeat } from "./worker_health.ts";
import { type PoolOptions, WorkerPool } from "./worker_pool.ts";

/**
 * Longest wait of a change for the predecessor to close its listeners (ms). A
 * predecessor with a blocked thread closes them only when it ends.
 */
const PREDECESSOR_WAIT_MS = 60_000;
/**
 * Time after which a worker that is still starting is abandoned for a later
 * SIGHUP (ms). Workers that start faster succeed however often SIGHUP comes.
 */
const OUTDATED_AFTER_MS = 5000;
/** Interval of checks for such workers (ms). */
const OUTDATED_POLL_MS = 500;

/** Until a crashed worker is replaced while no other serves, at most (ms). */
const LONELY_PAUSE_MS = 1000;

/** Decides when workers start, are replaced and end (PAGI.md 6). */
export class Supervisor implements Service {
  readonly #options: PoolOptions;
  readonly #pool: WorkerPool;
  readonly #pause = new CrashPause();
  /** Workers to replace, and why. */
  readonly #due = new Map<WorkerHandle, string>();
  readonly #backoff = new Backoff();
  /** Starts the missing workers again. */
  #retry: Timer | undefined;
  #reloadFailed = false;
  /** Set while a reload waits for its turn; another SIGHUP adds no second. */
  #nextReload: Timer | undefined;
  readonly #failed = Promise.withResolvers<never>();
  readonly failure: Promise<never> = this.#failed.promise;
  readonly #unkillable = Promise.withResolvers<void>();
  readonly needsReplacement: Promise<void> = this.#unkillable.promise;
  #heartbeat: Heartbeat | null = null;
  /** The desired number of workers. */
  #wanted: number;
  /** Crashed workers whose restart is delayed. */
  #pausing = 0;
  /** Changes of the workers, one after the other; never rejects. */
  #queue: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;
  /** Workers that were replaced, by the cause. */
  readonly #restarts = new Map(
    ["reload", "max_requests", "error", "crash", "blocked"]
      .map((cause) => [cause, 0]),
  );
  /** True once a successor gets the new connections. */
  #handedOver = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#wanted = options.settings.workers;
    this.#pool = new WorkerPool(
      options,
      (worker, event) => void this.#onEvent(worker, event),
    );
    this.failure.catch(() => {});
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

  observe(): Observed {
    const { counted, guard } = this.#pool;
    return {
      serving: this.serving,
      counted,
      restarts: this.#restarts,
      connections: guard && { open: guard.count(), limit: guard.limit },
    };
  }

  #countRestart(cause: string): void {
    this.#restarts.set(cause, this.#restarts.get(cause)! + 1);
  }

  get serving(): boolean {
    return this.#pool.workers.length > 0 && this.#stopping === null;
  }

  get listeners(): number {
    return this.#pool.listeners;
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
    if (signal === "SIGHUP") this.reload("SIGHUP");
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
    // Listeners can be told apart only while a single process changes them.
    void this.#next(async () => {
      await settledWithin(over, PREDECESSOR_WAIT_MS);
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
   * Replaces every worker in turn with fresh code. A worker of an earlier
   * reload that has been loading for long is abandoned, so that a fixed app need
   * not wait for the deadline of a broken one.
   */
  reload(reason: string): void {
    if (this.#nextReload !== undefined) return;
    this.#nextReload = setInterval(() => {
      // Without the first workers the server would end.
      if (this.#pool.workers.length === 0) return;
      const why = "A later reload replaces it.";
      this.#pool.giveUpStarting(why, OUTDATED_AFTER_MS);
    }, OUTDATED_POLL_MS);
    void this.#next(async () => {
      this.#endWaitOfReload();
      this.reopenLogs();
      rereadEnvFiles();
      this.#pool.keyPair = await reloadKeyPair(
        this.#options.settings,
        this.#pool.keyPair,
      );
      for (const worker of this.#pool.workers) {
        if (await this.#pool.replace(worker, reason)) {
          this.#countRestart("reload");
          continue;
        }
        if (this.#nextReload !== undefined) return;
        log.error("Reload failed: the current workers keep serving.");
        this.#reloadFailed = true;
        if (this.#missing > 0) this.#tryAgainLater();
        return;
      }
      if (this.#reloadFailed) log.info("Reloaded: the app starts again.");
      this.#reloadFailed = false;
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
    if (this.#wanted <= 1) return log.info("The last worker is kept.");
    this.#wanted--;
    void this.#next(() => this.#settle());
  }

  /**
   * Replaces the workers that are due, then starts or ends workers up to the
   * number wanted. Failed starts are retried; without any worker the server
   * fails.
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

  /** @returns false when a replacement does not start */
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
      }: the next attempt to start one is in ${pause} ms.`,
    );
    this.#retry = setTimeout(() => {
      void this.#next(() => this.#settle());
    }, pause);
  }

  /** Queues a change of the workers. */
  #next(change: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (this.#stopping === null && !this.#handedOver) await change();
    }).catch((error) => log.error("A change of workers failed.", error));
    return this.#queue;
  }

  async #onEvent(worker: WorkerHandle, event: WorkerEvent): Promise<void> {
    switch (event.type) {
      case "maxRequests":
        this.#countRestart("max_requests");
        return this.#replace(worker, "it has served --max-requests");
      case "broken":
        this.#countRestart("error");
        await this.#pauseAfter(worker);
        return this.#replace(worker, "an error escaped its app");
      case "gone":
        log.error(`Worker ${worker.number} is gone: ${event.why}.`);
        this.#countRestart("crash");
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

  /**
   * Waits longer after each crash, while the other workers serve. Without any, a
   * long pause would be an outage.
   */
  async #pauseAfter(worker: WorkerHandle): Promise<void> {
    const after = this.#pause.after(performance.now() - worker.servingSince);
    const { length } = this.#pool.workers;
    const pause = length === 0 ? Math.min(after, LONELY_PAUSE_MS) : after;
    if (pause === 0) return;
    log.info(`The next worker starts in ${pause} ms.`);
    await delay(pause);
  }

  #replaceBlocked(worker: WorkerHandle): void {
    const { heartbeatTimeout } = this.#options.settings;
    this.#countRestart("blocked");
    log.error(
      `Worker ${worker.number} has not responded for more than ${heartbeatTimeout} s (--heartbeat-timeout), so it is replaced.`,
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
      `The thread of worker ${worker.number} cannot be terminated, so a new process takes over.`,
    );
    this.#unkillable.resolve();
  }
}

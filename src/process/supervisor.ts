/**
 * The main thread of a server with several workers.
 *
 * @module
 */

import type { AppRequest } from "../loader/load_app.ts";
import type { ListenAddress } from "../options/address.ts";
import type { Settings } from "../options/settings.ts";
import { type Guard, openGuard } from "../guard/guard.ts";
import { log } from "../log/log.ts";
import { connectionLimit } from "../server/connection_limit.ts";
import { type KeyPair, readKeyPair } from "../server/key_pair.ts";
import { listenAddresses } from "../server/listen_addresses.ts";
import type { Service, ServiceFacts, ServiceSignal } from "./run_service.ts";
import { AddressGroup } from "./address_group.ts";
import { checkFree } from "./check_free.ts";
import { CrashPause } from "./crash_pause.ts";
import { Heartbeat } from "./heartbeat.ts";
import { checkKeyPair } from "./check_key_pair.ts";
import {
  WorkerError,
  type WorkerEvents,
  WorkerHandle,
} from "./worker_handle.ts";

/** How long connections may still arrive at a listener that is avoided (ms). */
const SETTLE_MS = 50;
/** How long workers may take to name their running peers (ms). */
const PEERS_WAIT_MS = 1000;
/** Beyond the timeouts of its own, how long a worker may take to stop (ms). */
const STOP_GRACE_MS = 2000;

/** Starts workers, replaces them, and ends them (PAGI.md 6). */
export class Supervisor implements Service {
  readonly settings: Settings;
  readonly #given: Partial<Settings>;
  readonly #request: AppRequest;
  readonly #connectionLimit: number;
  #keyPair: KeyPair | null = null;
  /** Those that take new connections. */
  #workers: WorkerHandle[] = [];
  /** Those that finish what they have begun. */
  readonly #retiring = new Set<WorkerHandle>();
  #addresses: readonly ListenAddress[];
  #groups: AddressGroup[] = [];
  #guard: Guard | null = null;
  #numbers = 0;
  /** How many workers there should be. */
  #wanted: number;
  #queue: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;
  readonly #pause = new CrashPause();
  #heartbeat: Heartbeat | null = null;
  readonly #failed = Promise.withResolvers<never>();

  constructor(
    settings: Settings,
    given: Partial<Settings>,
    request: AppRequest,
  ) {
    this.settings = settings;
    this.#given = given;
    this.#request = request;
    this.#wanted = settings.workers;
    this.#connectionLimit = connectionLimit(settings);
    this.#addresses = listenAddresses(settings);
    this.#failed.promise.catch(() => {});
  }

  facts(): ServiceFacts {
    const [first] = this.#workers;
    return {
      title: first?.title ?? "",
      urls: first?.urls ?? [],
      addresses: this.#addresses,
      connectionLimit: this.#guard === null ? null : this.#connectionLimit,
      settings: this.settings,
    };
  }

  /** True while connections are accepted. */
  get serving(): boolean {
    return this.#workers.length > 0 && this.#stopping === null;
  }

  /** Rejects when no worker is left. */
  get failure(): Promise<never> {
    return this.#failed.promise;
  }

  /**
   * Starts all workers; resolves when they accept connections.
   *
   * @throws {WorkerError} When none of them can start.
   */
  async start(): Promise<void> {
    this.#keyPair = await readKeyPair(this.settings);
    checkFree(this.#addresses);
    const starts = Array.from({ length: this.#wanted }, () => this.#spawn());
    let failure: unknown = null;
    for (const worker of starts) {
      try {
        await worker.appStarted();
        await this.#letListen(worker);
      } catch (error) {
        worker.terminate();
        failure = error;
        if (error instanceof WorkerError) log.error(error.message);
      }
    }
    if (this.#workers.length === 0) throw failure;
    this.#heartbeat = new Heartbeat(
      this.settings.heartbeatTimeout,
      () => this.#workers,
      (worker) => this.#blocked(worker),
    );
  }

  /** HUP, TTIN and TTOU. */
  signal(signal: ServiceSignal): void {
    if (signal === "SIGHUP") this.reload();
    else if (signal === "SIGTTIN") this.add();
    else this.remove();
  }

  /** Replaces every worker, one after the other, with fresh code. */
  reload(): void {
    void this.#next(async () => {
      await this.#rereadKeyPair();
      for (const worker of [...this.#workers]) {
        worker.reopenLogs();
        if (!await this.#replace(worker, "SIGHUP")) {
          log.error("Reload given up: the present workers go on serving.");
          return;
        }
      }
    });
  }

  /** One worker more. */
  add(): void {
    this.#wanted++;
    void this.#next(async () => {
      const worker = await this.#startOne();
      if (worker === null) this.#wanted--;
      else log.info(`${this.#workers.length} workers now.`);
    });
  }

  /** One worker less, but never none. */
  remove(): void {
    if (this.#wanted <= 1) {
      log.info("The last worker stays.");
      return;
    }
    this.#wanted--;
    void this.#next(async () => {
      const worker = this.#workers.at(-1);
      if (worker === undefined || this.#workers.length === 1) return;
      await this.#retire(worker);
      log.info(`${this.#workers.length} workers now.`);
    });
  }

  /** Stops all workers gracefully; a second call ends the waiting. */
  stop(): Promise<void> {
    if (this.#stopping !== null) {
      for (const worker of this.#all()) void worker.stop(false);
    }
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    const ends = [...this.#all()].map((worker) =>
      this.#retiring.has(worker) ? worker.stopped : this.#end(worker, false)
    );
    await Promise.all(ends);
    this.#workers = [];
    this.#heartbeat?.stop();
    this.#guard?.close();
    for (const group of this.#groups) group.close();
  }

  /** Runs one change of the workers after the other. */
  #next(change: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (this.#stopping === null) await change();
    }).catch((error) => log.error("A change of workers failed.", error));
    return this.#queue;
  }

  #spawn(): WorkerHandle {
    return new WorkerHandle({
      request: this.#request,
      given: this.#given,
      number: ++this.#numbers,
      connectionLimit: this.#connectionLimit,
      keyPair: this.#keyPair,
    }, this.#events);
  }

  /** Starts a worker and has it serve; null when it cannot. */
  async #startOne(): Promise<WorkerHandle | null> {
    const worker = this.#spawn();
    try {
      await worker.appStarted();
      await this.#letListen(worker);
      return worker;
    } catch (error) {
      worker.terminate();
      const why = error instanceof Error ? error.message : error;
      log.error(`Worker ${worker.number} did not start. ${why}`);
      return null;
    }
  }

  /** Workers bind one after the other: the order tells whose listener is whose. */
  async #letListen(worker: WorkerHandle): Promise<void> {
    await worker.listen(this.#addresses);
    // A port of 0 is the same one for all.
    this.#addresses = worker.addresses;
    this.#workers.push(worker);
    if (this.#guard === null) this.#watch();
    for (const group of this.#groups) group.join(worker);
    log.debug(`Worker ${worker.number} serves.`);
  }

  /** Puts a fresh worker in the place of one; false when it does not start. */
  async #replace(worker: WorkerHandle, why: string): Promise<boolean> {
    if (worker.state !== "serving") return true;
    const successor = await this.#startOne();
    if (successor === null) return false;
    log.info(
      `Worker ${successor.number} replaces worker ${worker.number}: ${why}.`,
    );
    await this.#retire(worker);
    return true;
  }

  /** Ends a worker without a loss: first it gets no new connections. */
  async #retire(worker: WorkerHandle): Promise<void> {
    this.#forget(worker);
    for (const group of this.#groups) group.avoid(worker);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    void this.#end(worker, true);
    for (const group of this.#groups) await group.left(worker);
  }

  /** Has a worker stop, and ends its thread when it takes too long. */
  async #end(worker: WorkerHandle, replaced: boolean): Promise<void> {
    this.#retiring.add(worker);
    const { shutdownTimeout } = this.settings;
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

  *#all(): Generator<WorkerHandle> {
    yield* this.#workers;
    yield* this.#retiring;
  }

  #forget(worker: WorkerHandle): void {
    this.#workers = this.#workers.filter((other) => other !== worker);
  }

  readonly #events: WorkerEvents = {
    onWorn: (worker, why) => {
      void this.#next(async () => {
        await this.#replace(worker, why);
      });
    },
    onGone: (worker, why) => {
      log.error(`Worker ${worker.number} is gone: ${why}.`);
      this.#forget(worker);
      const pause = this.#pause.after(performance.now() - worker.startedAt);
      void this.#next(async () => {
        for (const group of this.#groups) await group.left(worker);
        if (pause > 0) log.info(`The next worker starts in ${pause} ms.`);
        await new Promise((resolve) => setTimeout(resolve, pause));
        if (this.#stopping !== null) return;
        const successor = await this.#startOne();
        if (successor === null && this.#workers.length === 0) {
          this.#failed.reject(
            new WorkerError("No worker is left, and none can start.", false),
          );
        }
      });
    },
    onAcceptFailed: (worker) => {
      void this.#guard?.relieve();
      for (const group of this.#groups) group.join(worker);
    },
  };

  /** A worker has shown no sign of life for too long. */
  #blocked(worker: WorkerHandle): void {
    log.error(
      `Worker ${worker.number} has been blocked for more than ${this.settings.heartbeatTimeout} s (--heartbeat-timeout): it is replaced.`,
    );
    this.#forget(worker);
    for (const group of this.#groups) group.avoid(worker);
    void this.#next(async () => {
      await this.#startOne();
      worker.terminate();
      for (const group of this.#groups) await group.left(worker);
    });
  }

  /** Watches the connections of all workers. */
  #watch(): void {
    this.#guard = openGuard({
      limit: this.#connectionLimit,
      timeoutMs: this.settings.timeout * 1000,
      runningPeers: () => this.#runningPeers(),
      onClose: (peer, reason) => {
        for (const worker of this.#all()) {
          worker.connectionClosed({ type: "closed", peer, reason });
        }
      },
    });
    for (const bound of this.#workers[0].bound) {
      this.#guard?.watch(bound);
      const group = AddressGroup.open(bound, 0);
      if (group !== null) this.#groups.push(group);
    }
  }

  /** null when a worker does not answer: it may be running anything. */
  async #runningPeers(): Promise<string[] | null> {
    const answers = await Promise.all(
      [...this.#all()].map((worker) => worker.peers(PEERS_WAIT_MS)),
    );
    return answers.includes(null)
      ? null
      : answers.flatMap((peers) => [...peers!]);
  }

  async #rereadKeyPair(): Promise<void> {
    try {
      const pair = await readKeyPair(this.settings);
      if (pair !== null) checkKeyPair(pair);
      this.#keyPair = pair;
    } catch (error) {
      log.error(
        `The TLS files are broken, so the present ones stay: ${
          error instanceof Error ? error.message : error
        }`,
      );
    }
  }
}

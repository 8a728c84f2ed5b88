/**
 * The main thread of a server with several workers.
 *
 * @module
 */

import type { AppRequest } from "../loader/load_app.ts";
import type { Settings } from "../options/settings.ts";
import { type Guard, openGuard } from "../guard/guard.ts";
import { log } from "../log/log.ts";
import { connectionLimit } from "../server/connection_limit.ts";
import { type KeyPair, readKeyPair } from "../server/key_pair.ts";
import { listenAddresses } from "../server/listen_addresses.ts";
import { checkFree, checkShareable } from "./check_free.ts";
import { checkKeyPair } from "./check_key_pair.ts";
import { CrashPause } from "./crash_pause.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Service, ServiceFacts, ServiceSignal } from "./run_service.ts";
import type { Predecessor, Successor } from "./takeover.ts";
import {
  WorkerError,
  type WorkerEvents,
  WorkerHandle,
} from "./worker_handle.ts";
import { WorkerPool } from "./worker_pool.ts";

/** How long workers may take to name their running peers (ms). */
const PEERS_WAIT_MS = 1000;

/** What a supervisor is told. */
export interface SupervisorOptions {
  readonly settings: Settings;
  /** What of them was given. */
  readonly given: Partial<Settings>;
  readonly request: AppRequest;
  readonly predecessor: Predecessor | null;
}

/** Decides when workers start, are replaced and end (PAGI.md 6). */
export class Supervisor implements Service {
  readonly #options: SupervisorOptions;
  readonly #connectionLimit: number;
  readonly #pool: WorkerPool;
  readonly #pause = new CrashPause();
  readonly #failed = Promise.withResolvers<never>();
  readonly #stuck = Promise.withResolvers<void>();
  #keyPair: KeyPair | null = null;
  #guard: Guard | null = null;
  #heartbeat: Heartbeat | null = null;
  #numbers = 0;
  /** How many workers there should be. */
  #wanted: number;
  #queue: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;

  constructor(options: SupervisorOptions) {
    const { settings, predecessor } = options;
    this.#options = options;
    this.#wanted = settings.workers;
    this.#connectionLimit = connectionLimit(settings);
    this.#pool = new WorkerPool({
      addresses: predecessor?.addresses ?? listenAddresses(settings),
      predecessor,
      shutdownTimeout: settings.shutdownTimeout,
      spawn: () => this.#spawn(),
      onBound: (bound) => {
        for (const address of bound) this.#guard?.watch(address);
      },
    });
    this.#failed.promise.catch(() => {});
  }

  facts(): ServiceFacts {
    const [first] = this.#pool.workers;
    return {
      title: first?.title ?? "",
      urls: first?.urls ?? [],
      addresses: this.#pool.addresses,
      connectionLimit: this.#guard === null ? null : this.#connectionLimit,
      settings: this.#options.settings,
    };
  }

  get serving(): boolean {
    return this.#pool.workers.length > 0 && this.#stopping === null;
  }

  get listeners(): number {
    return this.#pool.workers.length;
  }

  get failure(): Promise<never> {
    return this.#failed.promise;
  }

  get stuck(): Promise<void> {
    return this.#stuck.promise;
  }

  async start(): Promise<void> {
    const { settings, predecessor } = this.#options;
    this.#keyPair = await readKeyPair(settings);
    checkShareable(this.#pool.addresses);
    if (predecessor === null) checkFree(this.#pool.addresses);
    this.#openGuard();
    await this.#pool.start(this.#wanted);
    this.#heartbeat = new Heartbeat(
      settings.heartbeatTimeout,
      () => this.#pool.workers,
      {
        onLate: (worker, late) => void this.#pool.avoid(worker, late),
        onBlocked: (worker) => this.#replaceBlocked(worker),
      },
    );
  }

  signal(signal: ServiceSignal): void {
    if (signal === "SIGHUP") this.#reload();
    else if (signal === "SIGTTIN") this.#add();
    else this.#remove();
  }

  predecessorLeft(): void {
    this.#pool.predecessorLeft();
  }

  handOver(successor: Successor): Promise<void> {
    return this.#next(() => this.#pool.handOver(successor));
  }

  stop(): Promise<void> {
    if (this.#stopping !== null) this.#pool.hurry();
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    this.#heartbeat?.stop();
    await this.#pool.stop();
    this.#guard?.close();
  }

  /** Replaces every worker, one after the other, with fresh code. */
  #reload(): void {
    void this.#next(async () => {
      for (const worker of this.#pool.all()) worker.reopenLogs();
      await this.#rereadKeyPair();
      for (const worker of this.#pool.workers) {
        if (await this.#pool.replace(worker, "SIGHUP")) continue;
        log.error("Reload given up: the present workers go on serving.");
        return;
      }
    });
  }

  #add(): void {
    this.#wanted++;
    void this.#next(async () => {
      if (await this.#pool.startOne() === null) this.#wanted--;
      else log.info(`${this.#pool.workers.length} workers now.`);
    });
  }

  #remove(): void {
    if (this.#wanted <= 1) return log.info("The last worker stays.");
    this.#wanted--;
    void this.#next(async () => {
      const { workers } = this.#pool;
      if (workers.length <= 1) return;
      await this.#pool.retire(workers.at(-1)!);
      log.info(`${this.#pool.workers.length} workers now.`);
    });
  }

  /** Runs one change of the workers after the other. */
  #next(change: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (this.#stopping === null) await change();
    }).catch((error) => log.error("A change of workers failed.", error));
    return this.#queue;
  }

  #spawn(): WorkerHandle {
    const { request, given } = this.#options;
    return new WorkerHandle({
      request,
      given,
      number: ++this.#numbers,
      connectionLimit: this.#connectionLimit,
      keyPair: this.#keyPair,
    }, this.#events);
  }

  readonly #events: WorkerEvents = {
    onWorn: (worker, why) => {
      void this.#next(async () => {
        await this.#pool.replace(worker, why);
      });
    },
    onGone: (worker, why) => {
      log.error(`Worker ${worker.number} is gone: ${why}.`);
      this.#pool.forget(worker);
      void this.#next(() => this.#replaceCrashed(worker));
    },
    onAcceptFailed: (worker) => {
      void this.#guard?.relieve();
      this.#pool.rejoin(worker);
    },
  };

  async #replaceCrashed(worker: WorkerHandle): Promise<void> {
    await this.#pool.abandon(worker);
    const pause = this.#pause.after(performance.now() - worker.startedAt);
    if (pause > 0) {
      log.info(`The next worker starts in ${pause} ms.`);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    if (this.#stopping !== null) return;
    const successor = await this.#pool.startOne();
    if (successor === null && this.#pool.workers.length === 0) {
      this.#failed.reject(
        new WorkerError("No worker is left, and none can start.", false),
      );
    }
  }

  #replaceBlocked(worker: WorkerHandle): void {
    const { heartbeatTimeout } = this.#options.settings;
    log.error(
      `Worker ${worker.number} has been blocked for more than ${heartbeatTimeout} s (--heartbeat-timeout): it is replaced.`,
    );
    this.#pool.forget(worker);
    void this.#next(async () => {
      await this.#pool.avoid(worker, true);
      await this.#pool.startOne();
      if (await this.#pool.abandon(worker)) return;
      log.error(
        `The thread of worker ${worker.number} cannot be ended: a fresh process is to take over.`,
      );
      this.#stuck.resolve();
    });
  }

  /** Watches the connections of all workers. */
  #openGuard(): void {
    this.#guard = openGuard({
      limit: this.#connectionLimit,
      timeoutMs: this.#options.settings.timeout * 1000,
      runningPeers: () => this.#runningPeers(),
      onClose: (peer, reason) => {
        for (const worker of this.#pool.all()) {
          worker.connectionClosed({ type: "closed", peer, reason });
        }
      },
    });
  }

  /** null when a worker does not answer: it may be running anything. */
  async #runningPeers(): Promise<string[] | null> {
    const answers = await Promise.all(
      [...this.#pool.all()].map((worker) => worker.peers(PEERS_WAIT_MS)),
    );
    return answers.includes(null)
      ? null
      : answers.flatMap((peers) => [...peers!]);
  }

  async #rereadKeyPair(): Promise<void> {
    try {
      const pair = await readKeyPair(this.#options.settings);
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

/** The workers of a server: started, replaced, ended. */

import type { Hub } from "../channels/hub.ts";
import { type Guard, openGuard } from "../guard/guard.ts";
import { sharedRequestTimes } from "../guard/idle_timeouts.ts";
import type { AppRequest } from "../loader/load_app.ts";
import { log } from "../log/log.ts";
import { newCounters } from "../metrics/counters.ts";
import { CountedThreads } from "../metrics/threads.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { ResolvedSettings } from "../options/settings.ts";
import { connectionLimit } from "../server/connection_limit.ts";
import { LEAVE_MS } from "../server/drain.ts";
import type { KeyPair } from "../server/key_pair.ts";
import { listenAddresses } from "../server/listen_address.ts";
import { delay, settledWithin } from "../std/timer.ts";
import { sharedDescriptorBudget } from "../system/descriptor_budget.ts";
import { RETIRE_MS, SharedAddresses } from "./shared_addresses.ts";
import { SharedSockets } from "./shared_sockets.ts";
import type { Predecessor, Successor } from "./takeover.ts";
import { type WorkerEvent, WorkerHandle } from "./worker_handle.ts";
import { messageOf } from "../options/option_error.ts";

/** Time for a worker to stop beyond its own timeouts (ms). */
const STOP_GRACE_MS = 2000;
/** Time for a worker to answer when it is forced to stop (ms). */
const FORCE_MS = 1000;
/** A starting worker that does not answer for so long is in a loop (ms). */
const LOOP_MS = 10_000;
/** Time for workers to name the peers with a request running (ms). */
const PEERS_MS = 1000;
/** Why workers that are starting do not serve any more. */
const STOPPING = "The server stops.";

/** What the workers of a pool have in common. */
export interface PoolOptions {
  readonly settings: ResolvedSettings;
  /** Null without TLS. */
  readonly keyPair: KeyPair | null;
  readonly request: AppRequest;
  readonly predecessor: Predecessor | null;
  /** The channels of all workers. */
  readonly hub: Hub;
}

/** Workers that share addresses, and those that are draining. */
export class WorkerPool {
  /** Workers that accept new connections. */
  workers: readonly WorkerHandle[] = [];
  addresses: readonly ListenAddress[];
  /** For workers that start from now on; null without TLS. */
  keyPair: KeyPair | null;
  readonly connectionLimit: number;
  readonly counted = new CountedThreads();
  readonly #options: PoolOptions;
  readonly #onEvent: (worker: WorkerHandle, event: WorkerEvent) => void;
  readonly #starting = new Set<WorkerHandle>();
  /** Workers that finish their requests. */
  readonly #draining = new Set<WorkerHandle>();
  /** Draining workers that still listen, and until when (ms). */
  readonly #leaving = new Map<WorkerHandle, number>();
  readonly #ends = new WeakMap<WorkerHandle, Promise<void>>();
  #numbers = 0;
  #guard: Guard | null = null;
  #shared: SharedAddresses<WorkerHandle> | null = null;
  #sockets: SharedSockets | null = null;
  #binding: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(
    options: PoolOptions,
    onEvent: (worker: WorkerHandle, event: WorkerEvent) => void,
  ) {
    const { settings, keyPair, predecessor } = options;
    this.#options = options;
    this.#onEvent = onEvent;
    this.keyPair = keyPair;
    this.connectionLimit = connectionLimit(settings);
    this.addresses = predecessor?.addresses ?? listenAddresses(settings);
  }

  /** The number of listeners at each address, those of blocked threads too. */
  get listeners(): number {
    return this.#shared?.size || this.workers.length;
  }

  /** The guard of all connections; null where the system does not allow one. */
  get guard(): Guard | null {
    return this.#guard;
  }

  /** All workers that have not ended. */
  *all(): Generator<WorkerHandle> {
    yield* this.workers;
    yield* this.#starting;
    yield* this.#draining;
  }

  /**
   * Starts `count` workers at once; resolves when each accepts connections or
   * has failed.
   *
   * @throws {WorkerError} When none of them can start.
   */
  async start(count: number): Promise<void> {
    this.#guard = this.#openGuard();
    const starting = Array.from({ length: count }, () => this.#spawn());
    const failures = await Promise.all(
      starting.map((worker) => this.#serve(worker)),
    );
    if (this.#stopping) return;
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

  /** Starts a new worker, then drains `worker`; false when none starts. */
  async replace(worker: WorkerHandle, why: string): Promise<boolean> {
    if (worker.state !== "serving") return true;
    // Bounds the threads to twice the workers, or four, however fast they
    // change.
    const most = Math.max(3, this.workers.length);
    if (this.#leaving.size >= most) await delay(RETIRE_MS);
    await this.closeLeft();
    const successor = await this.startOne();
    if (successor === null) return false;
    // From here on new connections reach the successor.
    this.drain(worker);
    log.info(
      `Worker ${successor.number} replaces worker ${worker.number}: ${why}.`,
    );
    return true;
  }

  /**
   * Ends a worker without losing a connection: it gets no new ones, and closes
   * each after its next response. When clients had time to leave, there is an
   * event "left"; call {@linkcode closeLeft} then.
   */
  drain(worker: WorkerHandle): void {
    this.remove(worker);
    this.#draining.add(worker);
    worker.leave();
    this.#shared?.avoid(worker);
    this.#leaving.set(worker, performance.now() + RETIRE_MS);
    setTimeout(() => this.#onEvent(worker, { type: "left" }), RETIRE_MS + 1);
  }

  /** Closes the listeners of workers whose clients had time to leave. */
  async closeLeft(): Promise<void> {
    for (const [worker, at] of this.#leaving) {
      if (performance.now() < at) continue;
      await this.#close(worker);
    }
  }

  /** To be called for one at a time: their order identifies the listeners. */
  async #close(worker: WorkerHandle): Promise<void> {
    this.#leaving.delete(worker);
    this.#shared?.prepareClose(worker);
    void this.#end(worker, true);
    await this.#shared?.waitClosed(worker);
  }

  /** Terminates a worker; false when its thread still runs. */
  async kill(worker: WorkerHandle): Promise<boolean> {
    worker.terminate();
    return await this.#shared?.waitClosed(worker) ?? true;
  }

  /** Takes a worker off those that accept connections. */
  remove(worker: WorkerHandle): void {
    this.workers = this.workers.filter((other) => other !== worker);
  }

  /** Gives a worker no new connections, or (`false`) some again. */
  avoid(worker: WorkerHandle, avoided: boolean): void {
    this.#shared?.avoid(worker, avoided);
  }

  /** Binds the addresses of a worker again, after accepting has failed. */
  async acceptAgain(worker: WorkerHandle): Promise<void> {
    this.#shared?.listenerLost(worker);
    const closed = await this.#guard?.evictIdle() ?? 0;
    await this.#bind(async () => {
      worker.acceptAgain(closed);
      await this.#shared?.rejoined(worker);
    });
  }

  /** To be called when the predecessor has closed its listeners. */
  async predecessorClosed(): Promise<void> {
    await this.#shared?.predecessorClosed();
  }

  /** Closes all listeners once a successor gets the new connections. */
  async handOver(successor: Successor): Promise<void> {
    for (const worker of this.workers) worker.leave();
    await this.#shared?.handOver(successor.listeners);
    let blocked = false;
    for (const worker of this.#shared?.closeOrder() ?? this.workers) {
      this.remove(worker);
      blocked ||= worker.state === "gone";
      if (worker.state !== "gone") await this.#close(worker);
    }
    this.#sockets?.close();
    // The listener of a blocked thread closes when this process ends.
    if (!blocked) await successor.closed();
  }

  /** Stops all workers gracefully. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.giveUpStarting(STOPPING);
    // Workers without a started app have nothing to shut down.
    const workers = [...this.all()].filter((worker) => worker.appHasStarted);
    const ended = workers.map((worker) => this.#end(worker, false));
    // Workers no longer accept, so connections must not wait in the queue.
    const timer = setTimeout(() => this.#sockets?.close(), LEAVE_MS);
    await Promise.all(ended);
    clearTimeout(timer);
    this.#sockets?.close();
    this.workers = [];
    this.#shared?.close();
    this.#guard?.close();
  }

  /** Stops workers that are stopping without waiting for their requests. */
  forceStop(): void {
    for (const worker of this.all()) {
      void worker.stop(false);
      void worker.peers(FORCE_MS).then((answer) => {
        if (answer === null) worker.terminate(); // it is blocked
      });
    }
  }

  #openGuard(): Guard | null {
    const { timeout, workers } = this.#options.settings;
    return openGuard({
      limit: this.connectionLimit,
      threads: workers,
      timeoutMs: timeout * 1000,
      runningPeers: async () => {
        const answers = await Promise.all(
          [...this.all()].map((worker) => worker.peers(PEERS_MS)),
        );
        // A worker that does not answer may be running any request.
        return answers.includes(null)
          ? null
          : answers.flatMap((peers) => [...peers!]);
      },
      onClose: (peer, reason) => {
        for (const worker of this.all()) worker.connectionClosed(peer, reason);
      },
    });
  }

  #spawn(): WorkerHandle {
    const { request, settings } = this.#options;
    const counters = settings.metrics === null ? undefined : newCounters();
    const number = ++this.#numbers;
    const { port, remove } = this.#options.hub.addWorker(number);
    const worker = new WorkerHandle(
      {
        request,
        settings,
        number,
        connectionLimit: this.connectionLimit,
        counters,
        slots: this.#guard?.slots,
        descriptorBudget: sharedDescriptorBudget(),
        keyPair: this.keyPair,
        channels: port,
        requestTimes: sharedRequestTimes(),
      },
      this.#onEvent,
      remove,
    );
    this.#starting.add(worker);
    if (counters !== undefined) this.counted.add(worker, { memory: counters });
    return worker;
  }

  #report(worker: WorkerHandle, failure: unknown): void {
    if (this.#stopping) return;
    const why = messageOf(failure);
    log.error(`Worker ${worker.number} did not start. ${why}`.split("\n"));
  }

  /** Starts a worker until it accepts; returns what went wrong, or null. */
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

  /** Ends a worker that did not start; Deno cannot end an endless loop. */
  async #endUnstarted(worker: WorkerHandle): Promise<void> {
    const blocked = worker.state === "starting" &&
      await worker.peers(LOOP_MS) === null;
    worker.terminate();
    if (!blocked || this.#stopping) return;
    log.error(
      `The thread of worker ${worker.number} is in an endless loop and cannot be terminated: it uses a processor until this process ends. Once the app is fixed, USR2 starts a new process.`,
    );
  }

  /** Binds one after the other: their order identifies the listeners. */
  #bind(bind: () => Promise<void>): Promise<void> {
    const bound = this.#binding.then(bind);
    this.#binding = bound.catch(() => {});
    return bound;
  }

  async #listen(worker: WorkerHandle): Promise<void> {
    const { predecessor, settings } = this.#options;
    this.#sockets ??= await SharedSockets.open(this.addresses, {
      mode: settings.socketMode,
      takesOver: predecessor !== null,
    });
    await worker.listen(
      this.addresses,
      this.#sockets.forWorker(worker.number),
    );
    // Port 0 has become one port for all workers.
    this.addresses = worker.addresses;
    this.workers = [...this.workers, worker]
      .sort((one, other) => one.number - other.number);
    if (this.#shared === null) {
      const others = predecessor?.listeners ?? 0;
      this.#shared = new SharedAddresses(worker.bound, others);
      for (const address of worker.bound) this.#guard?.watch(address);
    }
    this.#shared.join(worker);
  }

  /** Stops a worker, once. */
  #end(worker: WorkerHandle, replaced: boolean): Promise<void> {
    let end = this.#ends.get(worker);
    if (end === undefined) {
      this.remove(worker);
      this.#leaving.delete(worker);
      this.#draining.add(worker);
      end = this.#stopWorker(worker, replaced);
      this.#ends.set(worker, end);
    }
    return end;
  }

  /** Terminates the thread when stopping takes too long. */
  async #stopWorker(worker: WorkerHandle, replaced: boolean): Promise<void> {
    const { shutdownTimeout } = this.#options.settings;
    const stopped = worker.stop(replaced);
    if (shutdownTimeout === 0) await stopped;
    else {
      await settledWithin(stopped, 2 * shutdownTimeout * 1000 + STOP_GRACE_MS);
    }
    worker.terminate();
    this.#draining.delete(worker);
    if (this.#stopping || await this.#shared?.waitClosed(worker) !== false) {
      return;
    }
    this.#onEvent(worker, { type: "unkillable" });
  }
}

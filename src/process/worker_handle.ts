/** A worker, as the supervisor sees it. */

import { closeAfterThread, type ThreadDescriptors } from "../guard/sockets.ts";
import type { BundleQuestion } from "../loader/bundle.ts";
import type { AppRequest } from "../loader/load_app.ts";
import type { UpstreamState } from "../metrics/upstreams.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { ResolvedSettings } from "../options/settings.ts";
import type { DisconnectReason } from "../pagi/types.ts";
import type { KeyPair } from "../server/key_pair.ts";
import type { SharedSocket } from "../server/listener.ts";
import { startThread } from "../std/thread.ts";
import { type Timer, timerDelay } from "../std/timer.ts";
import { releaseDescriptorsOf } from "../system/descriptor_budget.ts";
import { WorkerError } from "./run_service.ts";

/** Seconds added to the worker's own startup deadline, which comes first. */
const STARTUP_GRACE = 1;
/** Seconds that a thread may take until it begins to load the app. */
const THREAD_TIMEOUT = 10;
/** Seconds that a worker with a started app may take to bind its addresses. */
const LISTEN_TIMEOUT = 10;

/** Events that workers report themselves, and that the supervisor handles. */
type ReportedEvent =
  /** The worker has served `--max-requests`. */
  | { readonly type: "maxRequests" }
  /** Its app threw an uncaught error, so its state is unknown; sent once. */
  | { readonly type: "broken" }
  /** Accepting failed for lack of descriptors; waits for `acceptAgain`. */
  | { readonly type: "acceptFailed" };

/** What the supervisor has to handle. */
export type WorkerEvent =
  | ReportedEvent
  /** The worker ended unasked; `why` is a clause without a full stop. */
  | { readonly type: "gone"; readonly why: string }
  /** It is drained and its clients had time to leave: it can be closed. */
  | { readonly type: "left" }
  /** It was terminated, but its thread still runs. */
  | { readonly type: "unkillable" };

/** One worker thread and its state. */
export class WorkerHandle {
  readonly number: number;
  readonly startedAt = performance.now();
  /** Time of its last message (ms, `performance.now()`). */
  seenAt = performance.now();
  state: "starting" | "serving" | "stopping" | "gone" = "starting";
  /** When it began to serve (ms, `performance.now()`); Infinity before. */
  servingSince = Infinity;
  addresses: readonly ListenAddress[] = [];
  /** The targets of its proxies, for metrics. */
  upstreams: readonly UpstreamState[] = [];
  /** The addresses as the system reports them. */
  bound: readonly (Deno.NetAddr | Deno.UnixAddr)[] = [];
  urls: readonly string[] = [];
  /** What it serves, for the banner. */
  title = "";
  /** True once the app has started, so that it must be shut down as well. */
  appHasStarted = false;
  /**
   * Seconds for loading the app, and again for starting it; 0 for no limit.
   * Counted here, since an app may block its own event loop.
   */
  readonly #startTimeout: number;
  readonly #worker: Worker;
  readonly #onEvent: (worker: WorkerHandle, event: WorkerEvent) => void;
  readonly #appStarted = Promise.withResolvers<void>();
  readonly #listening = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  /** Deadline of the current phase of the start. */
  #deadline: Timer | undefined;
  /** Callers of `peers`, in the order in which answers arrive. */
  readonly #peersQueue: ((peers: readonly string[]) => void)[] = [];
  #flushed = Promise.withResolvers<void>();
  /** What its guard has open; null before it listens. */
  #held: ThreadDescriptors | null = null;
  /** Ends its channels. */
  readonly #leaveHub: () => void;

  constructor(
    plan: WorkerPlan,
    onEvent: (worker: WorkerHandle, event: WorkerEvent) => void,
    leaveHub: () => void,
  ) {
    this.#leaveHub = leaveHub;
    this.number = plan.number;
    this.#startTimeout = plan.settings.lifespanStartupTimeout;
    this.#onEvent = onEvent;
    this.#appStarted.promise.catch(() => {});
    this.#listening.promise.catch(() => {});
    const name = `worker ${plan.number}`;
    this.#worker = startThread("process/worker_main", name, {
      message: (data: FromWorker) => this.#take(data),
      error: (message) => this.#gone(message),
    });
    this.#worker.postMessage({ type: "start", plan }, [plan.channels]);
    this.#bound("load its app", this.#startTimeout + THREAD_TIMEOUT);
  }

  /** Gives up the start; `why` is a sentence. */
  giveUp(why: string): void {
    clearTimeout(this.#deadline);
    const error = new WorkerError(why, false);
    this.#appStarted.reject(error);
    this.#listening.reject(error);
  }

  /** Resolves when the app has started. @throws {WorkerError} */
  appStarted(): Promise<void> {
    return this.#appStarted.promise;
  }

  /** Binds the addresses; resolves when it accepts. @throws {WorkerError} */
  async listen(
    addresses: readonly ListenAddress[],
    sockets: ReadonlyMap<string, SharedSocket>,
  ): Promise<void> {
    this.#tell({ type: "listen", addresses, sockets });
    this.#deadline = setTimeout(() => {
      this.giveUp(`It did not listen within ${LISTEN_TIMEOUT} s: it is busy.`);
    }, LISTEN_TIMEOUT * 1000);
    await this.#listening.promise;
    clearTimeout(this.#deadline);
    this.state = "serving";
    this.servingSince = performance.now();
  }

  /** From now on each response closes its connection. */
  leave(): void {
    if (this.state !== "gone") this.state = "stopping";
    this.#tell({ type: "leave" });
  }

  /**
   * Stops it gracefully; a second call stops waiting for requests. Resolves
   * when it has stopped or is gone.
   */
  stop(replaced: boolean): Promise<void> {
    if (this.state !== "gone") {
      this.state = "stopping";
      this.#tell({ type: "stop", replaced });
    }
    return this.#stopped.promise;
  }

  /** Ends the thread; Deno cannot end one in a tight loop. */
  terminate(): void {
    this.state = "gone";
    this.#worker.terminate();
    this.#release("it was terminated");
  }

  /** Reopens its log files. */
  reopenLogs(): void {
    this.#tell({ type: "reopenLogs" });
  }

  /** Writes buffered log lines; resolves when they are written. */
  flushLogs(): Promise<void> {
    this.#tell({ type: "flushLogs" });
    return Promise.race([this.#flushed.promise, this.#stopped.promise]);
  }

  /** Binds again, after `closed` connections were closed to free descriptors. */
  acceptAgain(closed: number): void {
    this.#tell({ type: "acceptAgain", closed });
  }

  /** Reports a connection that the guard has closed. */
  connectionClosed(peer: string, reason: DisconnectReason): void {
    this.#tell({ type: "closed", peer, reason });
  }

  /** The peers with a request running; null without an answer within `ms`. */
  peers(ms: number): Promise<readonly string[] | null> {
    this.#tell({ type: "peers" });
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), ms);
      this.#peersQueue.push((peers) => {
        clearTimeout(timer);
        resolve(peers);
      });
    });
  }

  #bound(what: string, seconds: number): void {
    clearTimeout(this.#deadline);
    if (this.#startTimeout === 0) return;
    this.#deadline = setTimeout(() => {
      this.giveUp(
        `It did not ${what} within ${this.#startTimeout} s (--lifespan-startup-timeout).`,
      );
    }, timerDelay(seconds));
  }

  #tell(message: ToWorker): void {
    if (this.state !== "gone") this.#worker.postMessage(message);
  }

  #take(message: FromWorker): void {
    this.seenAt = performance.now();
    switch (message.type) {
      case "loading":
        return this.#bound("load its app", this.#startTimeout);
      case "loaded":
        return this.#bound("start its app", this.#startTimeout + STARTUP_GRACE);
      case "started":
        clearTimeout(this.#deadline);
        this.appHasStarted = true;
        this.title = message.title;
        return this.#appStarted.resolve();
      case "listening":
        this.addresses = message.addresses;
        this.bound = message.bound;
        this.urls = message.urls;
        this.#held = message.held;
        return this.#listening.resolve();
      case "failed": {
        const error = new WorkerError(message.message, message.usage);
        this.#appStarted.reject(error);
        return this.#listening.reject(error);
      }
      case "upstreams":
        this.upstreams = message.upstreams;
        return;
      case "peers":
        return this.#peersQueue.shift()?.(message.peers);
      case "maxRequests":
      case "broken":
      case "acceptFailed":
        return this.#onEvent(this, message);
      case "bundle":
        void answerWorker(message);
        return;
      case "exit":
        return this.#gone(`its app called ${message.call}`);
      case "flushed":
        this.#flushed.resolve();
        this.#flushed = Promise.withResolvers();
        return;
      case "stopped":
        return this.#stopped.resolve();
    }
  }

  #gone(why: string): void {
    if (this.state === "gone") return;
    const wasServing = this.state === "serving";
    this.state = "gone";
    this.#worker.terminate();
    this.#release(why);
    if (wasServing) this.#onEvent(this, { type: "gone", why });
  }

  #release(why: string): void {
    releaseDescriptorsOf(this.number);
    if (this.#held !== null) closeAfterThread(this.#held);
    this.#held = null;
    this.#leaveHub();
    this.giveUp(
      `Worker ${this.number} ended before it could serve: ${
        why.replace(/\.$/, "")
      }.`,
    );
    this.#stopped.resolve();
    for (const answer of this.#peersQueue.splice(0)) answer([]);
  }
}

async function answerWorker(question: BundleQuestion): Promise<void> {
  const bundles = await import("../loader/bundle.ts");
  await bundles.answerWorker(question);
}

/** What a worker needs to start. */
export interface WorkerPlan {
  readonly request: AppRequest;
  readonly settings: ResolvedSettings;
  /** 1, 2, … */
  readonly number: number;
  /** Connections of all workers together. */
  readonly connectionLimit: number;
  /** Where it counts its requests; undefined without `--metrics`. */
  readonly counters: SharedArrayBuffer | undefined;
  /** Connection slots; undefined without a guard. */
  readonly slots: SharedArrayBuffer | undefined;
  /** Counters of the process's file descriptors. */
  readonly descriptorBudget: SharedArrayBuffer;
  readonly keyPair: KeyPair | null;
  /** Leads to the hub of the channels. */
  readonly channels: MessagePort;
  /** Time of each client's last request. */
  readonly requestTimes: SharedArrayBuffer;
}

/** From the supervisor to a worker. */
export type ToWorker =
  | { readonly type: "start"; readonly plan: WorkerPlan }
  /** The app has started: accept connections. */
  | {
    readonly type: "listen";
    readonly addresses: readonly ListenAddress[];
    /** Unix sockets among them, by their paths: they are bound already. */
    readonly sockets: ReadonlyMap<string, SharedSocket>;
  }
  /** Other workers get the new connections: close each after its response. */
  | { readonly type: "leave" }
  /** Stop gracefully: for good, or because a successor has taken over. */
  | { readonly type: "stop"; readonly replaced: boolean }
  | { readonly type: "reopenLogs" }
  /** Write buffered log lines, then send `flushed`. */
  | { readonly type: "flushLogs" }
  /** `closed` connections were closed: accept again after a failure. */
  | { readonly type: "acceptAgain"; readonly closed: number }
  /** Requests the peers with a running request. */
  | { readonly type: "peers" }
  /** The guard has closed a connection. */
  | {
    readonly type: "closed";
    readonly peer: string;
    readonly reason: DisconnectReason;
  };

/** From a worker to the supervisor. */
export type FromWorker =
  | ReportedEvent
  /** The thread has started and loads the app. */
  | { readonly type: "loading" }
  /** The app's code is loaded; its startup begins. */
  | { readonly type: "loaded" }
  | { readonly type: "started"; readonly title: string }
  | {
    readonly type: "listening";
    readonly addresses: readonly ListenAddress[];
    readonly bound: readonly (Deno.NetAddr | Deno.UnixAddr)[];
    readonly urls: readonly string[];
    readonly held: ThreadDescriptors | null;
  }
  /** It could not start; see {@linkcode WorkerError}. */
  | {
    readonly type: "failed";
    readonly message: string;
    readonly usage: boolean;
  }
  | { readonly type: "beat" }
  | {
    readonly type: "upstreams";
    readonly upstreams: readonly UpstreamState[];
  }
  | { readonly type: "peers"; readonly peers: readonly string[] }
  /** Requests its app as one module. */
  | { readonly type: "bundle" } & BundleQuestion
  /** The app ends its worker by calling `call`. */
  | { readonly type: "exit"; readonly call: string }
  | { readonly type: "flushed" }
  | { readonly type: "stopped" };

/**
 * A worker, as the supervisor sees it.
 *
 * @module
 */

import type { AppRequest } from "../loader/load_app.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { ResolvedSettings } from "../options/settings.ts";
import type { DisconnectReason } from "../pagi/types.ts";
import type { KeyPair } from "../server/key_pair.ts";
import type { SharedSocket } from "../server/listener.ts";
import { type Timer, timerDelay } from "../std/timer.ts";
import { releaseDescriptorsOf } from "../system/descriptor_budget.ts";

/** How much later than the worker's own a deadline of its startup is (s). */
const STARTUP_GRACE = 1;
/** How long a thread may take before it loads the app (s). */
const THREAD_TIMEOUT = 10;
/** How long one whose app has started may take to bind its addresses (s). */
const LISTEN_TIMEOUT = 10;

/** What the supervisor has to do something about. */
export type WorkerEvent =
  /** It has served `--max-requests`. */
  | { readonly type: "maxRequests" }
  /** Its app threw where nothing caught it: nobody knows its state. */
  | { readonly type: "broken" }
  /** It is gone without having been asked to go; `why` is no sentence. */
  | { readonly type: "gone"; readonly why: string }
  /** Accepting failed for want of descriptors; it waits for `acceptAgain`. */
  | { readonly type: "acceptFailed" }
  /** It is drained, and its clients had time to leave: it can be closed. */
  | { readonly type: "left" }
  /** It had to end, and its thread lives on. */
  | { readonly type: "unkillable" };

/** A worker that could not start. */
export class WorkerError extends Error {
  override readonly name = "WorkerError";

  /** @param usage The command line is wrong, not the app. */
  constructor(message: string, readonly usage: boolean) {
    super(message);
  }
}

/** One worker thread and how far it has come. */
export class WorkerHandle {
  readonly number: number;
  readonly startedAt = performance.now();
  /** When it last showed a sign of life (ms, `performance.now()`). */
  seenAt = performance.now();
  state: "starting" | "serving" | "stopping" | "gone" = "starting";
  addresses: readonly ListenAddress[] = [];
  /** What the addresses are for the system. */
  bound: readonly (Deno.NetAddr | Deno.UnixAddr)[] = [];
  urls: readonly string[] = [];
  /** What it serves. */
  title = "";
  readonly #worker: Worker;
  readonly #onEvent: (worker: WorkerHandle, event: WorkerEvent) => void;
  readonly #appStarted = Promise.withResolvers<void>();
  #listening = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  #started = false;
  /** Ends the phase of the start that is on. */
  #deadline: Timer | undefined;
  readonly #asked = new Map<number, (peers: readonly string[]) => void>();
  #questions = 0;
  #flushed = Promise.withResolvers<void>();

  /**
   * @param startTimeout Seconds that its app may take to be loaded, and again
   * to start; 0 for any number. They are counted here, because an app that
   * loads for ever may leave its own thread no turn.
   */
  constructor(
    plan: WorkerPlan,
    readonly startTimeout: number,
    onEvent: (worker: WorkerHandle, event: WorkerEvent) => void,
  ) {
    this.number = plan.number;
    this.#onEvent = onEvent;
    // Whoever waits hears of a failure; a bystander need not.
    this.#appStarted.promise.catch(() => {});
    this.#listening.promise.catch(() => {});
    // Beside this module: as a source, and as one file, which compile.sh makes.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const url = new URL(`./worker_main.${extension}`, import.meta.url);
    this.#worker = new Worker(url, {
      type: "module",
      name: `worker ${plan.number}`,
    });
    this.#worker.addEventListener("message", (event) => this.#take(event.data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#gone(event.message);
    });
    this.#tell({ type: "start", plan });
    this.#bound("load its app", startTimeout + THREAD_TIMEOUT);
  }

  /** True once the app has started, so that it is to be shut down as well. */
  get appHasStarted(): boolean {
    return this.#started;
  }

  /** Gives the start up that is on; `why` is a sentence. */
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

  /** Has it accept connections; resolves when it does. @throws {WorkerError} */
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
  }

  /** Has its clients leave: answers end their connections from now on. */
  leave(): void {
    if (this.state !== "gone") this.state = "stopping";
    this.#tell({ type: "leave" });
  }

  /**
   * Has it stop gracefully; a second call ends the waiting. Resolves when it
   * has stopped or is gone.
   */
  stop(replaced: boolean): Promise<void> {
    if (this.state !== "gone") {
      this.state = "stopping";
      this.#tell({ type: "stop", replaced });
    }
    return this.#stopped.promise;
  }

  /** Resolves when it has stopped or is gone. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Ends the thread; one in a tight loop goes on. */
  terminate(): void {
    this.state = "gone";
    this.#worker.terminate();
    this.#release("it was terminated");
  }

  reopenLogs(): void {
    this.#tell({ type: "reopenLogs" });
  }

  /** Has it write what waits to be logged; resolves when it has. */
  flushLogs(): Promise<void> {
    this.#tell({ type: "flushLogs" });
    return Promise.race([this.#flushed.promise, this.#stopped.promise]);
  }

  /** Has it bind anew; `closed` connections made room. */
  acceptAgain(closed: number): void {
    this.#tell({ type: "acceptAgain", closed });
  }

  /** Tells it of a connection that the guard has closed. */
  connectionClosed(peer: string, reason: DisconnectReason): void {
    this.#tell({ type: "closed", peer, reason });
  }

  /** The peers with a request running; null when it does not answer in time. */
  peers(milliseconds: number): Promise<readonly string[] | null> {
    const id = ++this.#questions;
    this.#tell({ type: "peers", id });
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        resolve(null);
      }, milliseconds);
      this.#asked.set(id, (peers) => {
        clearTimeout(timer);
        this.#asked.delete(id);
        resolve(peers);
      });
    });
  }

  #bound(what: string, seconds: number): void {
    clearTimeout(this.#deadline);
    if (this.startTimeout === 0) return;
    this.#deadline = setTimeout(() => {
      this.giveUp(
        `It did not ${what} within ${this.startTimeout} s (--lifespan-startup-timeout).`,
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
        return this.#bound("load its app", this.startTimeout);
      case "loaded":
        return this.#bound("start its app", this.startTimeout + STARTUP_GRACE);
      case "started":
        clearTimeout(this.#deadline);
        this.#started = true;
        this.title = message.title;
        return this.#appStarted.resolve();
      case "listening":
        this.addresses = message.addresses;
        this.bound = message.bound;
        this.urls = message.urls;
        return this.#listening.resolve();
      case "failed": {
        const error = new WorkerError(message.message, message.usage);
        this.#appStarted.reject(error);
        return this.#listening.reject(error);
      }
      case "peers":
        return this.#asked.get(message.id)?.(message.peers);
      case "maxRequests":
      case "broken":
      case "acceptFailed":
        return this.#onEvent(this, message);
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
    this.giveUp(
      `Worker ${this.number} ended before it could serve: ${why}.`,
    );
    this.#stopped.resolve();
    for (const answer of this.#asked.values()) answer([]);
  }
}

/** All that a worker needs to start. */
export interface WorkerPlan {
  readonly request: AppRequest;
  readonly settings: ResolvedSettings;
  /** 1, 2, … */
  readonly number: number;
  /** Connections of all workers together. */
  readonly connectionLimit: number;
  /** The slots of connections; undefined where nobody watches these. */
  readonly slots: SharedArrayBuffer | undefined;
  /** The numbers of the budget of descriptors. */
  readonly descriptorBudget: SharedArrayBuffer;
  readonly keyPair: KeyPair | null;
  /** When each client has last asked. */
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
  /** Others take the new connections now: have clients leave. */
  | { readonly type: "leave" }
  /** Stop gracefully: for good, or because a successor has taken over. */
  | { readonly type: "stop"; readonly replaced: boolean }
  | { readonly type: "reopenLogs" }
  /** Write what waits to be logged, and say `flushed`. */
  | { readonly type: "flushLogs" }
  /** So many connections were closed: accept again where that failed. */
  | { readonly type: "acceptAgain"; readonly closed: number }
  /** Which peers have a request running? */
  | { readonly type: "peers"; readonly id: number }
  /** The guard has closed a connection. */
  | {
    readonly type: "closed";
    readonly peer: string;
    readonly reason: DisconnectReason;
  };

/** From a worker to the supervisor. */
export type FromWorker =
  /** The thread has started, and loads the app. */
  | { readonly type: "loading" }
  /** The app's code is loaded; its startup begins. */
  | { readonly type: "loaded" }
  /** The app has started; `title` says what it is. */
  | { readonly type: "started"; readonly title: string }
  | {
    readonly type: "listening";
    readonly addresses: readonly ListenAddress[];
    readonly bound: readonly (Deno.NetAddr | Deno.UnixAddr)[];
    readonly urls: readonly string[];
  }
  /** It could not start; `usage` means that the command line is wrong. */
  | {
    readonly type: "failed";
    readonly message: string;
    readonly usage: boolean;
  }
  | { readonly type: "beat" }
  | {
    readonly type: "peers";
    readonly id: number;
    readonly peers: readonly string[];
  }
  /** It has served `--max-requests`. */
  | { readonly type: "maxRequests" }
  /** The app threw outside of any request or promise; it is told once. */
  | { readonly type: "broken" }
  /** Accepting failed for want of descriptors; it waits for `acceptAgain`. */
  | { readonly type: "acceptFailed" }
  /** The app ends its worker, by this call. */
  | { readonly type: "exit"; readonly call: string }
  | { readonly type: "flushed" }
  | { readonly type: "stopped" };

/** The requests that are being served at the moment. */

import type { WatchedRequest } from "../guard/input_monitor.ts";
import { noteRequest } from "../guard/idle_timeouts.ts";
import type { AccessRecord, Transfer } from "../log/access_format.ts";
import type { DisconnectReason } from "../pagi/types.ts";
import type { Http2Connection } from "./http2_connection.ts";
import type { RequestKind } from "./request/head.ts";
import { type Timer, unref } from "../std/timer.ts";

/** Why a server stops: for good, or because a successor has taken over. */
export type StopCause = "stopped" | "replaced";

/** {@linkcode InFlightRequest.taken} where the engine does not report it. */
export const UNSEEN = -1;

/** How far a body has come. */
export type BodyProgress = Omit<Transfer, "bytesPerSecond">;

/** A request, as the server sees it while it is served. */
export interface InFlightRequest extends WatchedRequest {
  /** Its neighbours in {@linkcode InFlight}, which alone sets them. */
  next: InFlightRequest | null;
  previous: InFlightRequest | null;
  readonly kind: RequestKind;
  /** The client's end of the connection. */
  readonly address: Deno.Addr;
  /** The HTTP/2 connection that it shares with others; null for HTTP/1.1. */
  readonly connection: Http2Connection | null;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** True while the connection cannot be taken for idle. */
  readonly occupiesConnection: boolean;
  /** True while a request body is on its way to the app. */
  readonly awaitsBody: boolean;
  /**
   * Changes whenever the client takes some of what is buffered for it; null
   * while nothing is buffered, and {@linkcode UNSEEN} where that is unknown.
   */
  readonly taken: number | null;
  /** True when the engine has the complete response. */
  readonly isGiven: boolean;
  /** Progress of the body in transfer; null if there is none. */
  readonly transfer: BodyProgress | null;
  /** What a line of the access log needs. */
  record(usesHeaders: boolean): AccessRecord;
  /** Method, path and state, for logs. */
  describe(): string;
  /** How far the response has come, for logs. */
  readonly life: { toString(): string };
  /** The server stops: ends what has no end of its own. */
  drain(cause: StopCause): void;
  /** The client is gone, or the server ends the request. */
  disconnect(reason: DisconnectReason): void;
  /** The client has taken nothing of the response for the time of `--timeout`. */
  giveUp(): void;
  /** Closes an HTTP/1 connection at once. False if that is impossible. */
  dropConnection(): boolean;
  /** Closes the HTTP/2 connection at once, with all that runs on it. */
  dropShared(why: string): void;
}

/**
 * A request may wait for so long, and up to twice that, to be watched (ms): even
 * a busy server has answered most by then.
 */
const UNWATCHED_MS = 50;

/** A request that is served, and whose client is not watched yet. */
export interface Unwatched {
  /** Its place among them, set by {@linkcode InFlight}; -1 for none … */
  place: number;
  /** … as the number of timers that had run when it came. */
  turn: number;
  /** Has its client watched, and lists what serves it if nothing does yet. */
  watch(): void;
}

/**
 * The requests and WebSockets that an app is serving: a linked list in the
 * order in which they came. Adding to a `Set` and deleting from it takes
 * several times as long.
 */
export class InFlight {
  #first: InFlightRequest | null = null;
  #last: InFlightRequest | null = null;
  #size = 0;
  readonly #onAdd: () => void;
  #onIdle: (() => void)[] = [];
  /** Requests that will probably end before they are watched, in no order. */
  readonly #unwatched: Unwatched[] = [];
  #turn = 0;
  #timer: Timer | undefined;

  /** @param onAdd Called after each {@linkcode add}. */
  constructor(onAdd: () => void) {
    this.#onAdd = onAdd;
  }

  add(request: InFlightRequest): void {
    const last = this.#last;
    if (last === null) this.#first = request;
    else last.next = request;
    request.previous = last;
    this.#last = request;
    this.#size++;
    const { address, connection } = request;
    if ("port" in address) noteRequest(address.port, request.startedAt);
    if (connection !== null) connection.running++;
    this.#onAdd();
  }

  /** To be called once for each that was added. */
  delete(request: InFlightRequest): void {
    const { next, previous, connection } = request;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    // A request that is still referenced must not keep its neighbours alive.
    request.next = request.previous = null;
    this.#size--;
    if (connection !== null) connection.running--;
    if (this.#size === 0 && this.#onIdle.length > 0) {
      const waiting = this.#onIdle;
      this.#onIdle = [];
      for (const resolve of waiting) resolve();
    }
  }

  /**
   * Adds a request that is likely to be answered soon. It is watched after
   * {@linkcode UNWATCHED_MS}, or when the requests in flight are listed.
   */
  addUnwatched(request: Unwatched): void {
    request.turn = this.#turn;
    request.place = this.#unwatched.push(request) - 1;
    this.#timer ??= unref(setTimeout(() => this.#watchOld(), UNWATCHED_MS));
  }

  /** It has been answered; does nothing if it was watched. */
  deleteUnwatched(request: Unwatched): void {
    const { place } = request;
    if (place < 0) return;
    request.place = -1;
    const last = this.#unwatched.pop()!;
    if (place === this.#unwatched.length) return;
    this.#unwatched[place] = last;
    last.place = place;
  }

  #watchOld(): void {
    const old = this.#unwatched.filter(({ turn }) => turn !== this.#turn);
    this.#turn++;
    for (const request of old) this.#watch(request);
    this.#timer = this.#unwatched.length === 0
      ? undefined
      : unref(setTimeout(() => this.#watchOld(), UNWATCHED_MS));
  }

  #watchAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#unwatched.length > 0) this.#watch(this.#unwatched.at(-1)!);
  }

  /** Others may be answered meanwhile. */
  #watch(request: Unwatched): void {
    if (request.place < 0) return;
    this.deleteUnwatched(request);
    request.watch();
  }

  get size(): number {
    this.#watchAll();
    return this.#size;
  }

  /** All of them. */
  [Symbol.iterator](): IterableIterator<InFlightRequest> {
    this.#watchAll();
    return this.watched();
  }

  /**
   * Those that are watched already. A copy of the list: requests may end during
   * the iteration.
   */
  watched(): IterableIterator<InFlightRequest> {
    const all: InFlightRequest[] = [];
    for (let one = this.#first; one !== null; one = one.next) all.push(one);
    return all.values();
  }

  /** Resolves when there is none. */
  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }
}

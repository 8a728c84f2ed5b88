/**
 * HTTP/2 connections: recognising their requests, and the limits that the
 * streams of one share.
 */

import { isHttp1 } from "../engine/request.ts";
import type { Connection } from "../guard/connections.ts";
import type { Guard } from "../guard/guard.ts";
import { DONE } from "./timers.ts";

/**
 * Requests of one connection that may be in flight. The engine allows 200 open
 * streams; more are in flight when a client resets streams that the app goes on
 * serving (CVE-2023-44487).
 */
const MAX_RUNNING = 1000;
/**
 * Bytes that the other responses of a connection may have buffered while a
 * response adds to its own. An HTTP/1.1 client has one response buffered, an
 * HTTP/2 client up to 200, each as large as the app makes it.
 */
const MAX_WAITING = 64 << 20;
/**
 * Stalled streams that may stay open after the server has abandoned them. The
 * engine cannot reset a single stream, only close the connection; each open one
 * holds up to 100 kB in the engine.
 */
const MAX_GIVEN_UP = 8;
/**
 * Largest chunk that the engine is given (bytes): one DATA frame (RFC 9113,
 * 6.5.2). What the engine has taken cannot be observed, so smaller chunks show
 * more exactly whether the client takes any.
 */
export const FRAME = 16_384;
/**
 * Bytes of small bodies that a client holds, on average, before one of them is
 * sent as a stream (see `wantsStream`), which takes several times as long
 * (bench/PROFILE.md). The engine opens 200 streams at once, with {@linkcode FRAME}
 * each at most: when a client stalls all of these, one is seen with 98 %
 * probability.
 */
const MEAN_HELD = 1 << 20;
/** Connections that are found by the client's address alone. */
const MAX_RECENT = 1000;
/** Bytes that the engine has in use for a stream, beside its body. */
const STREAM_SIZE = 3 << 10;

/**
 * One HTTP/2 connection, which is dropped when its client holds too much. By
 * HTTP/1.1 each response has a connection of its own, and those are limited.
 */
export class Http2Connection {
  /** Requests that an app is serving. */
  running = 0;
  /** Streams that the server has given up and the engine still has. */
  givenUp = 0;
  /** Bytes that are buffered for the engine. */
  #waiting = 0;
  /** The next body is sent as a stream, as was decided before. */
  #owesStream = false;

  /**
   * @param address The client's, kept because the engine makes it anew each time.
   * @param isWhole False of a stand-in for a single request whose connection
   * the guard cannot identify.
   */
  constructor(readonly address: Deno.Addr, readonly isWhole: boolean) {}

  /** The client's; undefined on a Unix socket. */
  get hostname(): string | undefined {
    return "hostname" in this.address ? this.address.hostname : undefined;
  }

  /** True when as many requests are in flight as may be. */
  get isCrowded(): boolean {
    return this.running >= MAX_RUNNING;
  }

  /** True when too many streams are given up. */
  get isStalled(): boolean {
    return this.givenUp > MAX_GIVEN_UP;
  }

  /**
   * Adds to the bytes that are buffered; a negative number takes them off. True
   * when too many are: not counting `own`, the bytes of this response, since a
   * single response may be of any size.
   */
  addWaiting(bytes: number, own: number): boolean {
    this.#waiting += bytes;
    return bytes > 0 && this.#waiting - own > MAX_WAITING;
  }

  /**
   * Whether to pass a complete body to the engine as a stream. The engine reports
   * what the client has taken for streams only. Streams take longer, so small
   * bodies are sampled, the larger the more often; at random, as otherwise a client
   * could read just those. Once a stream of the connection has stalled, all bodies
   * become streams.
   *
   * @param length Bytes or UTF-16 units.
   */
  wantsStream(length: number): boolean {
    const owed = this.#owesStream;
    this.#owesStream = false;
    return owed || length > FRAME || this.givenUp > 0 ||
      Math.random() * MEAN_HELD < length + STREAM_SIZE;
  }

  /**
   * The same for a body that can be sent without an exchange, as long as it is
   * not sent as a stream; if it is, that holds when the exchange asks, too.
   */
  needsExchange(length: number): boolean {
    return this.#owesStream = this.wantsStream(length);
  }
}

/** A connection that is found by the client's address alone. */
interface Recent {
  readonly connection: Http2Connection;
  readonly socket: Connection;
  /** When it was last seen to be open (ms since 1970). */
  seenAt: number;
}

/**
 * The HTTP/2 connections of one listener, by the guard's objects for their
 * sockets: an address would not do, since the client's next connection from the
 * same port need not speak HTTP/2.
 */
export class Http2Connections {
  readonly #known = new WeakMap<object, Http2Connection>();
  /** Some of them, by the client's port; of each the last. */
  readonly #recent = new Map<number, Recent>();
  readonly #guard: Guard | null;
  readonly #listener: string;

  /**
   * @param guard Without it connections cannot be told apart, and each request
   * costs a call of {@linkcode isHttp1}.
   * @param listener The address as it was bound.
   */
  constructor(guard: Guard | null, listener: string) {
    this.#guard = guard;
    this.#listener = listener;
  }

  /** True if one of the guard's connections is known to be HTTP/2. */
  has(socket: object): boolean {
    return this.#known.has(socket);
  }

  /**
   * The HTTP/2 connection of a request that has no `host` field; null if it came
   * by HTTP/1 with an absolute target, whose URL has a host too. To be called before the
   * handler's first `await`. Deno before 2.9 cannot be asked; there such requests
   * are taken for HTTP/2.
   *
   * Whether a known connection is still open is asked once a millisecond: the
   * system call takes as long as all else here.
   */
  of(info: Deno.ServeHandlerInfo): Http2Connection | null {
    const address: Deno.Addr = info.remoteAddr;
    if (!("hostname" in address)) return this.#find(info, address);
    const recent = this.#recent.get(address.port);
    return recent?.connection.hostname === address.hostname &&
        this.#isOpen(recent)
      ? recent.connection
      : this.#find(info, address);
  }

  #isOpen(recent: Recent): boolean {
    const now = Date.now();
    if (recent.seenAt === now) return true;
    if (!this.#guard!.isStill(recent.socket)) return false;
    recent.seenAt = now;
    return true;
  }

  #find(
    info: Deno.ServeHandlerInfo,
    address: Deno.Addr,
  ): Http2Connection | null {
    const socket = this.#guard?.connectionOf(info, this.#listener) ?? null;
    let connection = socket && this.#known.get(socket);
    if (!connection) {
      if (isHttp1()) return null;
      connection = new Http2Connection(address, socket !== null);
      if (socket !== null) this.#known.set(socket, connection);
    }
    if (socket !== null && "port" in address) {
      if (this.#recent.size >= MAX_RECENT) this.#recent.clear();
      this.#recent.set(address.port, { connection, socket, seenAt: 0 });
    }
    return connection;
  }
}

/** A stream of such a connection. */
export interface Http2Stream {
  readonly connection: Http2Connection | null;
  readonly life: { readonly responded: boolean };
  /** Calls `disconnect` when the client leaves before a response. */
  watchClient(): void;
  /** Closes the connection at once, with all that runs on it. */
  dropShared(why: string): void;
}

/** Rounds of microtasks in which an app may answer before its client is watched. */
const UNWATCHED_ROUNDS = 8;
/** Those of this turn of the event loop that are not watched yet. */
const unwatched: Http2Stream[] = [];
let rounds = 0;

/**
 * Watches the client of an HTTP/2 request from now on, if the app does not answer
 * in this turn of the event loop. The engine does not report a reset (RFC 9113,
 * 6.4) that it has read before it was asked; but it reads nothing until all
 * microtasks of the turn have run.
 */
export function watchUnlessAnswered(stream: Http2Stream): void {
  if (unwatched.push(stream) > 1) return;
  rounds = 0;
  DONE.then(watchUnanswered);
}

function watchUnanswered(): void {
  while (unwatched.at(-1)?.life.responded) unwatched.pop();
  if (unwatched.length === 0) return;
  if (++rounds < UNWATCHED_ROUNDS) return void DONE.then(watchUnanswered);
  for (const stream of unwatched.splice(0)) stream.watchClient();
}

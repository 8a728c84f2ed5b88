/**
 * HTTP/2 connections: which requests came by one, and the limits that its
 * streams share.
 *
 * @module
 */

import { isHttp1 } from "../engine/request.ts";
import type { Guard } from "../guard/guard.ts";

/**
 * Requests of one connection that may be in flight. The engine allows 200 open
 * streams; more are in flight when a client resets streams that the app goes on
 * serving (CVE-2023-44487).
 */
const MAX_RUNNING = 1000;
/**
 * Bytes that all other responses of the connection may have buffered when one
 * more byte is to be buffered. By HTTP/1.1 a client has one response buffered,
 * by HTTP/2 up to 200, each as large as the app makes it.
 */
const MAX_WAITING = 64 << 20;
/**
 * Streams that may be given up and still be open. The engine cannot reset a
 * single stream, only its connection can be closed; each open one holds up to
 * 100 kB in the engine.
 */
const MAX_GIVEN_UP = 8;
/**
 * Largest chunk that the engine is given (bytes): one DATA frame (RFC 9113,
 * 6.5.2). What the engine has taken cannot be observed, so smaller chunks show
 * more exactly whether the client takes any.
 */
export const FRAME = 16_384;
/** One in this many small responses is sent as a stream, as a sample. */
const SAMPLE_RATE = 16;

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

  /**
   * @param isWhole False of a stand-in for a single request whose connection
   * the guard cannot identify.
   */
  constructor(readonly isWhole: boolean) {}

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
   * Whether a complete body should be given to the engine as a stream, by its
   * length in bytes or UTF-16 units. Only for streams does the engine report
   * that the client has taken them. They cost more, so small bodies are sampled:
   * at random, or a client could take just those. Once a stream was given up,
   * all are streams.
   */
  wantsStream(length: number): boolean {
    return length > FRAME || this.givenUp > 0 ||
      Math.random() * SAMPLE_RATE < 1;
  }
}

/**
 * The HTTP/2 connections of one listener, by the guard's objects for their
 * sockets: an address would not do, since the client's next connection from the
 * same port need not speak HTTP/2.
 */
export class Http2Connections {
  readonly #known = new WeakMap<object, Http2Connection>();
  readonly #guard: Guard | null;
  readonly #listener: string;

  /**
   * @param guard Without it connections cannot be told apart, and each request
   * costs a call of {@linkcode isHttp1} (0.2 ms).
   * @param listener The address as it was bound.
   */
  constructor(guard: Guard | null, listener: string) {
    this.#guard = guard;
    this.#listener = listener;
  }

  /** Tells whether requests came by HTTP/2 on a connection of the guard's. */
  has(socket: object): boolean {
    return this.#known.has(socket);
  }

  /**
   * The connection of a request without `host`; null when it came by HTTP/1, to
   * whose requests the engine adds the host of an absolute target. To be called
   * before the handler's first `await`. With Deno before 2.9 such requests pass
   * for HTTP/2.
   */
  of(info: Deno.ServeHandlerInfo): Http2Connection | null {
    const socket = this.#guard?.connectionOf(info, this.#listener);
    const known = socket && this.#known.get(socket);
    if (known) return known;
    if (isHttp1()) return null;
    const connection = new Http2Connection(Boolean(socket));
    if (socket) this.#known.set(socket, connection);
    return connection;
  }
}

/** A stream of such a connection. */
export interface Http2Stream {
  readonly connection: Http2Connection | null;
  /** Closes the connection at once, with all that runs on it. */
  dropShared(why: string): void;
}

/**
 * Which requests come by HTTP/2, and what the streams of one HTTP/2 connection
 * have in common.
 *
 * @module
 */

import { isHttp1 } from "../engine/request.ts";
import type { Guard } from "../guard/guard.ts";

/**
 * The most that may run for one connection. The engine lets 200 streams be
 * open; more run when clients reset streams that the app goes on serving
 * (CVE-2023-44487).
 */
const MAX_RUNNING = 1000;
/**
 * The most that other responses may have waiting when one more byte comes to
 * wait (bytes). By HTTP/1.1 a client has one response waiting, by HTTP/2 it can
 * have 200, each as large as the app makes it.
 */
const MAX_WAITING = 64 << 20;
/**
 * The most streams that may be given up and still be open: only with its
 * connection can a stream be closed that takes nothing, and each holds up to
 * 100 kB in the engine.
 */
const MAX_GIVEN_UP = 8;
/**
 * The most that the engine is given at a time (bytes), which is one DATA frame
 * (RFC 9113, 6.5.2). What it has taken is out of sight: the smaller the pieces,
 * the better they show whether the client takes any.
 */
export const FRAME = 16_384;
/** One in so many small responses shows whether the client takes it. */
const SAMPLE = 16;

/**
 * Counts what one client has on one HTTP/2 connection, which is dropped when
 * that is too much. HTTP/1.1 needs no such limits: there each response has a
 * connection of its own, and those are limited.
 */
export class Http2Connection {
  /** Requests that an app is serving. */
  running = 0;
  /** Streams that the server has given up and the engine has not. */
  givenUp = 0;
  /** Bytes that wait for the engine to take them. */
  #waiting = 0;

  /**
   * @param isWhole False where one request was taken for all of a connection,
   * of which the guard does not tell which it is.
   */
  constructor(readonly isWhole: boolean) {}

  /** True when it has made all run that it may. */
  get isCrowded(): boolean {
    return this.running >= MAX_RUNNING;
  }

  /** True when too many streams are given up. */
  get isStalled(): boolean {
    return this.givenUp > MAX_GIVEN_UP;
  }

  /**
   * Adds to the bytes that wait; negative: they wait no more. Tells whether
   * those are too many: a single response, of which `own` wait, may be of any
   * size.
   */
  addWaiting(bytes: number, own: number): boolean {
    this.#waiting += bytes;
    return bytes > 0 && this.#waiting - own > MAX_WAITING;
  }

  /**
   * Tells whether a whole body is to be given to the engine as a stream, by
   * its length in bytes or code units. Only of streams the engine tells when
   * the client has taken them. They cost more, so small bodies are sampled, at
   * random: a client must not know which, or it would take just those. All are
   * asked for once one was not taken.
   */
  wantsPieces(length: number): boolean {
    return length > FRAME || this.givenUp > 0 || Math.random() * SAMPLE < 1;
  }
}

/**
 * The HTTP/2 connections of one listener. They are kept by the guard's objects
 * for their sockets: the address of a client may come back with another
 * connection, which need not speak HTTP/2.
 */
export class Http2Connections {
  readonly #known = new WeakMap<object, Http2Connection>();
  readonly #guard: Guard | null;
  readonly #listener: string;

  /**
   * @param guard Without it connections are not told apart, and each request
   * costs what {@linkcode isHttp1} does.
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
   * The connection of a request without `host`, which the engine puts into
   * HTTP/1 where a target has one, or null when the request came by HTTP/1. To
   * be called before the handler first awaits. Engines before 2.9 do not tell;
   * they pass for HTTP/2.
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

/**
 * Connections that end with the answer they have just been given.
 *
 * @module
 */

import type { Connection, Connections } from "./connections.ts";
import type { Sockets } from "./sockets.ts";

/** What the endings need to know. */
export interface EndingOptions {
  /** Brings the connections up to date. */
  look(): void;
  /** The peers with a request running. */
  runningPeers(): Iterable<string>;
}

interface Ending {
  readonly since: number;
  connection?: Connection;
  /** When to go on. */
  due: number;
  /** Segments sent when it was last checked. */
  segments: number;
  /** The peer sent another request. */
  asked: boolean;
  /** The end of the stream was sent. */
  finished: boolean;
}

/** Between two checks (ms). A check after it sees what the engine did. */
const STEP = 10;
/** How long an answer may take to begin (ms). */
const PATIENCE = 1000;
/** How long a peer may go on sending after it was told the end (ms). */
const LINGER = 2000;
/** The most of all time that may go into checks. */
const SHARE = 0.1;
/** The most of one moment that may go into looks (ms). */
const BURST = 50;

/**
 * Ends connections so that the answer arrives: once its last byte was
 * acknowledged the end of the stream is sent, and what the client still sends
 * goes on being read for a while. Closing at once would reset the connection
 * of a client that is still sending, and the reset may overtake the answer
 * (RFC 9112, section 9.6).
 */
export class Endings {
  readonly #sockets: Sockets;
  readonly #connections: Connections;
  readonly #options: EndingOptions;
  readonly #endings = new Map<string, Ending>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the next check comes … */
  #wakesAt = 0;
  /** … and how early it may at most, so that checks take their share only. */
  #restsUntil = 0;

  constructor(
    sockets: Sockets,
    connections: Connections,
    options: EndingOptions,
  ) {
    this.#sockets = sockets;
    this.#connections = connections;
    this.#options = options;
  }

  /** How many connections are being ended. */
  get size(): number {
    return this.#endings.size;
  }

  /** Tells whether a request comes on a connection that is being ended. */
  hasAsked(peer: string): boolean {
    const ending = this.#endings.get(peer);
    if (ending === undefined) return false;
    if (ending.connection && !this.#sockets.isOpen(ending.connection)) {
      this.#endings.delete(peer); // this is the next one of the same name
      return false;
    }
    if (!ending.asked) {
      ending.asked = true;
      // Answers to a flood of requests leave timers no time.
      if (!ending.finished) {
        const running = new Set(this.#options.runningPeers());
        const isRunning = () => running.has(peer);
        this.#step(peer, ending, performance.now(), isRunning);
      }
    }
    return true;
  }

  /** Ends a connection, after its answer or (`finished`) as soon as found. */
  add(peer: string, finished = false): void {
    const since = performance.now();
    const due = since + STEP;
    const known = this.#endings.get(peer);
    if (known === undefined) {
      const ending = { since, due, segments: -1, asked: false, finished };
      this.#endings.set(peer, ending);
    } else if (finished) {
      known.finished = true;
      known.due = due;
    } else return;
    this.#wait(STEP);
  }

  /** Ends nothing any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#endings.clear();
  }

  /** Checks in `ms`, if no check comes before. */
  #wait(ms: number): void {
    const now = performance.now();
    const at = Math.max(now + Math.max(ms, STEP), this.#restsUntil);
    if (this.#timer !== undefined) {
      if (at >= this.#wakesAt) return;
      clearTimeout(this.#timer);
    }
    const timer = setTimeout(() => this.#check(), at - now);
    Deno.unrefTimer(timer);
    this.#timer = timer;
    this.#wakesAt = at;
  }

  #check(): void {
    this.#timer = undefined;
    const now = performance.now();
    let running: Set<string> | undefined;
    const isRunning = (peer: string) =>
      (running ??= new Set(this.#options.runningPeers())).has(peer);
    let next = Infinity;
    for (const [peer, ending] of this.#endings) {
      if (ending.due <= now) this.#step(peer, ending, now, isRunning);
      if (this.#endings.has(peer)) next = Math.min(next, ending.due);
    }
    const spent = performance.now() - now;
    this.#restsUntil = now + spent + spent / SHARE;
    if (next !== Infinity) this.#wait(next - now);
  }

  #step(
    peer: string,
    ending: Ending,
    now: number,
    isRunning: (peer: string) => boolean,
  ): void {
    const connections = this.#connections;
    ending.connection ??= connections.findOrLook(
      peer,
      this.#options.look,
      BURST,
    );
    const connection = ending.connection;
    if (connection === undefined) {
      if (connections.lookedAfter(ending.since)) this.#endings.delete(peer);
      return;
    }
    connection.ending = true;
    const state = this.#sockets.tcpState(connection);
    if (state === null || ending.finished) {
      this.#sockets.shutdown(connection);
      this.#endings.delete(peer);
      return;
    }
    const age = now - ending.since;
    const still = state.segments === ending.segments;
    ending.segments = state.segments;
    const answered = !state.pending &&
      (age >= PATIENCE || still && state.silence <= age + STEP);
    // The engine takes the next request once it has written the last answer.
    if ((answered || ending.asked) && !isRunning(peer)) {
      this.#sockets.finish(connection);
      ending.finished = true;
      ending.due = now + LINGER;
    } else {
      ending.due = now + Math.min(age / 2, 250);
    }
  }
}

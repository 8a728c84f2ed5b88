/**
 * Lingering close: connections that are closed after their present response.
 */

import type { Connection, Connections, RequestOrigin } from "./connections.ts";
import { CpuBudget } from "./cpu_budget.ts";
import { type Timer, unref } from "../std/timer.ts";

interface LingeringCloseOptions {
  /** True while descriptors are about to run out. */
  isShort(): boolean;
  /** The peers with a request running. */
  runningPeers(): Iterable<string>;
}

/** A connection that is being closed. Times are those of performance.now(). */
interface Lingering {
  readonly peer: string;
  /** When its last response was given to the engine (ms). */
  readonly since: number;
  /** When the request of that response came (ms). */
  readonly cameAt: number;
  /** Undefined until it is known. */
  connection: Connection | undefined;
  /** Segments sent on each connection of that peer before the response. */
  before?: Map<Connection, number>;
  /** When to check it again (ms). */
  due: number;
  /** Segments sent when it was last checked. */
  segments: number;
  /** The peer has sent another request. */
  asked: boolean;
  /** The end of the stream was sent. */
  finished: boolean;
}

/** Interval of checks (ms): the engine has written something in between. */
const POLL_MS = 10;
/** How long a response may take to begin (ms). */
const RESPONSE_TIMEOUT_MS = 1000;
/** How long a peer may still send after the end of the stream (ms). */
const LINGER_MS = 2000;
/** The share of all time that checks may take. */
const MAX_CPU_SHARE = 0.1;
/** Interval (ms) and share while other connections wait for descriptors. */
const SHORT_POLL_MS = 2;
const SHORT_MAX_CPU_SHARE = 0.5;

/**
 * Closes connections so that the response arrives: once its last byte is
 * acknowledged the end of the stream is sent, and what the client still sends
 * is read for a while. Closing at once would reset the connection of a client
 * that is still sending, and the reset may overtake the response (RFC 9112,
 * section 9.6).
 *
 * The connection of a request is looked up while the request is new. In a flood,
 * when there is no time for a scan, it is found soon after: as the only one of
 * its peer that is as old as the request, or that was sent something just then.
 * Where several remain possible, none is closed.
 */
export class LingeringClose {
  readonly #connections: Connections;
  readonly #options: LingeringCloseOptions;
  /** By peer. */
  readonly #lingering = new Map<string, Lingering[]>();
  #timer: Timer | undefined;
  /** When the next check comes (ms). */
  #wakesAt = 0;
  readonly #budget = new CpuBudget(MAX_CPU_SHARE);

  constructor(connections: Connections, options: LingeringCloseOptions) {
    this.#connections = connections;
    this.#options = options;
  }

  /** How many peers have a connection that is being closed. */
  get size(): number {
    return this.#lingering.size;
  }

  /**
   * True when a request, which has just come, is on a connection that is being
   * closed.
   */
  hasAsked(origin: RequestOrigin): boolean {
    const { peerKey } = origin;
    const known = this.#lingering.get(peerKey);
    if (known === undefined) return false;
    const connections = this.#connections;
    const connection = connections.identifyNow(origin, true) ??
      connections.identifyNow(origin, false, 0);
    if (connection === undefined) return false;
    const alone = !connections.isContested(peerKey);
    for (const ending of known) {
      if (ending.connection === undefined && alone) {
        // Gone if the client has come back from the same port.
        const [same] = connections.candidates(peerKey, ending.cameAt);
        if (same === undefined) this.#remove(ending);
        ending.connection = same;
      }
      if (ending.connection !== connection) continue;
      // In a flood of requests timers may not run: checked here as well.
      if (!ending.asked && !ending.finished) {
        ending.asked = true;
        const running = new Set(this.#options.runningPeers());
        this.#advance(ending, performance.now(), () => running.has(peerKey));
      }
      return true;
    }
    return false;
  }

  /**
   * Closes the connection of a request, after its response or (`finished`) as
   * soon as it is found.
   */
  add(origin: RequestOrigin, finished = false): void {
    const connections = this.#connections;
    if (!connections.canEnd(origin)) return;
    const { age, peerKey: peer } = origin;
    const connection = age === 0
      ? connections.identifyNow(origin, true)
      : connections.identifyOrScan(origin);
    const cameAt = performance.now() - age * 1000;
    const ending = this.#add(peer, connection, cameAt, finished);
    if (
      connection === undefined && age === 0 && connections.isContested(peer)
    ) {
      ending.before = new Map(
        connections.named(peer).map((one) => [one, this.#segmentsOf(one)]),
      );
    }
  }

  #segmentsOf(connection: Connection): number {
    return this.#connections.sockets.tcpState(connection)?.segments ?? Infinity;
  }

  #add(
    peer: string,
    connection: Connection | undefined,
    cameAt: number,
    finished: boolean,
  ): Lingering {
    const since = performance.now();
    const due = since + this.#step;
    const all = this.#lingering.get(peer) ?? [];
    const known = connection &&
      all.find((other) => other.connection === connection);
    if (known !== undefined) {
      if (finished) {
        known.finished = true;
        known.due = due;
        this.#wait(this.#step);
      }
      return known;
    }
    if (connection !== undefined) this.#connections.slots.end(connection);
    const ending: Lingering = {
      peer,
      since,
      cameAt,
      connection,
      due,
      segments: -1,
      asked: false,
      finished,
    };
    all.push(ending);
    this.#lingering.set(peer, all);
    this.#wait(this.#step);
    return ending;
  }

  #remove(ending: Lingering): void {
    const rest = this.#lingering.get(ending.peer)?.filter((one) =>
      one !== ending
    );
    if (rest?.length) this.#lingering.set(ending.peer, rest);
    else this.#lingering.delete(ending.peer);
  }

  get #step(): number {
    return this.#options.isShort() ? SHORT_POLL_MS : POLL_MS;
  }

  /** Closes no more connections. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#lingering.clear();
  }

  /** Checks after `ms`, unless a check comes sooner. */
  #wait(ms: number): void {
    const now = performance.now();
    const at = now + Math.max(ms, this.#step, this.#budget.rest);
    if (this.#timer !== undefined) {
      if (at >= this.#wakesAt) return;
      clearTimeout(this.#timer);
    }
    this.#timer = unref(setTimeout(() => this.#check(), at - now));
    this.#wakesAt = at;
  }

  #check(): void {
    this.#timer = undefined;
    const now = performance.now();
    let running: Set<string> | undefined;
    const isRunning = (peer: string) =>
      (running ??= new Set(this.#options.runningPeers())).has(peer);
    let next = Infinity;
    for (const ending of [...this.#lingering.values()].flat()) {
      if (ending.due <= now) this.#advance(ending, now, isRunning);
    }
    for (const endings of this.#lingering.values()) {
      for (const { due } of endings) next = Math.min(next, due);
    }
    this.#budget.share = this.#options.isShort()
      ? SHORT_MAX_CPU_SHARE
      : MAX_CPU_SHARE;
    this.#budget.spend(now);
    if (next !== Infinity) this.#wait(next - now);
  }

  #advance(
    ending: Lingering,
    now: number,
    isRunning: (peer: string) => boolean,
  ): void {
    const connection = ending.connection ??= this.#find(ending, now);
    if (connection === undefined) return;
    this.#connections.slots.end(connection);
    const state = this.#connections.sockets.tcpState(connection);
    if (state === null || ending.finished) {
      this.#shutdown(connection);
      return this.#remove(ending);
    }
    const age = now - ending.since;
    const still = state.segments === ending.segments;
    ending.segments = state.segments;
    const answered = !state.pending &&
      (age >= RESPONSE_TIMEOUT_MS || still && state.sendIdle <= age + POLL_MS);
    // The engine reads the next request once the last response is written.
    if ((answered || ending.asked) && !isRunning(ending.peer)) {
      if (answered && this.#options.isShort()) {
        // The client has the response; a descriptor matters more than the rest.
        this.#shutdown(connection);
        return this.#remove(ending);
      }
      this.#connections.sockets.shutdownWrite(connection);
      ending.finished = true;
      ending.due = now + LINGER_MS;
    } else {
      ending.due = now + Math.min(age / 2, 250);
    }
  }

  #shutdown(connection: Connection): void {
    this.#connections.sockets.shutdownBoth(connection);
    this.#connections.closes(connection);
  }

  /** Finds a connection that was not known when its response was given. */
  #find(ending: Lingering, now: number): Connection | undefined {
    const { peer, since, cameAt } = ending;
    const connections = this.#connections;
    if (!connections.scannedAfter(since) && connections.mayScan()) {
      connections.refresh();
    }
    ending.due = now + this.#step;
    if (!connections.scannedAfter(since)) return undefined;
    const candidates = connections.candidates(peer, cameAt);
    const { before } = ending;
    const answered = candidates.length < 2
      ? candidates
      : candidates.filter((one) => {
        if (before) {
          return this.#segmentsOf(one) > (before.get(one) ?? Infinity);
        }
        const state = this.#connections.sockets.tcpState(one);
        const sentAt = now - (state?.sendIdle ?? Infinity);
        return sentAt > since - POLL_MS &&
          sentAt < since + RESPONSE_TIMEOUT_MS / 10;
      });
    if (answered.length === 1) return answered[0];
    const hopeless = candidates.length === 0 ||
      now - since > RESPONSE_TIMEOUT_MS;
    if (hopeless) this.#remove(ending);
    return undefined;
  }
}

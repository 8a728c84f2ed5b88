/**
 * Connections that end with the answer they have just been given.
 *
 * @module
 */

import {
  type Connection,
  type Connections,
  CpuBudget,
  type RequestOrigin,
} from "./connections.ts";

/** What the endings need to know. */
interface LingeringCloseOptions {
  /** True while descriptors are about to run out. */
  isShort(): boolean;
  /** The peers with a request running. */
  runningPeers(): Iterable<string>;
}

interface Lingering {
  readonly peer: string;
  readonly since: number;
  /** When the request came that has the last answer (ms). */
  readonly cameAt: number;
  /** Undefined until it is known which one it is. */
  connection: Connection | undefined;
  /** Segments that each of its name had been sent before the answer. */
  before?: Map<Connection, number>;
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
const RESPONSE_TIMEOUT = 1000;
/** How long a peer may go on sending after it was told the end (ms). */
const LINGER = 2000;
/** The most of all time that may go into checks. */
const SHARE = 0.1;
/** The same two while descriptors are short: others wait for these. */
const SHORT_STEP = 2;
const SHORT_SHARE = 0.5;

/**
 * Ends connections so that the answer arrives: once its last byte was
 * acknowledged the end of the stream is sent, and what the client still sends
 * goes on being read for a while. Closing at once would reset the connection
 * of a client that is still sending, and the reset may overtake the answer
 * (RFC 9112, section 9.6).
 *
 * Which connection it is, is asked while the request is new. In a flood, when
 * a scan at all connections cannot be afforded, it is found soon after: as the
 * only one of its name that is as old as the request, or that was answered
 * just then. Where it cannot be told, none is ended.
 */
export class LingeringClose {
  readonly #connections: Connections;
  readonly #options: LingeringCloseOptions;
  /** By the names of connections. */
  readonly #lingering = new Map<string, Lingering[]>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the next check comes (ms). */
  #wakesAt = 0;
  readonly #budget = new CpuBudget(SHARE);

  constructor(
    connections: Connections,
    options: LingeringCloseOptions,
  ) {
    this.#connections = connections;
    this.#options = options;
  }

  /** How many names connections have that are being ended. */
  get size(): number {
    return this.#lingering.size;
  }

  /**
   * Tells whether a request, which has just come, is on a connection that is
   * being ended.
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
        // Unless a client has come back from the same port.
        const [same] = connections.candidates(peerKey, ending.cameAt);
        if (same === undefined) this.#remove(ending);
        ending.connection = same;
      }
      if (ending.connection !== connection) continue;
      // Answers to a flood of requests leave timers no time.
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
   * Ends the connection of a request, after its answer or (`finished`) as soon
   * as it is found.
   */
  add(origin: RequestOrigin, finished = false): void {
    const connections = this.#connections;
    if (!connections.canEnd(origin)) return;
    const { age, peerKey: peer } = origin;
    const connection = age === 0
      ? connections.identifyNow(origin, true)
      : connections.identifyOrLook(origin);
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

  /** Ends a connection on which nothing runs. */
  addConnection(connection: Connection): void {
    this.#add(connection.peer, connection, performance.now(), false);
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
    const known = all.find((other) =>
      connection !== undefined && other.connection === connection
    );
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
    return this.#options.isShort() ? SHORT_STEP : STEP;
  }

  /** Ends nothing any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#lingering.clear();
  }

  /** Checks in `ms`, if no check comes before. */
  #wait(ms: number): void {
    const now = performance.now();
    const at = now + Math.max(ms, this.#step, this.#budget.rest);
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
    for (const ending of [...this.#lingering.values()].flat()) {
      if (ending.due <= now) this.#advance(ending, now, isRunning);
    }
    for (const endings of this.#lingering.values()) {
      for (const { due } of endings) next = Math.min(next, due);
    }
    this.#budget.share = this.#options.isShort() ? SHORT_SHARE : SHARE;
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
      (age >= RESPONSE_TIMEOUT || still && state.sendIdle <= age + STEP);
    // The engine takes the next request once it has written the last answer.
    if ((answered || ending.asked) && !isRunning(ending.peer)) {
      if (answered && this.#options.isShort()) {
        // The client has the answer; nothing more of it is waited for.
        this.#shutdown(connection);
        return this.#remove(ending);
      }
      this.#connections.sockets.shutdownWrite(connection);
      ending.finished = true;
      ending.due = now + LINGER;
    } else {
      ending.due = now + Math.min(age / 2, 250);
    }
  }

  #shutdown(connection: Connection): void {
    this.#connections.sockets.shutdownBoth(connection);
    this.#connections.leaves(connection);
  }

  /** Finds a connection that was not known when its answer was given. */
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
        return sentAt > since - STEP && sentAt < since + RESPONSE_TIMEOUT / 10;
      });
    if (answered.length === 1) return answered[0];
    const hopeless = candidates.length === 0 || now - since > RESPONSE_TIMEOUT;
    if (hopeless) this.#remove(ending);
    return undefined;
  }
}

/**
 * Clients that leave, or send without end, while their request runs.
 *
 * @module
 */

import type { Connection, Connections } from "./connections.ts";
import type { Sockets } from "./sockets.ts";

/** Why the watch closed a connection (PAGI.md 4). */
export type ClientReason = "client_closed" | "queue_overflow";

/** A request that runs. */
export interface WatchedRequest {
  /** Seconds since it came. */
  readonly age: number;
  readonly peerKey: string;
  /**
   * What its client has yet to send of the body (bytes), Infinity while the
   * engine reads no more than the app does. Null when there is nothing to
   * watch: it has been answered, or others share its connection.
   */
  readonly inputAllowed: number | null;
  /** Ends the connection behind its answer. */
  makeLast(): void;
}

/** What the watch needs to know. */
export interface ClientWatchOptions {
  /** All that run. */
  requests(): Iterable<WatchedRequest>;
  /** Brings the connections up to date. */
  look(): void;
  onClose(peer: string, reason: ClientReason): void;
}

/** What a connection had received … */
interface Input {
  /** … when this request was first seen, and may receive meanwhile, … */
  readonly request: WatchedRequest;
  readonly atRequest: number;
  readonly allowed: number;
  /** … and when it was first seen with a request at every check since. */
  readonly atFirst: number;
}

/** Between two checks (ms). */
const STEP = 100;
/** Between two looks for connections of younger requests than that (ms). */
const LOOK_STEP = 250;
/** The most of all time that may go into checks. */
const SHARE = 0.02;
/** What a client may send beyond the request that it has sent (bytes). */
const MOST_AHEAD = 1 << 20;

/**
 * Watches the clients of requests that run, because the engine
 * - goes on reading while a request without a body waits for its answer, and
 *   while any answer is under way, and keeps all of that in memory;
 * - does not notice a client that leaves after its request's body came in
 *   pieces.
 */
export class ClientWatch {
  readonly #sockets: Sockets;
  readonly #connections: Connections;
  readonly #options: ClientWatchOptions;
  #inputs = new Map<Connection, Input>();
  /** Requests whose connections a look has not found. */
  #unfound = new WeakSet<WatchedRequest>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    sockets: Sockets,
    connections: Connections,
    options: ClientWatchOptions,
  ) {
    this.#sockets = sockets;
    this.#connections = connections;
    this.#options = options;
  }

  /** Watches until nothing runs any more. */
  wake(): void {
    if (this.#timer === undefined) this.#wait(STEP);
  }

  /** Watches nothing any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    const timer = setTimeout(() => this.#check(), ms);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  #check(): void {
    const began = performance.now();
    const inputs = new Map<Connection, Input>();
    const closed: [string, ClientReason][] = [];
    let running = false;
    for (const request of this.#options.requests()) {
      running = true;
      if (request.inputAllowed === null) continue;
      const connection = this.#find(request, began);
      if (connection === undefined) continue;
      const reason = this.#judge(request, connection, inputs);
      if (reason === null) continue;
      connection.ending = true;
      this.#sockets.shutdown(connection);
      closed.push([connection.peer, reason]);
    }
    this.#inputs = inputs;
    this.#timer = undefined;
    const spent = performance.now() - began;
    if (running) this.#wait(Math.max(STEP, spent / SHARE));
    for (const [peer, reason] of closed) this.#options.onClose(peer, reason);
  }

  /** The request's connection; a request is looked for once, if at all. */
  #find(request: WatchedRequest, began: number): Connection | undefined {
    const connection = this.#connections.findOpen(request.peerKey);
    if (connection !== undefined || this.#unfound.has(request)) {
      return connection;
    }
    const since = isYoung(request) ? began - LOOK_STEP : began;
    if (!this.#connections.lookedAfter(since)) this.#options.look();
    const found = this.#connections.find(request.peerKey);
    if (found === undefined && !isYoung(request)) this.#unfound.add(request);
    return found;
  }

  /** Why the connection is to be closed, if it is. */
  #judge(
    request: WatchedRequest,
    connection: Connection,
    inputs: Map<Connection, Input>,
  ): ClientReason | null {
    const state = this.#sockets.tcpState(connection);
    if (state === null) return null;
    if (state.left && !isYoung(request)) return "client_closed";
    const allowed = request.inputAllowed!;
    if (allowed === Infinity) return null;
    const { received } = state;
    const known = this.#inputs.get(connection);
    const atFirst = known?.atFirst ?? received;
    const input = known?.request === request
      ? known
      : { request, atRequest: received, allowed, atFirst };
    if (received - input.atRequest > input.allowed + MOST_AHEAD) {
      return "queue_overflow";
    }
    inputs.set(connection, input);
    // Who never waits for an answer may be sending more than can be answered.
    if (received - atFirst > MOST_AHEAD) request.makeLast();
    return null;
  }
}

/** True of a request that may be answered before anything is the matter. */
function isYoung(request: WatchedRequest): boolean {
  return request.age * 1000 < STEP;
}

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
   * The bytes of its body that were taken. Null when there is nothing to
   * watch: more is waited for, or others share its connection.
   */
  readonly inputTaken: number | null;
}

/** What the watch needs to know. */
export interface ClientWatchOptions {
  /** All that run. */
  requests(): Iterable<WatchedRequest>;
  /** Brings the connections up to date. */
  look(): void;
  onClose(peer: string, reason: ClientReason): void;
}

interface Input {
  readonly taken: number;
  /** What the connection had received when that was first seen. */
  readonly received: number;
}

/** Between two checks (ms); a request that is younger needs none. */
const STEP = 100;
/** The most of all time that may go into checks. */
const SHARE = 0.02;
/**
 * What a client may send ahead while nothing of it is taken (bytes): requests
 * that wait for this one's answer.
 */
const MOST_AHEAD = 1 << 20;
/** The most of one moment that may go into looks (ms). */
const BURST = 50;

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
  #inputs = new Map<WatchedRequest, Input>();
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
    const inputs = new Map<WatchedRequest, Input>();
    const closed: [string, ClientReason][] = [];
    let running = false;
    for (const request of this.#options.requests()) {
      running = true;
      const { inputTaken, peerKey } = request;
      if (inputTaken === null || request.age * 1000 < STEP) continue;
      const connection = this.#connections.findOrLook(
        peerKey,
        this.#options.look,
        BURST,
      );
      if (connection === undefined || connection.ending) continue;
      const reason = this.#judge(request, inputTaken, connection, inputs);
      if (reason === null) continue;
      connection.ending = true;
      this.#sockets.shutdown(connection);
      closed.push([peerKey, reason]);
    }
    this.#inputs = inputs;
    this.#timer = undefined;
    const spent = performance.now() - began;
    if (running) this.#wait(Math.max(STEP, spent / SHARE));
    for (const [peer, reason] of closed) this.#options.onClose(peer, reason);
  }

  /** Why the connection is to be closed, if it is. */
  #judge(
    request: WatchedRequest,
    taken: number,
    connection: Connection,
    inputs: Map<WatchedRequest, Input>,
  ): ClientReason | null {
    const state = this.#sockets.tcpState(connection);
    if (state === null) return null;
    if (state.left) return "client_closed";
    const { received } = state;
    const known = this.#inputs.get(request);
    const input = known?.taken === taken ? known : { taken, received };
    if (received - input.received > MOST_AHEAD) return "queue_overflow";
    inputs.set(request, input);
    return null;
  }
}

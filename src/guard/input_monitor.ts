/**
 * Clients that leave, or send without end, while their request runs.
 *
 * @module
 */

import {
  type Connection,
  type Connections,
  CpuBudget,
  type RequestOrigin,
} from "./connections.ts";

/** Why the watch closed a connection (PAGI.md 4). */
export type ClientReason = "client_closed" | FloodReason;
/** Why a client may send no more. */
type FloodReason = "queue_overflow" | "protocol_error";

/** What a client may send while its request is served. */
export interface InputBudget {
  /** Bytes; Infinity while the engine reads no more than the app does. */
  readonly allowed: number;
  /** Changes once what came before has been taken. */
  readonly epoch: number;
  /** What it is told that sends more. */
  readonly overflowReason: FloodReason;
  /** The engine notices the client's end, after all that came before it. */
  readonly engineReportsEof: boolean;
}

/** A request that runs. */
export interface WatchedRequest extends RequestOrigin {
  /**
   * Null when there is nothing to watch: it has been answered, or others share
   * its connection.
   */
  readonly inputBudget: InputBudget | null;
  /** Ends the connection behind its answer. */
  markClose(): void;
}

/** What the watch needs to know. */
interface InputMonitorOptions {
  /** All that run. */
  requests(): Iterable<WatchedRequest>;
  onClose(request: WatchedRequest, reason: ClientReason): void;
}

/** What a connection had received … */
interface Input {
  /** … when this epoch of this request was first seen … */
  readonly request: WatchedRequest;
  readonly expected: InputBudget;
  readonly atEpoch: number;
  /** … when it was first seen with a request at every check since … */
  readonly atFirst: number;
  /** … and at the last check. */
  last: number;
}

/** Interval of memory readings while a flood is suspected. */
const MIN_INTERVAL_MS = 100;
/** Interval of full checks while memory does not grow. */
const MAX_INTERVAL_MS = 500;
/** Growth of memory (bytes) that makes the next check come early. */
const GROWTH_BYTES = 4 << 20;
/** Shortest interval of scans on behalf of requests younger than that. */
const SCAN_INTERVAL_MS = 250;
/** The share of all time that checks may take. */
const MAX_CPU_SHARE = 0.02;
/** What a client may send ahead of the answer to its request. */
const MAX_AHEAD_BYTES = 1 << 20;
/**
 * What a client may send whose requests were running at every check. An honest
 * client that is that busy has its connection closed behind an answer.
 */
const MAX_UNINTERRUPTED_BYTES = 16 << 20;

/**
 * Watches the clients of requests that run, because the engine
 * - goes on reading while a request without a body waits for its answer, and
 *   while any answer is under way, and keeps all of that in memory;
 * - gathers the fragments of a WebSocket's message, however many come;
 * - does not notice a client that leaves after its request's body came in
 *   pieces.
 */
export class InputMonitor {
  readonly #connections: Connections;
  readonly #options: InputMonitorOptions;
  #inputs = new Map<Connection, Input>();
  /** Requests whose connections a look has not found. */
  #unfound = new WeakSet<WatchedRequest>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Bytes or requests came lately: memory is glanced at. */
  #alert = false;
  /** When the next check comes at the latest (ms). */
  #due = 0;
  readonly #budget = new CpuBudget(MAX_CPU_SHARE);
  /** Bytes of memory at the last check. */
  #memory = 0;

  constructor(
    connections: Connections,
    options: InputMonitorOptions,
  ) {
    this.#connections = connections;
    this.#options = options;
  }

  /** A request has come: watches until nothing runs any more. */
  wake(): void {
    if (this.#alert) return;
    this.#alert = true;
    clearTimeout(this.#timer);
    this.#wait(MIN_INTERVAL_MS);
  }

  /** Watches nothing any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    const pause = Math.max(ms, this.#budget.rest);
    const timer = setTimeout(() => this.#glance(), pause);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  /** A check asks the system for each connection, so it comes when needed. */
  #glance(): void {
    const began = performance.now();
    const memory = Deno.memoryUsage().rss;
    if (
      this.#alert && began < this.#due && memory - this.#memory < GROWTH_BYTES
    ) return this.#wait(MIN_INTERVAL_MS);
    this.#memory = memory;
    this.#due = began + MAX_INTERVAL_MS;
    this.#check(began);
  }

  #check(began: number): void {
    const inputs = new Map<Connection, Input>();
    const claimed = new Set<Connection>();
    const closed: [WatchedRequest, ClientReason][] = [];
    /** By name: requests of which it is not known which connection is theirs. */
    const unclear = new Map<string, WatchedRequest[]>();
    let running = false;
    this.#alert = false;
    const close = (
      request: WatchedRequest,
      connection: Connection,
      reason: ClientReason | null,
    ) => {
      if (reason === null) return;
      this.#connections.slots.end(connection);
      this.#connections.sockets.shutdownBoth(connection);
      closed.push([request, reason]);
    };
    for (const request of this.#options.requests()) {
      running = true;
      const expected = request.inputBudget;
      if (expected === null) continue;
      const connection = this.#find(request, began);
      if (connection !== undefined) {
        claimed.add(connection);
        const reason = this.#evaluate(request, expected, connection, inputs);
        close(request, connection, reason);
      } else if (this.#connections.isContested(request.peerKey)) {
        const others = unclear.get(request.peerKey);
        if (others) others.push(request);
        else unclear.set(request.peerKey, [request]);
      }
    }
    for (const [peer, requests] of unclear) {
      const others = this.#connections.named(peer)
        .filter((connection) => !claimed.has(connection));
      const worst = this.#evaluateTogether(requests, others, inputs);
      if (worst === null) continue;
      if (requests.length === 1) {
        this.#connections.assign(requests[0], worst[0]);
      } else {
        for (const one of requests) this.#connections.leaveAlone(one);
      }
      close(requests[0], ...worst);
    }
    this.#inputs = inputs;
    this.#budget.spend(began);
    if (running) this.#wait(this.#alert ? MIN_INTERVAL_MS : MAX_INTERVAL_MS);
    for (const [request, reason] of closed) {
      this.#options.onClose(request, reason);
    }
  }

  /** The request's connection; a request is looked for once, if at all. */
  #find(request: WatchedRequest, began: number): Connection | undefined {
    const connection = this.#connections.identify(request);
    if (connection !== undefined || this.#unfound.has(request)) {
      return connection;
    }
    const since = isYoung(request) ? began - SCAN_INTERVAL_MS : began;
    if (!this.#connections.scannedAfter(since)) this.#connections.refresh();
    const found = this.#connections.identify(request);
    if (found === undefined && !isYoung(request)) this.#unfound.add(request);
    return found;
  }

  /**
   * Which of these connections is to be closed, and why, if one is: each may
   * have any of the requests. The others are looked at again without it.
   */
  #evaluateTogether(
    requests: readonly WatchedRequest[],
    connections: readonly Connection[],
    inputs: Map<Connection, Input>,
  ): [Connection, ClientReason] | null {
    let worst: [Connection, ClientReason] | null = null;
    let most = 0;
    for (const connection of connections) {
      const expected = expectedOfAny(requests, connection);
      const before = this.#inputs.get(connection)?.atEpoch ?? 0;
      const reason = this.#evaluate(requests[0], expected, connection, inputs);
      if (reason === null) continue;
      const state = this.#connections.sockets.tcpState(connection);
      const excess = (state?.received ?? 0) - before;
      if (excess > most) worst = [connection, reason];
      most = Math.max(most, excess);
    }
    return worst;
  }

  /** Why the connection is to be closed, if it is. */
  #evaluate(
    request: WatchedRequest,
    expected: InputBudget,
    connection: Connection,
    inputs: Map<Connection, Input>,
  ): ClientReason | null {
    const state = this.#connections.sockets.tcpState(connection);
    if (state === null) return null;
    if (state.left && !expected.engineReportsEof && !isYoung(request)) {
      return "client_closed";
    }
    const { received } = state;
    const known = this.#inputs.get(connection);
    if (known?.last !== received) this.#alert = true;
    if (expected.allowed === Infinity) return null;
    const atFirst = known?.atFirst ?? received;
    const input =
      known?.request === request && known.expected.epoch === expected.epoch
        ? known
        : { request, expected, atEpoch: received, atFirst, last: 0 };
    if (received - input.atEpoch > input.expected.allowed + MAX_AHEAD_BYTES) {
      return expected.overflowReason;
    }
    input.last = received;
    inputs.set(connection, input);
    // Who never waits for an answer may be sending more than can be answered.
    if (received - atFirst > MAX_UNINTERRUPTED_BYTES) request.markClose();
    return null;
  }
}

/**
 * What may come on a connection that has one of these requests, or none: all
 * that they may send together, until a further request is seen on it.
 */
function expectedOfAny(
  requests: readonly WatchedRequest[],
  connection: Connection,
): InputBudget {
  let allowed = 0, epoch = connection.requests;
  let overflowReason: FloodReason = "queue_overflow";
  for (const { inputBudget: input } of requests) {
    if (input === null) continue;
    allowed += input.allowed;
    epoch += input.epoch;
    overflowReason = input.overflowReason;
  }
  return { allowed, epoch, overflowReason, engineReportsEof: true };
}

/** True of a request that may be answered before anything is the matter. */
function isYoung(request: WatchedRequest): boolean {
  return request.age * 1000 < MIN_INTERVAL_MS;
}

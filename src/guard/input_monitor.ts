/**
 * Detects clients that disconnect, or send without limit, while their request
 * runs.
 */

import type { Connection, Connections, RequestOrigin } from "./connections.ts";
import { CpuBudget } from "./cpu_budget.ts";
import { delay, type Timer, unref } from "../std/timer.ts";

/** Why a connection was closed (PAGI.md 4). */
export type ClientReason = "client_closed" | FloodReason;
/** Why a client must not send more. */
type FloodReason = "queue_overflow" | "protocol_error";

/** What a client may send while its request is served. */
export interface InputBudget {
  /** Bytes; Infinity while the engine reads no more than the app does. */
  readonly allowed: number;
  /** Changes when the bytes count from 0 again: the app has read the last. */
  readonly epoch: number;
  /** The reason for closing the connection of a client that sends more. */
  readonly overflowReason: FloodReason;
  /** The engine reports a disconnect itself, after all that came before it. */
  readonly engineReportsEof: boolean;
}

/** A request that is running. */
export interface WatchedRequest extends RequestOrigin {
  /**
   * Null when there is nothing to watch: it has its response, or others share
   * its connection.
   */
  readonly inputBudget: InputBudget | null;
  /** Closes the connection after its response. */
  markClose(): void;
}

interface InputMonitorOptions {
  /** All that are running. */
  requests(): Iterable<WatchedRequest>;
  onClose(request: WatchedRequest, reason: ClientReason): void;
}

/** What a connection has received (bytes), by checks. */
interface Input {
  readonly request: WatchedRequest;
  readonly expected: InputBudget;
  /** At the first check in this epoch of this request. */
  readonly atEpoch: number;
  /** At the first of the checks since which it has always had a request. */
  readonly atFirst: number;
  /** At the last check. */
  last: number;
}

/** Interval of memory readings while bytes arrive. */
const MIN_INTERVAL_MS = 100;
/** Interval of full checks while memory does not grow. */
const MAX_INTERVAL_MS = 500;
/** RSS growth that triggers a check before its time. */
const GROWTH_BYTES = 4 << 20;
/** Minimum interval of scans for requests that are younger than that. */
const SCAN_INTERVAL_MS = 250;
/** The share of all time that checks may take. */
const MAX_CPU_SHARE = 0.02;
/** How long a check runs before others have their turn (ms). */
const SLICE_MS = 1;
/** Bytes that a client may send before the response to its request. */
const MAX_AHEAD_BYTES = 1 << 20;
/**
 * Bytes that a client may send that had a request running at every check. Then
 * its connection is closed after a response: it may be honest, but pipelined
 * requests may also be more than the server can answer.
 */
const MAX_UNINTERRUPTED_BYTES = 16 << 20;

/**
 * Watches the clients of running requests, because the engine
 * - reads on while a request without a body waits for its response, and while
 *   any response is being sent, and keeps all of that in memory;
 * - collects the fragments of a WebSocket message without a limit;
 * - does not notice a disconnect after the body of a request came in chunks.
 */
export class InputMonitor {
  readonly #connections: Connections;
  readonly #options: InputMonitorOptions;
  #inputs = new Map<Connection, Input>();
  /** Requests whose connections a scan has not found. */
  #unfound = new WeakSet<WatchedRequest>();
  #timer: Timer | undefined;
  /** Bytes or requests came lately: memory is read at the short interval. */
  #alert = false;
  /** A check has begun; it may be waiting for its next turn. */
  #checking = false;
  #stopped = false;
  /** When the next check comes at the latest (ms). */
  #due = 0;
  readonly #budget = new CpuBudget(MAX_CPU_SHARE);
  /** Bytes of memory at the last check. */
  #memory = 0;

  constructor(connections: Connections, options: InputMonitorOptions) {
    this.#connections = connections;
    this.#options = options;
  }

  /** Watches from now on until no request is running. */
  wake(): void {
    if (this.#alert) return;
    this.#alert = true;
    if (!this.#checking) this.#wait(MIN_INTERVAL_MS);
  }

  /** Stops watching. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    // A request that begins during a check has woken this already.
    clearTimeout(this.#timer);
    const pause = Math.max(ms, this.#budget.rest);
    this.#timer = unref(setTimeout(() => this.#readMemory(), pause));
  }

  /** A check takes a system call per connection: memory is read before it. */
  #readMemory(): void {
    const began = performance.now();
    const memory = Deno.memoryUsage().rss;
    if (
      this.#alert && began < this.#due && memory - this.#memory < GROWTH_BYTES
    ) return this.#wait(MIN_INTERVAL_MS);
    this.#memory = memory;
    this.#due = began + MAX_INTERVAL_MS;
    void this.#check(began);
  }

  async #check(began: number): Promise<void> {
    const inputs = new Map<Connection, Input>();
    const claimed = new Set<Connection>();
    const closed: [WatchedRequest, ClientReason][] = [];
    /** By peer: requests that may be on any of several connections. */
    const unclear = new Map<string, WatchedRequest[]>();
    const running = [...this.#options.requests()];
    this.#alert = false;
    this.#checking = true;
    let sliceBegan = began;
    let spent = 0;
    const endSlice = (): void => {
      spent += performance.now() - sliceBegan;
      for (const [request, reason] of closed.splice(0)) {
        this.#options.onClose(request, reason);
      }
    };
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
    for (const request of running) {
      if (performance.now() - sliceBegan > SLICE_MS) {
        endSlice();
        await delay(0);
        if (this.#stopped) return;
        sliceBegan = performance.now();
      }
      // Null also if it has ended meanwhile.
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
    for (const [peer, found] of unclear) {
      const requests = found.filter((one) => one.inputBudget !== null);
      if (requests.length === 0) continue;
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
    this.#checking = false;
    endSlice();
    this.#budget.spend(performance.now() - spent);
    if (running.length > 0 || this.#alert) {
      this.#wait(this.#alert ? MIN_INTERVAL_MS : MAX_INTERVAL_MS);
    }
  }

  /** The request's connection, after one scan at most. */
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
   * have any of the requests. The others are checked again without it.
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
    if (received - atFirst > MAX_UNINTERRUPTED_BYTES) request.markClose();
    return null;
  }
}

/**
 * The budget of a connection that may have any of these requests: their sum,
 * until a further request comes on it.
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

/** True of a request that may have its response before the next check. */
function isYoung(request: WatchedRequest): boolean {
  return request.age * 1000 < MIN_INTERVAL_MS;
}

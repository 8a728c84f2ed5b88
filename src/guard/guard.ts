/**
 * The connection guard: counts, times out and closes the process's server
 * connections by system calls, because `Deno.serve` offers none of this.
 */

import { descriptorLimit } from "../system/descriptor_budget.ts";
import { delay, type Timer } from "../std/timer.ts";
import { peerKey, type SocketAddress } from "./address.ts";
import { Admission } from "./admission.ts";
import { Slots } from "./slots.ts";
import {
  type ClientReason,
  InputMonitor,
  type WatchedRequest,
} from "./input_monitor.ts";
import {
  type Connection,
  Connections,
  NO_SCAN,
  type RequestOrigin,
} from "./connections.ts";
import {
  IdleTimeouts,
  type PeersRunning,
  type TimeoutReason,
} from "./idle_timeouts.ts";
import { LingeringClose } from "./lingering_close.ts";
import {
  openSockets,
  type Sockets,
  type ThreadDescriptors,
} from "./sockets.ts";

/** The limits that a guard enforces, and the callbacks it needs for that. */
export interface GuardOptions {
  /** The number of connections that may be served in all; 0 for any number. */
  limit: number;
  /** The number of threads that accept connections (1). */
  threads?: number;
  /** The slots that all guards of the process share; without them, its own. */
  slots?: SharedArrayBuffer;
  /** How long a connection may be idle (ms); 0 for no limit. */
  timeoutMs: number;
  /**
   * The peers (see {@linkcode peerKey}) with a running request: a promise if
   * other threads must report them, null if they do not respond. With a promise
   * the guard closes no connections after their responses: those of the other
   * threads do.
   */
  runningPeers(): PeersRunning | Promise<PeersRunning>;
  /** This thread's requests, whose clients are watched; none if missing. */
  requests?(): Iterable<WatchedRequest>;
  /**
   * Called after the guard closed a connection for that reason.
   *
   * @param request The request that ran on it; missing where all requests of
   * that peer ran on it.
   */
  onClose?(
    peer: string,
    reason: TimeoutReason | ClientReason,
    request?: WatchedRequest,
  ): void;
}

/** How long a connection has been idle in each direction (ms). */
export interface IdleTimes {
  readonly sent: number;
  readonly received: number;
}

/** How many of the bytes sent on a connection its peer has acknowledged. */
export interface Traffic {
  /** Bytes that the peer has acknowledged, modulo 2³². */
  readonly acked: number;
  /** Bytes that are not sent or not acknowledged yet. */
  readonly unacked: number;
}

/** Connections that `evictIdle` closes at least, if there are so many. */
const MIN_EVICTED = 16;
/** Connections among them, at most, that were served before. */
const MAX_SERVED_EVICTED = 4;
/** How long a request of a worker may be unknown (ms). */
const UNSEEN_MS = 250;
/** Assumed where the limit of descriptors cannot be read. */
const DEFAULT_DESCRIPTORS = 1024;
/** A connection that receives nothing for so long has no request (ms). */
const QUIET_MS = 20;
/** Connections that are closed in one turn of the event loop. */
const CLOSED_PER_TURN = 4;
/** How long the engine may take to close idle connections (ms). */
const CLOSE_TIMEOUT_MS = 200;
/** Interval at which they are checked (ms). */
const CLOSE_POLL_MS = 5;
/** How long the engine may take to write a short response (ms). */
const WRITE_TIMEOUT_MS = 64;

/**
 * Opens a guard. It runs until it is closed, but does not keep the process
 * alive.
 *
 * Clients of a Unix socket have no address, and the kernel gives no state of
 * their connections: these are counted, but never refused, closed or timed out.
 *
 * @returns null where none is possible: on other systems than Linux, without
 * the permission for FFI, without `/proc`
 */
export function openGuard(options: GuardOptions): Guard | null {
  const sockets = openSockets();
  return sockets === null ? null : new Guard(sockets, options);
}

/** Watches over the connections of some listeners. */
export class Guard {
  readonly #sockets: Sockets;
  readonly #slots: Slots;
  readonly #admission: Admission;
  readonly #runningPeers: GuardOptions["runningPeers"];
  readonly #connections: Connections;
  readonly #lingering: LingeringClose;
  readonly #idleTimeouts: IdleTimeouts | undefined;
  readonly #inputMonitor: InputMonitor | undefined;
  /** Timers of {@linkcode finishBehind}. */
  readonly #finishing = new Set<Timer>();

  /** @param sockets belongs to the guard from now on */
  constructor(sockets: Sockets, options: GuardOptions) {
    const { limit, threads = 1, timeoutMs, requests } = options;
    const runningPeers = () => options.runningPeers();
    const ownRunningPeers = () => {
      const peers = runningPeers();
      return peers instanceof Promise ? [] : peers ?? [];
    };
    const descriptors = descriptorLimit() ?? DEFAULT_DESCRIPTORS;
    const slots = options.slots === undefined
      ? Slots.make(descriptors, threads === 1)
      : new Slots(options.slots);
    const connections = new Connections(sockets, slots);
    const admission = new Admission(connections, {
      limit: limit || Infinity,
      descriptors,
      threads,
      isOwner: options.slots === undefined,
      runningPeers: ownRunningPeers,
    });
    this.#sockets = sockets;
    this.#runningPeers = runningPeers;
    this.#slots = slots;
    this.#connections = connections;
    this.#admission = admission;
    this.#lingering = new LingeringClose(connections, {
      isShort: () => admission.isShort,
      runningPeers: ownRunningPeers,
    });
    if (timeoutMs > 0) {
      this.#idleTimeouts = new IdleTimeouts(connections, {
        timeoutMs,
        runningPeers,
        onClose(peer, reason) {
          // The request is not known where several connections share the key.
          if (!connections.isContested(peer)) options.onClose?.(peer, reason);
        },
      });
    }
    if (requests !== undefined) {
      this.#inputMonitor = new InputMonitor(connections, {
        requests,
        onClose: (request, reason) =>
          options.onClose?.(request.peerKey, reason, request),
      });
    }
    admission.scan();
  }

  /** Takes the connections of the listener at `address` (`server.addr`). */
  watch(address: SocketAddress): void {
    this.#connections.watch(address);
  }

  /**
   * Has connections of the watched listeners send what is written at once, as
   * the engine arranges only for those without TLS. Otherwise the second of two
   * short writes waits until the client acknowledges the first, up to 40 ms.
   * Connections that are open already stay as they are.
   */
  sendAtOnce(): void {
    for (const listener of this.#connections.listeners()) {
      this.#sockets.sendAtOnce(listener);
    }
  }

  /**
   * True when a request may run. False when its connection is over the limit or
   * is being closed: then answer 503 and call `endConnection`. Call it once per
   * request, in the turn of the event loop in which it comes. While the limit is
   * far it only decrements a counter.
   *
   * @param listener The address at which it came, see `addressName`.
   */
  admit(info: Deno.ServeHandlerInfo<Deno.Addr>, listener: string): boolean {
    const hasBudget = this.#slots.takeFreeBudget() || this.#admission.renew();
    return hasBudget && this.#lingering.size === 0 &&
        this.#connections.contested === 0 ||
      this.#admitByName(info, listener, hasBudget);
  }

  #admitByName(
    info: Deno.ServeHandlerInfo<Deno.Addr>,
    listener: string,
    hasBudget: boolean,
  ): boolean {
    const origin = originOf(info, listener);
    if (origin === null) return true;
    if (this.#lingering.hasAsked(origin)) return false;
    const connections = this.#connections;
    if (!hasBudget) return this.#admission.admit(origin);
    if (connections.isContested(origin.peerKey)) {
      connections.identifyNow(origin, false, NO_SCAN);
    }
    return true;
  }

  /**
   * The connection of a request that comes in this very turn: the same object
   * for all of its requests, which no other connection ever has. Null where it
   * is not known. As long as {@linkcode Guard.isStill}, it is also that of the
   * next requests from the same client's address.
   *
   * @param listener As for {@linkcode Guard.admit}.
   */
  connectionOf(
    info: Deno.ServeHandlerInfo<Deno.Addr>,
    listener: string,
  ): Connection | null {
    const origin = originOf(info, listener);
    return origin && (this.#connections.identifyNow(origin, false) ?? null);
  }

  /** True while it is open, and no other is known to have the same name. */
  isStill(connection: Connection): boolean {
    return !this.#connections.isContested(connection.peer) &&
      this.#sockets.isOpen(connection);
  }

  /**
   * Closes a connection once its response, which the caller gives to the engine
   * in the same turn, and all other requests on it have ended. The client gets
   * the complete response even while it is still sending. Until then, further
   * requests of the connection are not admitted; on HTTP/2, where requests share
   * connections, end only the stream instead.
   */
  endConnection(request: RequestOrigin): void {
    this.#lingering.add(request);
  }

  /**
   * Sends the end of the stream (FIN) once the engine has written a response,
   * which the caller gives to it in the same turn and which is short enough for
   * one write. Some clients ignore `connection: close` and check only for the
   * end before they send another request. Further requests are admitted.
   */
  finishBehind(request: RequestOrigin): void {
    const connection = this.#connections.identifyOrScan(request);
    const before = connection && this.#sockets.tcpState(connection);
    if (!connection || !before) return;
    const check = (milliseconds: number): void => {
      const timer = setTimeout(() => {
        this.#finishing.delete(timer);
        const state = this.#sockets.tcpState(connection);
        // The next request has come meanwhile: it gets its own response.
        if (state === null || state.received > before.received) return;
        if (state.segments > before.segments) {
          this.#sockets.shutdownWrite(connection);
        } else if (milliseconds < WRITE_TIMEOUT_MS) check(2 * milliseconds);
      }, milliseconds);
      this.#finishing.add(timer);
    };
    check(1);
  }

  /** Closes a connection at once; what its peer has not taken is dropped. */
  dropConnection(request: RequestOrigin): void {
    if (!this.#connections.canEnd(request)) return;
    const connection = this.#connections.identify(request);
    if (connection === undefined) this.#lingering.add(request, true);
    else {
      const pending = this.#sockets.tcpState(connection)?.pending;
      this.#shutdown(connection, pending);
    }
  }

  /**
   * How long a connection has been idle; null when it cannot be found. Where it
   * may be one of several, the times are those of the most recently active one.
   */
  idleTimes(request: RequestOrigin): IdleTimes | null {
    const connections = this.#connections;
    const found = connections.identifyOrScan(request);
    const possible = found !== undefined
      ? [found]
      : connections.isContested(request.peerKey)
      ? connections.named(request.peerKey)
      : [];
    const states = possible.flatMap((one) => this.#sockets.tcpState(one) ?? []);
    return states.length === 0 ? null : {
      sent: Math.min(...states.map((state) => state.sendIdle)),
      received: Math.min(...states.map((state) => state.receiveIdle)),
    };
  }

  /** What was sent on a connection so far; null when it cannot be found. */
  traffic(request: RequestOrigin): Traffic | null {
    const connection = this.#connections.identifyOrScan(request);
    return connection === undefined ? null : this.#sockets.tcpState(connection);
  }

  /**
   * Watches the clients of requests, which may disconnect or flood. Call it
   * when a request begins; while others run it only reads a flag.
   */
  wake(): void {
    this.#inputMonitor?.wake();
  }

  /**
   * Lets no more connections be opened to the watched addresses, of any thread.
   * Those that clients have opened are still accepted.
   */
  dropHandshakes(): void {
    for (const listener of this.#connections.listeners()) {
      this.#sockets.dropHandshakes(listener);
    }
  }

  /**
   * Has the engine close the connections on which no request runs, as it does
   * when their clients close them: a request that has arrived is served first.
   * The engine's own shutdown would drop it. Resolves when they are closed.
   *
   * @param descriptors Those of this thread; null where all are.
   * @param isExempt Such connections are left open.
   */
  async closeIdle(
    descriptors: ReadonlySet<number> | null,
    isExempt: (connection: object) => boolean,
  ): Promise<void> {
    this.#admission.scan();
    const received = (connection: Connection) =>
      this.#sockets.tcpState(connection)?.received;
    const before = new Map(
      [...this.#connections.all()].filter((connection) =>
        connection.tcp && !isExempt(connection) &&
        (descriptors?.has(connection.fd) ?? true)
      ).map((connection) => [connection, received(connection)]),
    );
    // A request that has arrived by now is running afterwards.
    await delay(QUIET_MS);
    const closing: Connection[] = [];
    let running = new Set(await this.#runningPeers());
    for (const [connection, bytes] of before) {
      if (received(connection) !== bytes) continue;
      if (running.has(connection.peer)) continue;
      if (!this.#sockets.shutdownRead(connection)) continue;
      closing.push(connection);
      if (closing.length % CLOSED_PER_TURN > 0) continue;
      // A request that arrives now would be aborted: let the engine close first.
      await delay(0);
      running = new Set(await this.#runningPeers());
    }
    const end = performance.now() + CLOSE_TIMEOUT_MS;
    while (
      performance.now() < end &&
      closing.some((connection) => this.#sockets.isOpen(connection))
    ) await delay(CLOSE_POLL_MS);
  }

  /**
   * The connections on which something was sent or received in the last `ms`
   * milliseconds, of any thread; and those of Unix sockets, which may be.
   */
  activeWithin(ms: number): ReadonlySet<object> {
    this.#admission.scan();
    return new Set(
      [...this.#connections.all()].filter((connection) => {
        if (!connection.tcp) return true;
        const state = this.#sockets.tcpState(connection);
        return state !== null &&
          Math.min(state.sendIdle, state.receiveIdle) <= ms;
      }),
    );
  }

  /** Counts the connections that are open and not being closed. */
  count(): number {
    return this.#admission.scan();
  }

  /**
   * How many connections may be served at once: less than the option where the
   * process has other descriptors open.
   */
  get limit(): number {
    return this.#admission.limit;
  }

  /** Its descriptors, to be closed if its thread ends without `close`. */
  get held(): ThreadDescriptors {
    return this.#sockets.held;
  }

  /** The slots, for the guards of the other threads. */
  get slots(): SharedArrayBuffer {
    return this.#slots.shared;
  }

  /**
   * Frees descriptors after accept(2) failed for lack of them: closes the
   * connections over the limit, and at least a few, but none with a running
   * request. Their descriptors are free a moment later.
   *
   * @returns how many were closed
   */
  async evictIdle(): Promise<number> {
    const peers = await this.#runningPeers();
    const running = new Set(peers);
    const open = this.#admission.scan();
    const candidates = [...this.#connections.all()]
      .filter((connection) => !running.has(connection.peer))
      .reverse() // the newest first
      .map((connection) => ({ connection, rank: this.#rank(connection) }))
      // Where the workers do not answer, one that was served may be running.
      .filter(({ rank }) => peers !== null || rank < 3)
      .sort((a, b) => a.rank - b.rank);
    let closed = 0;
    const enough = Math.max(open - this.#admission.limit, MIN_EVICTED);
    for (const { connection, rank } of candidates) {
      if (closed >= (rank === 3 ? MAX_SERVED_EVICTED : enough)) break;
      if (this.#shutdown(connection)) closed++;
    }
    this.#admission.scan();
    return closed;
  }

  /**
   * The order in which connections are evicted: those that are being closed (0),
   * those that sent no request or got a 503 (1), those whose request does not
   * arrive (2), those that were served (3).
   */
  #rank(connection: Connection): 0 | 1 | 2 | 3 {
    if (this.#slots.isEnding(connection)) return 0;
    const state = this.#sockets.tcpState(connection);
    if (state === null || state.received === 0) return 1;
    if (state.segments > 0) return this.#slots.isServed(connection) ? 3 : 1;
    return state.receiveIdle < UNSEEN_MS ? 3 : 2;
  }

  /** Stops, and closes what the guard itself has open. */
  close(): void {
    for (const timer of this.#finishing) clearTimeout(timer);
    this.#idleTimeouts?.stop();
    this.#lingering.stop();
    this.#inputMonitor?.stop();
    this.#admission.stop();
    this.#sockets.close();
  }

  #shutdown(connection: Connection, reset = false): boolean {
    this.#slots.end(connection);
    return this.#sockets.shutdownBoth(connection, reset);
  }
}

/** Where a request that comes in this very turn is from; null on Unix sockets. */
function originOf(
  info: Deno.ServeHandlerInfo<Deno.Addr>,
  listener: string,
): RequestOrigin | null {
  const client = info.remoteAddr;
  return "hostname" in client
    ? { peerKey: peerKey(client, listener), age: 0, info }
    : null;
}

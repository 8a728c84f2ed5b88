/**
 * The connection guard: sees and closes the process's server connections from
 * outside, because `Deno.serve` neither counts them, nor gives them a deadline,
 * nor closes one.
 *
 * @module
 */

import { descriptorLimit } from "../system/descriptor_budget.ts";
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
import { openSockets, type Sockets } from "./sockets.ts";
import { delay } from "../std/timer.ts";

/** What a guard enforces, and what it must be told for that. */
export interface GuardOptions {
  /** How many connections may be served in all; 0 for any number. */
  limit: number;
  /** How many threads accept connections (1). */
  threads?: number;
  /** The slots of the process that all its guards share; else its own. */
  slots?: SharedArrayBuffer;
  /** How long nothing may happen on a connection (ms); 0 for ever. */
  timeoutMs: number;
  /**
   * The peers (see {@linkcode peerKey}) with a request running. A promise, or
   * null for "nobody can tell now", where other threads have to be asked; such
   * a guard ends no connections behind their answers, its threads' guards do.
   */
  runningPeers(): PeersRunning | Promise<PeersRunning>;
  /** The requests of this thread, to watch their clients; none if missing. */
  requests?(): Iterable<WatchedRequest>;
  /**
   * Called after the guard closed a connection for that reason.
   *
   * @param request The one that ran on it; not given where it is known to be
   * all that run under that name.
   */
  onClose?(
    peer: string,
    reason: TimeoutReason | ClientReason,
    request?: WatchedRequest,
  ): void;
}

/** For how long nothing has happened on a connection (ms). */
export interface IdleTimes {
  readonly sent: number;
  readonly received: number;
}

/** How much of what was sent on a connection its peer has taken. */
export interface Traffic {
  /** Bytes that the peer has acknowledged, modulo 2³². */
  readonly acked: number;
  /** Bytes that wait to be sent or to be acknowledged. */
  readonly unacked: number;
}

/** Watches over the connections of some listeners. */
export interface Guard {
  /** Takes the connections of the listener at `address` (`server.addr`). */
  watch(address: SocketAddress): void;
  /**
   * Tells whether a request may run. False when its connection is one too many
   * or is being ended; then answer 503 and call `endConnection`. To be called
   * once per request, in the turn in which it comes. It costs next to nothing
   * while the limit is far.
   *
   * @param listener The address at which it came, see {@linkcode addressName}.
   */
  admit(info: Deno.ServeHandlerInfo<Deno.Addr>, listener: string): boolean;
  /**
   * The connection of a request that comes in this very turn: the same object
   * for all of its requests, which no other connection ever has. Null where it
   * cannot be told.
   *
   * @param listener As for {@linkcode Guard.admit}.
   */
  connectionOf(
    info: Deno.ServeHandlerInfo<Deno.Addr>,
    listener: string,
  ): object | null;
  /**
   * Closes a connection behind its answer, which is to be handed to the engine
   * in the same turn; not before all that runs on it has ended. The client
   * gets the whole answer even while it is still sending. Until it is closed
   * its further requests are not admitted; so on HTTP/2, where other requests
   * share the connection, let only the stream end.
   */
  endConnection(request: RequestOrigin): void;
  /**
   * Sends the end of the stream as soon as the engine has written an answer,
   * which is to be handed to it in the same turn, and which it writes at once:
   * a short one. It is for clients that look for the end before they ask again,
   * without heed of `connection: close`. Further requests are admitted.
   */
  finishBehind(request: RequestOrigin): void;
  /** Closes a connection at once; what its peer has not taken is dropped. */
  dropConnection(request: RequestOrigin): void;
  /**
   * For how long nothing was sent on a connection, and nothing received (ms);
   * null when it cannot be found. Where several may be meant, it is the one on
   * which something happened last.
   */
  idleTimes(request: RequestOrigin): IdleTimes | null;
  /** What went over a connection so far; null when it cannot be found. */
  traffic(request: RequestOrigin): Traffic | null;
  /**
   * To be called when a request begins: its client is watched, as it may leave
   * or flood. It costs next to nothing.
   */
  wake(): void;
  /**
   * Lets no more connections come in at the watched addresses, of any thread.
   * Those that clients have opened are still accepted.
   */
  dropHandshakes(): void;
  /**
   * Has the engine close the connections on which no request runs, as it does
   * when their clients close them: a request that has arrived is served before.
   * The engine's own shutdown drops it. Resolves when they are closed.
   *
   * @param descriptors Those of this thread; null where all are.
   * @param isHttp2 Such connections are left alone: a GOAWAY tells more.
   */
  closeIdle(
    descriptors: ReadonlySet<number> | null,
    isHttp2: (connection: object) => boolean,
  ): Promise<void>;
  /** Closes all connections, each as `endConnection` does. */
  endAll(): void;
  /** Counts the connections that are open and not being closed. */
  count(): number;
  /**
   * How many connections may be served at once: less than the limit where
   * other descriptors are open.
   */
  readonly limit: number;
  /** The slots, for the guards of the other threads. */
  readonly slots: SharedArrayBuffer;
  /**
   * Makes room after accepting failed for want of descriptors: closes what is
   * over the limit, and a few connections at least. None with a request
   * running; those first that linger, then those without a slot, then those
   * that were never answered, the newest first. Their
   * descriptors are free a moment later.
   *
   * @returns how many were closed
   */
  evictIdle(): Promise<number>;
  /** Stops and gives everything back. */
  close(): void;
}

/** The least that `evictIdle` tries to close … */
const RELIEF = 16;
/** … and the most of those that were served before. */
const SERVED_RELIEF = 4;
/** For how long a request may be on its way through a worker, unseen (ms). */
const JUST_ASKED = 250;
/** Assumed where the limit of descriptors cannot be read. */
const DEFAULT_DESCRIPTORS = 1024;

/**
 * Opens a guard, which runs until it is closed but does not keep the process
 * alive.
 *
 * On a Unix socket clients have no name and connections tell no state: they
 * are counted, but none is refused, ended or given a deadline.
 *
 * @returns null where it cannot be had: on other systems than Linux, without
 * the permission for FFI, without `/proc`
 */
export function openGuard(options: GuardOptions): Guard | null {
  const sockets = openSockets();
  return sockets === null ? null : new LibcGuard(sockets, options);
}

/** For how long nothing may have arrived on an idle connection (ms). */
const QUIET_MS = 20;
/** Connections that are closed in one turn of the event loop. */
const CLOSED_AT_ONCE = 4;
/** How long the engine may take to close idle connections (ms). */
const CLOSE_WAIT_MS = 200;
/** Between two scans whether it has (ms). */
const CLOSE_STEP_MS = 5;
/** How long the engine may take to write a short answer (ms). */
const WRITE_WAIT = 64;

class LibcGuard implements Guard {
  /** Timers of {@linkcode finishBehind}; they are short. */
  readonly #finishing = new Set<ReturnType<typeof setTimeout>>();
  readonly #sockets: Sockets;
  readonly #slots: Slots;
  readonly #admission: Admission;
  readonly #runningPeers: GuardOptions["runningPeers"];
  readonly #connections: Connections;
  readonly #lingering: LingeringClose;
  readonly #idleTimeouts: IdleTimeouts | undefined;
  readonly #inputMonitor: InputMonitor | undefined;
  constructor(sockets: Sockets, options: GuardOptions) {
    const { timeoutMs } = options;
    const onClose = (
      peer: string,
      reason: TimeoutReason | ClientReason,
      request?: WatchedRequest,
    ) => options.onClose?.(peer, reason, request);
    const runningPeers = () => options.runningPeers();
    const ownRunningPeers = () => {
      const peers = options.runningPeers();
      return peers instanceof Promise ? [] : peers ?? [];
    };
    this.#sockets = sockets;
    this.#runningPeers = runningPeers;
    const descriptors = descriptorLimit() ?? DEFAULT_DESCRIPTORS;
    const slots = options.slots === undefined
      ? Slots.make(descriptors, (options.threads ?? 1) === 1)
      : new Slots(options.slots);
    this.#slots = slots;
    const connections = new Connections(sockets, slots);
    this.#connections = connections;
    const admission = new Admission(connections, {
      limit: options.limit || Infinity,
      descriptors,
      threads: options.threads ?? 1,
      isOwner: options.slots === undefined,
      runningPeers: ownRunningPeers,
    });
    this.#admission = admission;
    this.#lingering = new LingeringClose(connections, {
      isShort: () => admission.isShort,
      runningPeers: ownRunningPeers,
    });
    if (timeoutMs > 0) {
      this.#idleTimeouts = new IdleTimeouts(connections, {
        timeoutMs,
        runningPeers,
        onClose: (peer, reason) => {
          // The engine tells whose request it was that ran on it.
          if (!connections.isContested(peer)) onClose(peer, reason);
        },
      });
    }
    if (options.requests !== undefined) {
      this.#inputMonitor = new InputMonitor(connections, {
        requests: () => options.requests!(),
        onClose: (request, reason) => onClose(request.peerKey, reason, request),
      });
    }
    this.#scan();
  }

  watch(address: SocketAddress): void {
    this.#connections.watch(address);
  }

  admit(info: Deno.ServeHandlerInfo<Deno.Addr>, listener: string): boolean {
    const credit = this.#slots.takeFreeBudget();
    return credit && this.#lingering.size === 0 &&
        this.#connections.contested === 0 ||
      this.#admitByName(info, listener, credit);
  }

  #admitByName(
    info: Deno.ServeHandlerInfo<Deno.Addr>,
    listener: string,
    credit: boolean,
  ): boolean {
    const client = info.remoteAddr;
    if (!("hostname" in client)) return true;
    const origin = { peerKey: peerKey(client, listener), age: 0, info };
    if (this.#lingering.hasAsked(origin)) return false;
    const connections = this.#connections;
    if (!credit) return this.#admission.admit(origin);
    if (connections.isContested(origin.peerKey)) {
      connections.identifyNow(origin, false, NO_SCAN);
    }
    return true;
  }

  connectionOf(
    info: Deno.ServeHandlerInfo<Deno.Addr>,
    listener: string,
  ): object | null {
    const client = info.remoteAddr;
    if (!("hostname" in client)) return null;
    const origin = { peerKey: peerKey(client, listener), age: 0, info };
    return this.#connections.identifyNow(origin, false) ?? null;
  }

  endConnection(request: RequestOrigin): void {
    this.#lingering.add(request);
  }

  finishBehind(request: RequestOrigin): void {
    const connection = this.#connections.identifyOrLook(request);
    const before = connection && this.#sockets.tcpState(connection);
    if (!connection || !before) return;
    const check = (milliseconds: number): void => {
      const timer = setTimeout(() => {
        this.#finishing.delete(timer);
        const state = this.#sockets.tcpState(connection);
        // The next request has come meanwhile: it gets its own answer.
        if (state === null || state.received > before.received) return;
        if (state.segments > before.segments) {
          this.#sockets.shutdownWrite(connection);
        } else if (milliseconds < WRITE_WAIT) check(2 * milliseconds);
      }, milliseconds);
      this.#finishing.add(timer);
    };
    check(1);
  }

  endAll(): void {
    this.#scan();
    for (const connection of this.#connections.all()) {
      if (connection.tcp) this.#lingering.addConnection(connection);
    }
  }

  dropHandshakes(): void {
    this.#connections.dropHandshakes();
  }

  async closeIdle(
    descriptors: ReadonlySet<number> | null,
    isHttp2: (connection: object) => boolean,
  ): Promise<void> {
    this.#scan();
    const received = (connection: Connection) =>
      this.#sockets.tcpState(connection)?.received;
    const before = new Map(
      [...this.#connections.all()].filter((connection) =>
        connection.tcp && !isHttp2(connection) &&
        (descriptors?.has(connection.fd) ?? true)
      ).map((connection) => [connection, received(connection)]),
    );
    // What has arrived by now runs then.
    await delay(QUIET_MS);
    const closing: Connection[] = [];
    let running = new Set(await this.#runningPeers());
    for (const [connection, bytes] of before) {
      if (received(connection) !== bytes) continue;
      if (running.has(connection.peer)) continue;
      if (!this.#sockets.shutdownRead(connection)) continue;
      closing.push(connection);
      if (closing.length % CLOSED_AT_ONCE > 0) continue;
      // A request that comes now would be cut: the engine is to close first.
      await delay(0);
      running = new Set(await this.#runningPeers());
    }
    const end = performance.now() + CLOSE_WAIT_MS;
    while (
      performance.now() < end &&
      closing.some((connection) => this.#sockets.isOpen(connection))
    ) await delay(CLOSE_STEP_MS);
  }

  dropConnection(request: RequestOrigin): void {
    if (!this.#connections.canEnd(request)) return;
    const connection = this.#connections.identify(request);
    if (connection === undefined) this.#lingering.add(request, true);
    else {
      const pending = this.#sockets.tcpState(connection)?.pending;
      this.#shutdown(connection, pending);
    }
  }

  idleTimes(request: RequestOrigin): IdleTimes | null {
    const connections = this.#connections;
    const connection = connections.identifyOrLook(request);
    const states = (connection ? [connection] : connections.isContested(
        request.peerKey,
      )
      ? connections.named(request.peerKey)
      : []).flatMap((one) => this.#sockets.tcpState(one) ?? []);
    if (states.length === 0) return null;
    return {
      sent: Math.min(...states.map((state) => state.silence)),
      received: Math.min(...states.map((state) => state.inboundSilence)),
    };
  }

  traffic(request: RequestOrigin): Traffic | null {
    const connection = this.#connections.identifyOrLook(request);
    return connection === undefined ? null : this.#sockets.tcpState(connection);
  }

  wake(): void {
    this.#inputMonitor?.wake();
  }

  count(): number {
    return this.#scan();
  }

  get slots(): SharedArrayBuffer {
    return this.#slots.shared;
  }

  get limit(): number {
    return this.#admission.limit;
  }

  async evictIdle(): Promise<number> {
    const peers = await this.#runningPeers();
    const running = new Set(peers);
    const all = this.#scan();
    const candidates = [...this.#connections.all()]
      .filter((connection) => !running.has(connection.peer))
      .reverse()
      .map((connection) => ({ connection, rank: this.#rank(connection) }))
      // Where nobody can tell, one that has asked may be running.
      .filter(({ rank }) => peers !== null || rank < 3)
      .sort((a, b) => a.rank - b.rank);
    let closed = 0;
    const enough = Math.max(all - this.#admission.limit, RELIEF);
    for (const { connection, rank } of candidates) {
      if (closed >= (rank === 3 ? SERVED_RELIEF : enough)) break;
      if (this.#shutdown(connection)) closed++;
    }
    this.#scan();
    return closed;
  }

  /**
   * In which order connections are closed to make room: those that are being
   * closed, those that have asked for nothing or heard that there is no room,
   * those whose request does not arrive, and those that were served.
   */
  #rank(connection: Connection): 0 | 1 | 2 | 3 {
    if (this.#slots.isEnding(connection)) return 0;
    const state = this.#sockets.tcpState(connection);
    if (state === null || state.received === 0) return 1;
    if (state.segments > 0) return this.#slots.isServed(connection) ? 3 : 1;
    return state.inboundSilence < JUST_ASKED ? 3 : 2;
  }

  close(): void {
    for (const timer of this.#finishing) clearTimeout(timer);
    this.#idleTimeouts?.stop();
    this.#lingering.stop();
    this.#inputMonitor?.stop();
    this.#admission.stop();
    this.#sockets.close();
  }

  #scan(): number {
    return this.#admission.scan();
  }

  #shutdown(connection: Connection, reset = false): boolean {
    this.#slots.end(connection);
    return this.#sockets.shutdownBoth(connection, reset);
  }
}

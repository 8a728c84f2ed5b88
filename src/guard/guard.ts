/**
 * The connection guard: sees and closes the process's server connections from
 * outside, because `Deno.serve` neither counts them, nor gives them a deadline,
 * nor closes one.
 *
 * @module
 */

import { peerKey, type SocketAddress } from "./address.ts";
import {
  type ClientReason,
  ClientWatch,
  type WatchedRequest,
} from "./client_watch.ts";
import {
  type Connection,
  Connections,
  type RequestOrigin,
} from "./connections.ts";
import {
  type DeadlineReason,
  Deadlines,
  type PeersRunning,
} from "./deadlines.ts";
import { Endings } from "./endings.ts";
import { openSockets, type Sockets } from "./sockets.ts";

/** What a guard enforces, and what it must be told for that. */
export interface GuardOptions {
  /** How many connections may be open in all; 0 for any number. */
  limit: number;
  /**
   * The part of the free seats that this guard may give away without a look
   * (1): the guards of all threads together must not give away more than all.
   */
  share?: number;
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
    reason: DeadlineReason | ClientReason,
    request?: WatchedRequest,
  ): void;
}

/** For how long nothing has happened on a connection (ms). */
export interface Silence {
  readonly sent: number;
  readonly received: number;
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
   * Closes a connection behind its answer, which is to be handed to the engine
   * in the same turn; not before all that runs on it has ended. The client
   * gets the whole answer even while it is still sending. Until it is closed
   * its further requests are not admitted; so on HTTP/2, where other requests
   * share the connection, let only the stream end.
   */
  endConnection(request: RequestOrigin): void;
  /** Closes a connection at once; what its peer has not taken is dropped. */
  dropConnection(request: RequestOrigin): void;
  /**
   * For how long nothing was sent on a connection, and nothing received (ms);
   * null when it cannot be found. Where several may be meant, it is the one on
   * which something happened last.
   */
  silence(request: RequestOrigin): Silence | null;
  /**
   * To be called when a request begins: its client is watched, as it may leave
   * or flood. It costs next to nothing.
   */
  wake(): void;
  /** Closes all connections, each as `endConnection` does. */
  endAll(): void;
  /** Counts the connections that are open and not being closed. */
  count(): number;
  /**
   * Makes room after accepting failed for want of descriptors: closes what is
   * over the limit, and a few connections at least. None with a request
   * running; those first that were never answered, the newest first. Their
   * descriptors are free a moment later.
   *
   * @returns how many were closed
   */
  relieve(): Promise<number>;
  /** Stops and gives everything back. */
  close(): void;
}

/** The least that `relieve` tries to close. */
const RELIEF = 16;
/** The most of one moment that may go into looks at a full house (ms). */
const BURST = 50;

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

class LibcGuard implements Guard {
  readonly #sockets: Sockets;
  readonly #limit: number;
  readonly #share: number;
  readonly #runningPeers: GuardOptions["runningPeers"];
  readonly #connections: Connections;
  readonly #endings: Endings;
  readonly #deadlines: Deadlines | undefined;
  readonly #clientWatch: ClientWatch | undefined;
  /**
   * Requests that need no closer look. Each may have come on a connection that
   * is new since the last look, so it is half of the seats that were free then.
   */
  #credit = 0;
  /** The rest of those seats … */
  #vacant = 0;
  /** … and the peers that took one of them. */
  readonly #newcomers = new Set<string>();

  constructor(sockets: Sockets, options: GuardOptions) {
    const { timeoutMs } = options;
    const onClose = (
      peer: string,
      reason: DeadlineReason | ClientReason,
      request?: WatchedRequest,
    ) => options.onClose?.(peer, reason, request);
    const runningPeers = () => options.runningPeers();
    const look = () => this.#look();
    this.#sockets = sockets;
    this.#limit = options.limit || Infinity;
    this.#share = options.share ?? 1;
    this.#runningPeers = runningPeers;
    const connections = new Connections(sockets, this.#limit);
    this.#connections = connections;
    this.#endings = new Endings(sockets, connections, {
      look,
      runningPeers() {
        const peers = options.runningPeers();
        return peers instanceof Promise ? [] : peers ?? [];
      },
    });
    if (timeoutMs > 0) {
      this.#deadlines = new Deadlines(sockets, connections, {
        timeoutMs,
        look,
        runningPeers,
        onClose: (peer, reason) => {
          // The engine tells whose request it was that ran on it.
          if (!connections.isContested(peer)) onClose(peer, reason);
        },
      });
    }
    if (options.requests !== undefined) {
      this.#clientWatch = new ClientWatch(sockets, connections, {
        requests: () => options.requests!(),
        look,
        onClose: (request, reason) => onClose(request.peerKey, reason, request),
      });
    }
    this.#look();
  }

  watch(address: SocketAddress): void {
    this.#connections.watch(address);
  }

  admit(info: Deno.ServeHandlerInfo<Deno.Addr>, listener: string): boolean {
    return --this.#credit >= 0 && this.#endings.size === 0 &&
        this.#connections.contested === 0 ||
      this.#admitByName(info, listener);
  }

  #admitByName(
    info: Deno.ServeHandlerInfo<Deno.Addr>,
    listener: string,
  ): boolean {
    const client = info.remoteAddr;
    if (!("hostname" in client)) return true;
    const origin = { peerKey: peerKey(client, listener), age: 0, info };
    if (this.#endings.hasAsked(origin)) return false;
    const connections = this.#connections;
    const look = () => this.#look();
    if (this.#credit >= 0) {
      if (connections.isContested(origin.peerKey)) {
        connections.identifyNow(origin, false, look, 0);
      }
      return true;
    }
    if (this.#hasSeat(origin)) {
      if (connections.mayLook(0)) this.#look(); // for fresh credit
      return true;
    }
    if (!connections.mayLook(BURST)) return false;
    this.#look();
    return this.#hasSeat(origin);
  }

  #hasSeat(origin: RequestOrigin): boolean {
    const { peerKey: peer } = origin;
    const open = this.#connections.named(peer);
    const one = open.length > 1
      ? this.#connections.identifyNow(origin, false, () => {}, 0)
      : open[0];
    if (open.length > 1 && one === undefined) {
      return open.some(({ seated }) => seated);
    }
    if (one?.seated || this.#newcomers.has(peer) && open.length < 2) {
      return true;
    }
    if (this.#vacant === 0) return false;
    this.#vacant--;
    if (one === undefined) this.#newcomers.add(peer);
    else one.seated = true;
    return true;
  }

  endConnection(request: RequestOrigin): void {
    this.#endings.add(request);
  }

  endAll(): void {
    this.#look();
    for (const connection of this.#connections.all()) {
      if (connection.tcp) this.#endings.addConnection(connection);
    }
  }

  dropConnection(request: RequestOrigin): void {
    const connection = this.#connections.identify(request);
    if (connection === undefined) this.#endings.add(request, true);
    else {
      const pending = this.#sockets.tcpState(connection)?.pending;
      this.#shutdown(connection, pending);
    }
  }

  silence(request: RequestOrigin): Silence | null {
    const connections = this.#connections;
    const look = () => this.#look();
    const connection = connections.identifyOrLook(request, look, BURST);
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

  wake(): void {
    this.#clientWatch?.wake();
  }

  count(): number {
    return this.#look();
  }

  async relieve(): Promise<number> {
    const peers = await this.#runningPeers();
    const running = new Set(peers);
    const all = this.#look();
    const rank = (connection: Connection) =>
      connection.ending
        ? 0
        : this.#sockets.tcpState(connection)?.segments === 0
        ? 1
        : 2;
    const candidates = [...this.#connections.all()]
      .filter((connection) => !running.has(connection.peer))
      .reverse()
      .map((connection) => ({ connection, rank: rank(connection) }))
      // Where nobody can tell, one that was answered may be running another.
      .filter(({ rank }) => peers !== null || rank < 2)
      .sort((a, b) => a.rank - b.rank);
    let closed = 0;
    const enough = Math.max(all - this.#limit, RELIEF);
    for (const { connection } of candidates) {
      if (closed >= enough) break;
      if (this.#shutdown(connection)) closed++;
    }
    this.#look();
    return closed;
  }

  close(): void {
    this.#deadlines?.stop();
    this.#endings.stop();
    this.#clientWatch?.stop();
    this.#sockets.close();
  }

  #look(): number {
    const count = this.#connections.look(this.#newcomers);
    const free = Math.floor(Math.max(0, this.#limit - count) * this.#share);
    this.#credit = Math.floor(free / 2);
    this.#vacant = Math.ceil(free / 2);
    this.#newcomers.clear();
    return count;
  }

  #shutdown(connection: Connection, reset = false): boolean {
    connection.ending = true;
    return this.#sockets.shutdown(connection, reset);
  }
}

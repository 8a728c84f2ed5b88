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
import { type Connection, Connections } from "./connections.ts";
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
  /** Called after the guard closed a connection for that reason. */
  onClose?(peer: string, reason: DeadlineReason | ClientReason): void;
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
   * once per request. It costs next to nothing while the limit is far.
   */
  admit(info: Deno.ServeHandlerInfo<Deno.Addr>, serverPort: number): boolean;
  /**
   * Closes a connection behind its answer, which is to be handed to the engine
   * in the same turn; not before all that runs on it has ended. The client
   * gets the whole answer even while it is still sending. Until it is closed
   * its further requests are not admitted; so on HTTP/2, where other requests
   * share the connection, let only the stream end.
   */
  endConnection(peer: string): void;
  /** Closes a connection at once; what its peer has not taken is dropped. */
  dropConnection(peer: string): void;
  /**
   * For how long nothing was sent on a connection, and nothing received (ms);
   * null when it cannot be found.
   */
  silence(peer: string): Silence | null;
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
    const { timeoutMs, onClose = () => {} } = options;
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
        onClose,
      });
    }
    if (options.requests !== undefined) {
      this.#clientWatch = new ClientWatch(sockets, connections, {
        requests: () => options.requests!(),
        look,
        onClose,
      });
    }
    this.#look();
  }

  watch(address: SocketAddress): void {
    this.#connections.watch(address);
  }

  admit(info: Deno.ServeHandlerInfo<Deno.Addr>, serverPort: number): boolean {
    return --this.#credit >= 0 && this.#endings.size === 0 ||
      this.#admitByName(info.remoteAddr, serverPort);
  }

  #admitByName(client: Deno.Addr, serverPort: number): boolean {
    if (!("hostname" in client)) return true;
    const peer = peerKey(client, serverPort);
    if (this.#endings.hasAsked(peer)) return false;
    if (this.#credit >= 0) return true;
    if (this.#hasSeat(peer)) {
      if (this.#connections.mayLook(0)) this.#look(); // for fresh credit
      return true;
    }
    if (!this.#connections.mayLook(BURST)) return false;
    this.#look();
    return this.#hasSeat(peer);
  }

  #hasSeat(peer: string): boolean {
    if (this.#connections.find(peer)?.seated || this.#newcomers.has(peer)) {
      return true;
    }
    if (this.#vacant === 0) return false;
    this.#vacant--;
    this.#newcomers.add(peer);
    return true;
  }

  endConnection(peer: string): void {
    this.#endings.add(peer);
  }

  endAll(): void {
    this.#look();
    for (const { tcp, peer } of this.#connections.all()) {
      if (tcp) this.#endings.add(peer);
    }
  }

  dropConnection(peer: string): void {
    const connection = this.#connections.findOpen(peer);
    if (connection === undefined) this.#endings.add(peer, true);
    else {
      const pending = this.#sockets.tcpState(connection)?.pending;
      this.#shutdown(connection, pending);
    }
  }

  silence(peer: string): Silence | null {
    const connection = this.#connections.findOrLook(
      peer,
      () => this.#look(),
      BURST,
    );
    const state = connection && this.#sockets.tcpState(connection);
    return state
      ? { sent: state.silence, received: state.inboundSilence }
      : null;
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

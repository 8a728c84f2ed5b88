/**
 * The connections of the listeners that are watched.
 *
 * The address of its own end tells a server's connection from any other socket
 * of the process: from its listeners, and from connections that lead out.
 *
 * @module
 */

import { addressName, peerKey, type SocketAddress } from "./address.ts";
import type { Socket, Sockets } from "./sockets.ts";

/** One connection of a watched listener. */
export interface Connection extends Socket {
  /** See {@linkcode peerKey}. On a Unix socket it is not found by this name. */
  readonly peer: string;
  /** False on a Unix socket, of which the kernel tells no more. */
  readonly tcp: boolean;
  /** Where it was found by … */
  fd: number;
  /** … the last look that found it. */
  look: number;
  /** One of those that the limit has room for. */
  seated: boolean;
  /** Being closed. */
  ending: boolean;
  /** When its deadline is worth a check (ms, `performance.now()`). */
  due: number;
  /** It was found idle for too long once. */
  overdue: boolean;
  /** Bytes that the peer had acknowledged when bytes were first pending … */
  acked: number;
  /** … since when (ms). */
  ackedAt: number;
}

/** The most of all time that may go into looks that requests ask for. */
const SHARE = 0.1;

/** The connections of this process's watched listeners. */
export class Connections {
  readonly #sockets: Sockets;
  readonly #limit: number;
  readonly #listeners = new Set<string>();
  /** By cookie, the first seen first. */
  readonly #known = new Map<number, Connection>();
  readonly #byPeer = new Map<string, Connection>();
  /** Cookies of sockets that are none of ours. */
  #strangers = new Set<number>();
  #look = 0;
  #lookedAt = -Infinity;
  /** Time spent on looks and not yet earned back (ms). */
  #debt = 0;

  /** @param limit how many connections have a seat */
  constructor(sockets: Sockets, limit: number) {
    this.#sockets = sockets;
    this.#limit = limit;
  }

  /** From now on knows the connections of the listener at `address`. */
  watch(address: SocketAddress): void {
    this.#listeners.add(addressName(address));
    this.#strangers.clear();
  }

  /** Those of the last look, the first seen first. */
  all(): Iterable<Connection> {
    return this.#known.values();
  }

  /** The one of the last look that has this name; it may be gone by now. */
  find(peer: string): Connection | undefined {
    return this.#byPeer.get(peer);
  }

  /** The one of the last look that has this name and is still open. */
  findOpen(peer: string): Connection | undefined {
    const connection = this.#byPeer.get(peer);
    if (connection === undefined || this.#sockets.isOpen(connection)) {
      return connection;
    }
    this.#forget(connection);
  }

  /**
   * The open one that has this name, and when it is not known and can be
   * afforded, after a look; `burst` as in {@linkcode mayLook}.
   */
  findOrLook(
    peer: string,
    look: () => void,
    burst: number,
  ): Connection | undefined {
    const connection = this.findOpen(peer);
    if (connection !== undefined || !this.mayLook(burst)) return connection;
    look();
    return this.find(peer);
  }

  /** Tells whether there was a look after the instant `since`. */
  lookedAfter(since: number): boolean {
    return this.#lookedAt > since;
  }

  /**
   * Tells whether a look can be afforded, so that looking takes no more than
   * a tenth of all time, but for bursts of `burst` (ms).
   */
  mayLook(burst: number): boolean {
    return this.#debtAt(performance.now()) <= burst;
  }

  /**
   * Finds the connections there are now, and gives them seats: first those that
   * have one, then those of the `admitted` peers, then those that were answered
   * before, then the others; each in the order in which they were found, which
   * is that of age but for those of one look.
   *
   * @returns their number, without those that are being closed
   */
  look(admitted: Iterable<string> = []): number {
    const began = performance.now();
    this.#find();
    const present = [];
    for (const connection of this.#known.values()) {
      if (connection.look !== this.#look) this.#forget(connection);
      else if (!connection.ending) present.push(connection);
    }
    let free = this.#limit;
    for (const { seated } of present) if (seated) free--;
    const next = [...admitted].map((peer) => this.#byPeer.get(peer));
    const rest = free > 0 && free < present.length
      ? this.#answeredFirst(present)
      : present;
    for (const connection of [...next, ...rest]) {
      if (free > 0) free -= seat(connection);
    }
    const now = performance.now();
    this.#debt = this.#debtAt(began) + now - began;
    this.#lookedAt = now;
    return present.length;
  }

  #answeredFirst(present: readonly Connection[]): Connection[] {
    const answered = new Set(
      present.filter((connection) =>
        connection.seated || this.#sockets.tcpState(connection)?.segments
      ),
    );
    return [
      ...answered,
      ...present.filter((connection) => !answered.has(connection)),
    ];
  }

  #debtAt(now: number): number {
    return Math.max(0, this.#debt - (now - this.#lookedAt) * SHARE);
  }

  #find(): void {
    const look = ++this.#look;
    const strangers = new Set<number>();
    for (const fd of this.#sockets.descriptors()) {
      const cookie = this.#sockets.cookie(fd);
      if (cookie === 0) continue;
      const connection = this.#known.get(cookie) ??
        (this.#strangers.has(cookie) ? null : this.#identify(fd, cookie));
      if (connection === null) {
        strangers.add(cookie);
      } else {
        connection.fd = fd;
        connection.look = look;
      }
    }
    this.#strangers = strangers;
  }

  #forget(connection: Connection): void {
    this.#known.delete(connection.cookie);
    if (this.#byPeer.get(connection.peer) === connection) {
      this.#byPeer.delete(connection.peer);
    }
  }

  #identify(fd: number, cookie: number): Connection | null {
    const own = this.#sockets.ownAddress(fd);
    if (own === null || !this.#isWatched(own)) return null;
    const peer = this.#sockets.peerAddress(fd);
    if (peer === null) return null; // the listener itself
    const tcp = this.#sockets.isTcp(fd);
    if (!tcp && "port" in own) return null;
    const connection = {
      peer: peerKey(peer, "port" in own ? own.port : 0),
      tcp,
      cookie,
      fd,
      look: 0,
      seated: false,
      ending: false,
      due: 0,
      overdue: false,
      acked: -1,
      ackedAt: 0,
    };
    this.#known.set(cookie, connection);
    if (tcp) this.#byPeer.set(connection.peer, connection);
    return connection;
  }

  #isWatched(own: SocketAddress): boolean {
    if (this.#listeners.has(addressName(own))) return true;
    if (!("port" in own)) return false;
    const hostname = own.hostname.includes(":") ? "::" : "0.0.0.0";
    return this.#listeners.has(addressName({ ...own, hostname }));
  }
}

/** Gives the connection a seat; returns how many that took. */
function seat(connection: Connection | undefined): 0 | 1 {
  if (!connection || connection.seated || connection.ending) return 0;
  connection.seated = true;
  return 1;
}

/**
 * The connections of the listeners that are watched.
 *
 * The address of its own end tells a server's connection from any other socket
 * of the process: from its listeners, and from connections that lead out.
 *
 * @module
 */

import { addressName, peerKey, type SocketAddress } from "./address.ts";
import type { Slots } from "./slots.ts";
import type { Socket, Sockets } from "./sockets.ts";

/** One connection of a watched listener. */
export interface Connection extends Socket {
  /** See {@linkcode peerKey}. On a Unix socket it is not found by this name. */
  readonly peer: string;
  /** No other open connection can have its name. */
  readonly exact: boolean;
  /** The client's port; 0 on a Unix socket. */
  readonly port: number;
  /** False on a Unix socket, of which the kernel tells no more. */
  readonly tcp: boolean;
  /** The next one of the same name. */
  namesake: Connection | undefined;
  /** Requests that were seen to come on it; not all are checked. */
  requests: number;
  /** Where it was found by … */
  fd: number;
  /** … the last scan that found it. */
  scan: number;
  /** When its deadline is worth a check (ms, `performance.now()`). */
  due: number;
  /** It was found idle for too long once. */
  overdue: boolean;
  /** Bytes that the peer had acknowledged when bytes were first pending … */
  acked: number;
  /** … since when (ms). */
  ackedAt: number;
}

/** A request, by what is known of where it came from. */
export interface RequestOrigin {
  /** See {@linkcode peerKey}. */
  readonly peerKey: string;
  /** Seconds since it came. */
  readonly age: number;
  /** The engine's object for this request and no other. */
  readonly info: object;
}

/**
 * Bounds the part of all time that some work may take: what it has taken is a
 * debt that time pays back.
 */
export class CpuBudget {
  /** Milliseconds of work that were not paid back … */
  #debt = 0;
  /** … at this time (ms, `performance.now()`). */
  #at = -Infinity;

  /**
   * @param share The part of all time, above 0 and up to 1.
   * @param maxDebt What remains of earlier work when more is done, at most
   * (ms): what a rush has cost is not made up for long after it.
   */
  constructor(public share: number, readonly maxDebt = 0) {}

  /** Takes note of work that began at `began` (ms) and has just ended. */
  spend(began: number): void {
    const now = performance.now();
    this.#debt = Math.min(this.#debtAt(began), this.maxDebt) + now - began;
    this.#at = now;
  }

  /** Tells whether no more than `burst` milliseconds are to be paid back. */
  affords(burst: number): boolean {
    return this.#debtAt(performance.now()) <= burst;
  }

  /** Until all is paid back (ms). */
  get rest(): number {
    return this.#debtAt(performance.now()) / this.share;
  }

  #debtAt(now: number): number {
    return Math.max(0, this.#debt - (now - this.#at) * this.share);
  }
}

/** What scans of all connections may take at once, beyond their share (ms). */
const BURST = 50;
/** As a burst: no scan at all. */
export const NO_SCAN = -1;
/** After how many free numbers no higher one is checked. */
const MAX_FREE = 16;
/** How exactly the system's clocks agree on when something happened (ms). */
const CLOCK_STEP = 10;
/** The most of all time that may go into scans that requests ask for. */
const SHARE = 0.1;

/** The connections of this process's watched listeners. */
export class Connections {
  readonly #listeners = new Set<string>();
  /** By cookie, the first seen first. */
  readonly #known = new Map<number, Connection>();
  /** The first of each name. */
  readonly #byPeer = new Map<string, Connection>();
  readonly #contested = new Set<string>();
  /** By the engine's object for each request whose connection is known. */
  readonly #byInfo = new WeakMap<object, Connection>();
  /** The same objects of those whose connection cannot be known. */
  readonly #unclear = new WeakSet<object>();
  /** Cookies of sockets that are none of ours. */
  #unrelatedSockets = new Set<number>();
  /** Numbers of descriptors that were free at the last scan, … */
  #gaps: number[] = [];
  /** … as were this one and all above. */
  #top = 0;
  #scan = 0;
  #scannedAt = -Infinity;
  readonly #budget = new CpuBudget(SHARE, BURST);
  /** Brings the connections up to date, and what depends on them. */
  refresh: () => unknown = () => this.scan();

  constructor(readonly sockets: Sockets, readonly slots: Slots) {}

  /** From now on knows the connections of the listener at `address`. */
  watch(address: SocketAddress): void {
    this.#listeners.add(addressName(address));
    this.#unrelatedSockets.clear();
  }

  /** Has all watched listeners take no new connections but those queued. */
  dropHandshakes(): void {
    for (const listener of this.sockets.listeners()) {
      const { address } = listener;
      if ("port" in address && this.#listeners.has(addressName(address))) {
        this.sockets.dropHandshakes(listener);
      }
    }
  }

  /** Those of the last scan, the first seen first. */
  all(): Iterable<Connection> {
    return this.#known.values();
  }

  /** How many the last scan has found. */
  get size(): number {
    return this.#known.size;
  }

  /** How many names are those of several connections. */
  get contested(): number {
    return this.#contested.size;
  }

  /** Tells whether several connections have this name. */
  isContested(peer: string): boolean {
    return this.#contested.has(peer);
  }

  /** Those of the last scan that have this name and are still open. */
  named(peer: string): Connection[] {
    const open = [];
    let connection = this.#byPeer.get(peer);
    while (connection !== undefined) {
      const { namesake } = connection;
      if (this.sockets.isOpen(connection)) open.push(connection);
      else this.#forget(connection);
      connection = namesake;
    }
    return open;
  }

  /**
   * The connection of a request that has come in this very turn of the event
   * loop: so it is open. Of several namesakes it is the one that has received
   * something last, or undefined where that is not clear: then nothing may be
   * done to any of them.
   *
   * @param sure Look for namesakes first, where there can be any that the last
   * scan did not find; undefined when that cannot be afforded.
   * @param burst As in {@linkcode mayScan}.
   */
  identifyNow(
    { peerKey, info }: RequestOrigin,
    sure: boolean,
    burst: number = BURST,
  ): Connection | undefined {
    const known = this.#byInfo.get(info);
    if (known !== undefined) return known;
    let open = this.named(peerKey);
    if (open.length === 0) {
      this.#glance();
      open = this.named(peerKey);
    }
    let certain = open.length > 1 || open[0]?.exact === true;
    if (!certain && (sure || open.length === 0) && this.mayScan(burst)) {
      this.refresh();
      open = this.named(peerKey);
      certain = true;
    }
    if (sure && !certain) return undefined;
    const found = open.length > 1 ? this.#lastReceiver(open) : open[0];
    if (found !== undefined) found.requests++;
    if (certain && found !== undefined) this.#byInfo.set(info, found);
    return found;
  }

  /**
   * The connection of a request that came a while ago; undefined when it is
   * gone, was not found by the last scan, or is one of several namesakes.
   */
  identify(origin: RequestOrigin): Connection | undefined {
    const { peerKey, age, info } = origin;
    const known = this.#byInfo.get(info);
    if (known !== undefined) {
      return this.sockets.isOpen(known) ? known : undefined;
    }
    const cameAt = performance.now() - age * 1000;
    const candidates = this.candidates(peerKey, cameAt);
    const [found] = candidates;
    if (
      candidates.length !== 1 || !found.exact && !this.scannedAfter(cameAt)
    ) return undefined;
    this.#byInfo.set(info, found);
    return found;
  }

  /** The same; when it is not known and can be afforded, after a scan. */
  identifyOrLook(origin: RequestOrigin): Connection | undefined {
    const found = this.identify(origin);
    if (found !== undefined || !this.mayScan()) return found;
    this.refresh();
    return this.identify(origin);
  }

  /** From now on knows that the request came on this connection. */
  assign({ info }: RequestOrigin, connection: Connection): void {
    this.#byInfo.set(info, connection);
  }

  /** From now on nothing is to be done to a connection for this request. */
  leaveAlone({ info }: RequestOrigin): void {
    this.#unclear.add(info);
  }

  /** False when the request's connection is gone, or will not be known. */
  canEnd({ info }: RequestOrigin): boolean {
    const known = this.#byInfo.get(info);
    return known === undefined
      ? !this.#unclear.has(info)
      : this.sockets.isOpen(known);
  }

  /**
   * Those of this name that may have been there at the instant `cameAt`. A
   * client that comes back from the same port has a younger connection.
   */
  candidates(peer: string, cameAt: number): Connection[] {
    const now = performance.now();
    return this.named(peer).filter((connection) => {
      const state = this.sockets.tcpState(connection);
      return state !== null &&
        !(state.segments === 0 && now - state.sendIdle > cameAt + CLOCK_STEP);
    });
  }

  #lastReceiver(open: readonly Connection[]): Connection | undefined {
    const [first, second] = open.map((connection) => ({
      connection,
      idle: this.sockets.tcpState(connection)?.receiveIdle ?? Infinity,
    })).sort((a, b) => a.idle - b.idle);
    return second.idle - first.idle < CLOCK_STEP ? undefined : first.connection;
  }

  /** Tells whether there was a scan after the instant `since`. */
  scannedAfter(since: number): boolean {
    return this.#scannedAt > since;
  }

  /**
   * Tells whether a scan can be afforded, so that scans take no more than
   * a tenth of all time, but for bursts of `burst` (ms).
   */
  mayScan(burst: number = BURST): boolean {
    return this.#budget.affords(burst);
  }

  /**
   * Finds the connections there are now.
   *
   * @returns how many descriptors the process has open, of any kind
   */
  scan(): number {
    const began = performance.now();
    const descriptors = this.#find();
    for (const connection of this.#known.values()) {
      if (connection.scan !== this.#scan) this.#forget(connection);
    }
    this.#budget.spend(began);
    this.#scannedAt = performance.now();
    return descriptors;
  }

  /**
   * Finds most connections that are new since the last scan, at little cost: a
   * new descriptor has the lowest number that is free.
   */
  #glance(): void {
    this.#gaps.sort((a, b) => a - b);
    const gaps: number[] = [];
    let free = 0, at = 0;
    while (free < MAX_FREE) {
      const fd = this.#gaps[at++] ?? this.#top++;
      const cookie = this.sockets.cookie(fd);
      if (cookie === 0 || this.#known.has(cookie)) {
        gaps.push(fd);
        free++;
        continue;
      }
      const connection = this.#unrelatedSockets.has(cookie)
        ? null
        : this.#identify(fd, cookie);
      if (connection === null) this.#unrelatedSockets.add(cookie);
      else connection.scan = this.#scan;
    }
    this.#gaps = gaps.concat(this.#gaps.slice(at));
  }

  /** Takes note that the number of a connection is about to become free. */
  leaves({ fd }: Connection): void {
    this.#gaps.push(fd);
  }

  #find(): number {
    const scan = ++this.#scan;
    const unrelatedSockets = new Set<number>();
    const descriptors = this.sockets.descriptors();
    this.#gaps = [];
    this.#top = 0;
    for (const fd of descriptors) {
      while (this.#top < fd) this.#gaps.push(this.#top++);
      this.#top = fd + 1;
      const cookie = this.sockets.cookie(fd);
      if (cookie === 0) continue;
      const connection = this.#known.get(cookie) ??
        (this.#unrelatedSockets.has(cookie)
          ? null
          : this.#identify(fd, cookie));
      if (connection === null) {
        unrelatedSockets.add(cookie);
      } else {
        connection.fd = fd;
        connection.scan = scan;
      }
    }
    this.#unrelatedSockets = unrelatedSockets;
    return descriptors.length;
  }

  #forget(connection: Connection): void {
    if (!this.#known.delete(connection.cookie)) return;
    this.leaves(connection);
    if (!connection.tcp) return;
    const { peer, namesake } = connection;
    const first = this.#byPeer.get(peer)!;
    if (first !== connection) {
      let one = first;
      while (one.namesake !== connection) one = one.namesake!;
      one.namesake = namesake;
    } else if (namesake !== undefined) this.#byPeer.set(peer, namesake);
    else this.#byPeer.delete(peer);
    if (this.#byPeer.get(peer)?.namesake === undefined) {
      this.#contested.delete(peer);
    }
  }

  #name(connection: Connection): void {
    const { peer } = connection;
    connection.namesake = this.#byPeer.get(peer);
    this.#byPeer.set(peer, connection);
    if (connection.namesake !== undefined) this.#contested.add(peer);
  }

  #identify(fd: number, cookie: number): Connection | null {
    const own = this.sockets.ownAddress(fd);
    if (own === null) return null;
    const listener = this.#listenerOf(own);
    if (listener === null) return null;
    const peer = this.sockets.peerAddress(fd);
    if (peer === null) return null; // the listener itself
    const tcp = this.sockets.isTcp(fd);
    if (!tcp && "port" in own) return null;
    const connection: Connection = {
      peer: peerKey(peer, listener),
      port: "port" in peer ? peer.port : 0,
      exact: listener === addressName(own),
      tcp,
      namesake: undefined,
      requests: 0,
      cookie,
      fd,
      scan: 0,
      due: 0,
      overdue: false,
      acked: -1,
      ackedAt: 0,
    };
    this.#known.set(cookie, connection);
    if (tcp) this.#name(connection);
    return connection;
  }

  /** The listener that has accepted a connection to `own`; null for none. */
  #listenerOf(own: SocketAddress): string | null {
    const name = addressName(own);
    // The kernel prefers the listener at the address itself, too.
    if (this.#listeners.has(name)) return name;
    if (!("port" in own)) return null;
    // IPv4 clients of a listener at `::` have addresses like ::ffff:1.2.3.4.
    const hostname = own.hostname.includes(":") ? "::" : "0.0.0.0";
    const any = addressName({ ...own, hostname });
    return this.#listeners.has(any) ? any : null;
  }
}

/**
 * The connections of the listeners that are watched.
 *
 * A socket of the process is such a connection if its own address is that of a
 * watched listener and it has a peer; connections to other servers have other
 * addresses.
 */

import { addressName, peerKey, type SocketAddress } from "./address.ts";
import { CpuBudget } from "./cpu_budget.ts";
import type { Slots } from "./slots.ts";
import type { ListeningSocket, Socket, Sockets } from "./sockets.ts";

/** One connection of a watched listener. */
export interface Connection extends Socket {
  /** See {@linkcode peerKey}. On a Unix socket it is not found by this key. */
  readonly peer: string;
  /** No other open connection can have its key. */
  readonly exact: boolean;
  /** The client's port; 0 on a Unix socket. */
  readonly port: number;
  /** False on a Unix socket, whose state the kernel does not give. */
  readonly tcp: boolean;
  /** The next connection with the same key. */
  namesake: Connection | undefined;
  /** Requests that were found to be on it: some, not all. */
  requests: number;
  /** Its descriptor at scan number {@linkcode scan}. */
  fd: number;
  /** The last scan that found it. */
  scan: number;
  /** When to check its idle timeout (ms, `performance.now()`). */
  due: number;
  /** The last check found it idle for too long. */
  overdue: boolean;
  /** Bytes acknowledged (modulo 2³²) at the last change that a check saw. */
  acked: number;
  /** When that change was seen (ms). */
  ackedAt: number;
}

/** What is known of a request's connection. */
export interface RequestOrigin {
  /** See {@linkcode peerKey}. */
  readonly peerKey: string;
  /** Seconds since it came. */
  readonly age: number;
  /** The engine's object for this request and no other. */
  readonly info: object;
}

/** The share of all time that scans on behalf of requests may take. */
const MAX_CPU_SHARE = 0.1;
/** Time that such scans may take at once beyond their share (ms). */
const BURST_MS = 50;
/** As a burst: no scan at all. */
export const NO_SCAN = -1;
/** A partial scan ends after this many free descriptor numbers. */
const MAX_FREE = 16;
/** Precision of the kernel's times of events (ms). */
const CLOCK_STEP_MS = 10;

/** The connections of this process's watched listeners. */
export class Connections {
  readonly #listeners = new Set<string>();
  /** By cookie, in the order in which they were found. */
  readonly #known = new Map<number, Connection>();
  /** The last found connection of each key. */
  readonly #byPeer = new Map<string, Connection>();
  readonly #contested = new Set<string>();
  /** By `info` of each request whose connection is known. */
  readonly #byInfo = new WeakMap<object, Connection>();
  /** `info` of the requests whose connection cannot be known. */
  readonly #unclear = new WeakSet<object>();
  /** Cookies of other sockets. */
  #unrelatedSockets = new Set<number>();
  /** Free descriptor numbers below {@linkcode #top} at the last scan. */
  #gaps: number[] = [];
  /** The lowest number above which all were free. */
  #top = 0;
  #scan = 0;
  #scannedAt = -Infinity;
  readonly #budget = new CpuBudget(MAX_CPU_SHARE, BURST_MS);
  /** Scans, and updates what depends on the connections. */
  refresh: () => unknown = () => this.scan();

  constructor(readonly sockets: Sockets, readonly slots: Slots) {}

  /** Finds the connections of the listener at `address` from now on. */
  watch(address: SocketAddress): void {
    this.#listeners.add(addressName(address));
    this.#unrelatedSockets.clear();
  }

  /** The watched listeners that have a port. */
  *listeners(): Generator<ListeningSocket> {
    for (const listener of this.sockets.listeners()) {
      const { address } = listener;
      if ("port" in address && this.#listeners.has(addressName(address))) {
        yield listener;
      }
    }
  }

  /** Those of the last scan, in the order in which they were found. */
  all(): Iterable<Connection> {
    return this.#known.values();
  }

  /** How many the last scan found. */
  get size(): number {
    return this.#known.size;
  }

  /** The number of keys that several connections share. */
  get contested(): number {
    return this.#contested.size;
  }

  /** True when several connections have this key. */
  isContested(peer: string): boolean {
    return this.#contested.has(peer);
  }

  /** Those of the last scan that have this key and are still open. */
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
   * loop: so it is open. Of several with the same key it is the one that has
   * received something last; undefined where that is not certain, and then none
   * of them may be closed.
   *
   * @param sure Scans first where the last scan may have missed another one with
   * the same key; undefined when there is no time for that.
   * @param burst As in {@linkcode mayScan}.
   */
  identifyNow(
    { peerKey, info }: RequestOrigin,
    sure: boolean,
    burst: number = BURST_MS,
  ): Connection | undefined {
    const known = this.#byInfo.get(info);
    if (known !== undefined) return known;
    let open = this.named(peerKey);
    if (open.length === 0) {
      this.#scanFreeNumbers();
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
    if (found === undefined) return undefined;
    found.requests++;
    if (certain) this.#byInfo.set(info, found);
    return found;
  }

  /**
   * The connection of a request that came a while ago; undefined when it is
   * closed, was not found by the last scan, or is one of several with its key.
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

  /** The same, after a scan if necessary and if there is time for one. */
  identifyOrScan(origin: RequestOrigin): Connection | undefined {
    const found = this.identify(origin);
    if (found !== undefined || !this.mayScan()) return found;
    this.refresh();
    return this.identify(origin);
  }

  /** Sets the connection of a request. */
  assign({ info }: RequestOrigin, connection: Connection): void {
    this.#byInfo.set(info, connection);
  }

  /** Prevents that a connection is closed for this request. */
  leaveAlone({ info }: RequestOrigin): void {
    this.#unclear.add(info);
  }

  /** False when the request's connection is closed, or cannot be known. */
  canEnd({ info }: RequestOrigin): boolean {
    const known = this.#byInfo.get(info);
    return known === undefined
      ? !this.#unclear.has(info)
      : this.sockets.isOpen(known);
  }

  /**
   * Those with this key that may have been open at `cameAt`, and not those by
   * which the client has come back from the same port since.
   */
  candidates(peer: string, cameAt: number): Connection[] {
    const now = performance.now();
    return this.named(peer).filter((connection) => {
      const state = this.sockets.tcpState(connection);
      return state !== null &&
        !(state.segments === 0 &&
          now - state.sendIdle > cameAt + CLOCK_STEP_MS);
    });
  }

  #lastReceiver(open: readonly Connection[]): Connection | undefined {
    const [first, second] = open.map((connection) => ({
      connection,
      idle: this.sockets.tcpState(connection)?.receiveIdle ?? Infinity,
    })).sort((a, b) => a.idle - b.idle);
    return second.idle - first.idle < CLOCK_STEP_MS
      ? undefined
      : first.connection;
  }

  /** True when there was a scan after the instant `since`. */
  scannedAfter(since: number): boolean {
    return this.#scannedAt > since;
  }

  /**
   * True when there is time for a scan: scans take a tenth of all time, and at
   * most `burst` more at once (ms).
   */
  mayScan(burst: number = BURST_MS): boolean {
    return this.#budget.affords(burst);
  }

  /**
   * Finds the open connections.
   *
   * @returns how many descriptors of any kind the process has open
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
   * Finds most connections that are new since the last scan without listing all
   * descriptors: a new one gets the lowest number that is free.
   */
  #scanFreeNumbers(): void {
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

  /** To be called when the descriptor of a connection is about to be closed. */
  closes({ fd }: Connection): void {
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
    this.closes(connection);
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

  #identify(fd: number, cookie: number): Connection | null {
    const own = this.sockets.ownAddress(fd);
    if (own === null) return null;
    const listener = this.#listenerOf(own);
    if (listener === null) return null;
    const peer = this.sockets.peerAddress(fd);
    if (peer === null) return null; // the listener itself
    const tcp = this.sockets.isTcp(fd);
    if (!tcp && "port" in own) return null;
    const key = peerKey(peer, listener);
    const namesake = tcp ? this.#byPeer.get(key) : undefined;
    const connection: Connection = {
      peer: key,
      port: "port" in peer ? peer.port : 0,
      exact: listener === addressName(own),
      tcp,
      namesake,
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
    if (tcp) this.#byPeer.set(key, connection);
    if (namesake !== undefined) this.#contested.add(key);
    return connection;
  }

  /** The watched listener that accepts connections to `own`; null for none. */
  #listenerOf(own: SocketAddress): string | null {
    const name = addressName(own);
    // The kernel prefers it to one at all addresses as well.
    if (this.#listeners.has(name)) return name;
    if (!("port" in own)) return null;
    // IPv4 clients of a listener at `::` have addresses like ::ffff:1.2.3.4.
    const hostname = own.hostname.includes(":") ? "::" : "0.0.0.0";
    const any = addressName({ ...own, hostname });
    return this.#listeners.has(any) ? any : null;
  }
}

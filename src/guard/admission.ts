/**
 * Which requests may run: limits the connections that are served at the same
 * time, and the descriptors for what they request.
 */

import {
  closeRoom,
  countDescriptors,
  countDescriptorsWith,
  openRoom,
  reservedDescriptors,
} from "../system/descriptor_budget.ts";
import {
  type Connection,
  type Connections,
  NO_SCAN,
  type RequestOrigin,
} from "./connections.ts";

interface AdmissionOptions {
  /** How many connections may be served at once. */
  limit: number;
  /** How many descriptors the process may have open. */
  descriptors: number;
  /** How many threads accept connections. */
  threads: number;
  /** True when no other thread uses the same slots. */
  isOwner: boolean;
  /** The peers with a request running in this thread. */
  runningPeers(): Iterable<string>;
}

/**
 * Descriptors that connections leave free for files being sent, besides those
 * that are open for other purposes.
 */
const SPARE = 14;
/**
 * The same per thread, for connections that are accepted and then refused. A
 * single process has about 32 descriptors open: together the documented 50.
 */
const SPARE_PER_THREAD = 4;
/**
 * Descriptors that files and proxied connections leave free, as a share of the
 * limit and within these bounds: the engine accepts all connections that wait
 * (see `backlog`) before a scan can run, and must not reach the limit then.
 */
const RESERVE_SHARE = 1 / 32;
const MIN_RESERVE = 8;
const MAX_RESERVE = 32;

/** Decides which requests may run. */
export class Admission {
  readonly #connections: Connections;
  readonly #options: AdmissionOptions;
  /** Peers that were admitted before a scan has found their connections. */
  readonly #pending = new Set<string>();
  readonly #stopCounting: () => void;
  readonly #spare: number;
  #limit: number;
  /** Open descriptors that are neither connections nor reserved. */
  #base = 0;
  /** Descriptors that can still be opened. */
  #free = Infinity;

  constructor(connections: Connections, options: AdmissionOptions) {
    this.#connections = connections;
    this.#options = options;
    this.#limit = options.limit;
    this.#spare = SPARE + SPARE_PER_THREAD * options.threads;
    connections.refresh = () => this.scan();
    this.#stopCounting = countDescriptorsWith(() => {
      if (connections.mayScan()) this.scan();
    });
  }

  /** How many connections may be served at once, as of the last scan. */
  get limit(): number {
    return this.#limit;
  }

  /** True when few descriptors were left at the last scan. */
  get isShort(): boolean {
    return this.#free < 2 * this.#spare;
  }

  /** Limits nothing any more. */
  stop(): void {
    this.#stopCounting();
    if (!this.#options.isOwner) return;
    closeRoom();
    openRoom(null);
  }

  /**
   * Admits requests without a scan while all open descriptors together, whatever
   * they are for, are at most half of what is allowed: a scan takes as long as a
   * hundred requests, with a thousand connections as long as hundreds.
   *
   * @returns false where only a scan can tell
   */
  renew(): boolean {
    const { slots } = this.#connections;
    const { descriptors, limit } = this.#options;
    const most = Math.min(limit, descriptors - this.#spare);
    if ((countDescriptors() ?? Infinity) > most / 2) return false;
    const unsettled = slots.beginScan();
    closeRoom();
    // Other threads may have admitted some while this one waited for its turn.
    const open = countDescriptors() ?? descriptors;
    const settled = Math.min(unsettled, open);
    // Perhaps nothing of what is reserved is open yet.
    this.#grant(open, most - open, reservedDescriptors(), settled);
    return true;
  }

  /** True when a request, which has just come, has a slot or gets one. */
  admit(origin: RequestOrigin): boolean {
    const connections = this.#connections;
    const { slots } = connections;
    const { peerKey } = origin;
    let open = connections.named(peerKey);
    if (open.length === 0 && this.#pending.has(peerKey)) return true;
    if (this.#isServed(open, origin)) {
      if (connections.mayScan(0)) this.scan(); // for a new budget
      return true;
    }
    if (connections.mayScan()) {
      this.scan();
      open = connections.named(peerKey);
      if (open.length > 0) return this.#isServed(open, origin);
    }
    if (open.length > 0) return open.length === 1 && slots.serveFree(open[0]);
    if (!slots.takeFreeSlot()) return false;
    this.#pending.add(peerKey);
    return true;
  }

  #isServed(open: readonly Connection[], origin: RequestOrigin): boolean {
    if (open.length < 2) {
      return open.length === 1 && this.#connections.slots.isServed(open[0]);
    }
    const one = this.#connections.identifyNow(origin, false, NO_SCAN);
    // Where that is not certain, no connection with a slot must be refused.
    return one === undefined
      ? open.some((any) => this.#connections.slots.isServed(any))
      : this.#connections.slots.isServed(one);
  }

  /**
   * Scans, and gives slots to connections: first to those that this thread has
   * admitted, then to those that had a response before, then to the others; each
   * in the order in which they were found, which is roughly that of age. Some
   * slots are kept for connections that other threads may have admitted and that
   * have no response yet.
   *
   * @returns how many connections are open and not being closed
   */
  scan(): number {
    const { slots } = this.#connections;
    const { descriptors, limit } = this.#options;
    let unsettled = slots.beginScan();
    closeRoom();
    const open = this.#connections.scan();
    const present = [...this.#connections.all()]
      .filter((connection) => !slots.isEnding(connection));
    const ending = this.#connections.size - present.length;
    const others = open - this.#connections.size;
    const room = descriptors - this.#spare - others;
    this.#limit = Math.max(1, Math.min(limit, room));
    // Connections that are being closed still have their descriptors.
    const free = Math.max(1, Math.min(limit, room - ending)) - present.length;
    if (free >= 0) {
      for (const connection of present) slots.serve(connection);
      unsettled = 0;
    } else {
      unsettled = this.#serveSome(present, unsettled, present.length + free);
    }
    this.#pending.clear();
    this.#grant(open, free, this.#toBeOpened(open), unsettled);
    return present.length;
  }

  /**
   * Ends a scan, or what stands for one.
   *
   * @param open The number of open descriptors.
   * @param free How many more connections may be served.
   * @param toBeOpened How many descriptors are reserved and not open yet.
   * @param unsettled See {@linkcode Slots.beginScan}.
   */
  #grant(
    open: number,
    free: number,
    toBeOpened: number,
    unsettled: number,
  ): void {
    const { descriptors } = this.#options;
    this.#free = descriptors - open;
    const share = Math.floor(descriptors * RESERVE_SHARE);
    const reserve = Math.min(MAX_RESERVE, Math.max(MIN_RESERVE, share));
    // Until the next scan, half is for connections, half for files and others.
    const left = Math.min(
      Math.max(0, descriptors - reserve - open - toBeOpened),
      2 ** 29,
    );
    const granted = Math.min(Math.max(0, free), Math.ceil(left / 2));
    this.#connections.slots.endScan(granted, unsettled);
    openRoom(left - granted);
  }

  /** How many descriptors are reserved and not open yet. */
  #toBeOpened(open: number): number {
    const reserved = reservedDescriptors();
    const others = open - this.#connections.size;
    // While some are reserved it is not known which of them are open: the base
    // is at most all others, and at least all others less the reserved ones.
    this.#base = Math.min(others, Math.max(this.#base, others - reserved));
    return Math.max(0, reserved - (others - this.#base));
  }

  /**
   * Gives slots where there are not enough for all.
   *
   * @param limit How many may have one, not counting those already admitted.
   * @returns how many remain unsettled, see {@linkcode Slots.beginScan}
   */
  #serveSome(
    present: readonly Connection[],
    unsettled: number,
    limit: number,
  ): number {
    const { slots } = this.#connections;
    const waiting = present.filter((one) => !slots.isServed(one));
    let free = this.#limit - (present.length - waiting.length);
    const admitted = new Set<Connection>();
    for (const names of [this.#pending, this.#options.runningPeers()]) {
      for (const name of names) {
        for (const one of this.#connections.named(name)) admitted.add(one);
      }
    }
    for (const one of waiting) {
      if (this.#connections.sockets.tcpState(one)?.segments) admitted.add(one);
    }
    for (const one of admitted) {
      if (free <= 0) break;
      if (slots.isServed(one) || slots.isEnding(one)) continue;
      slots.serve(one);
      free--;
      unsettled = Math.max(0, unsettled - 1);
    }
    free -= this.#limit - limit;
    for (const one of waiting) {
      if (free <= unsettled) break;
      if (slots.isServed(one)) continue;
      slots.serve(one);
      free--;
    }
    return unsettled;
  }
}

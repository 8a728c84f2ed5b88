/**
 * Which requests may run: how many connections are served at the same time,
 * and how many descriptors are left for what they ask for.
 *
 * @module
 */

import {
  closeRoom,
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

/** What an admission needs to know. */
interface AdmissionOptions {
  /** How many connections may be served at once. */
  limit: number;
  /** How many descriptors the process may have open. */
  descriptors: number;
  /** How many threads accept connections. */
  threads: number;
  /** True when no other thread goes on with what this one has counted. */
  isOwner: boolean;
  /** The peers with a request running in this thread. */
  runningPeers(): Iterable<string>;
}

/**
 * Descriptors that connections leave free beyond those that are open for other
 * things: for files that are sent, …
 */
const SPARE = 14;
/**
 * … and in each thread for connections that are accepted before they can be
 * refused, or linger after it. In a process of its own a server has about 32
 * descriptors open, which makes the 50 that the user's document names.
 */
const SPARE_PER_THREAD = 4;
/**
 * Descriptors that files and proxied connections leave free too, as a part of
 * the limit and between these bounds: the engine accepts what waits (see
 * `backlog`) before anybody can scan, and must not meet the limit then.
 */
const RESERVE_SHARE = 1 / 32;
const MIN_RESERVE = 8;
const MAX_RESERVE = 32;

/** Lets requests run. */
export class Admission {
  readonly #connections: Connections;
  readonly #options: AdmissionOptions;
  /** Peers let in by their names, whose connections no scan has found yet. */
  readonly #pending = new Set<string>();
  readonly #stopCounting: () => void;
  readonly #spare: number;
  #limit: number;
  /** Descriptors that are neither connections nor reserved. */
  #base = 0;
  #free = Infinity;

  constructor(
    connections: Connections,
    options: AdmissionOptions,
  ) {
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

  /** True when descriptors were about to run out at the last scan. */
  get isShort(): boolean {
    return this.#free < 2 * this.#spare;
  }

  /** Counts nothing any more. */
  stop(): void {
    this.#stopCounting();
    if (!this.#options.isOwner) return;
    closeRoom();
    openRoom(null);
  }

  /** Tells whether a request, which has just come, has a slot or gets one. */
  admit(origin: RequestOrigin): boolean {
    const connections = this.#connections;
    const { peerKey } = origin;
    let open = connections.named(peerKey);
    if (open.length === 0 && this.#pending.has(peerKey)) return true;
    if (this.#isServed(open, origin)) {
      if (connections.mayScan(0)) this.scan(); // for fresh credit
      return true;
    }
    if (connections.mayScan()) {
      this.scan();
      open = connections.named(peerKey);
      if (open.length > 0) return this.#isServed(open, origin);
    }
    if (open.length > 0 || !this.#connections.slots.takeFreeSlot()) {
      return false;
    }
    this.#pending.add(peerKey);
    return true;
  }

  #isServed(open: readonly Connection[], origin: RequestOrigin): boolean {
    if (open.length < 2) {
      return open.length === 1 && this.#connections.slots.isServed(open[0]);
    }
    const one = this.#connections.identifyNow(origin, false, NO_SCAN);
    // Where it is not clear, an innocent one must not be refused.
    return one === undefined
      ? open.some((any) => this.#connections.slots.isServed(any))
      : this.#connections.slots.isServed(one);
  }

  /**
   * Brings the connections up to date, and gives slots to them: first to those
   * that this thread has let in, then to those that were answered before, then
   * to the others; each in the order in which they were found, which is that
   * of age but for those of one scan. Slots that other threads may have given
   * to some that are not answered yet are kept for these.
   *
   * @returns how many connections are open and not being closed
   */
  scan(): number {
    const slots = this.#connections.slots;
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
    // Those that are being closed have descriptors that newcomers would need.
    const free = Math.max(1, Math.min(limit, room - ending)) - present.length;
    if (free >= 0) {
      for (const connection of present) slots.serve(connection);
      unsettled = 0;
    } else {
      unsettled = this.#serveSome(present, unsettled, present.length + free);
    }
    this.#pending.clear();
    this.#free = descriptors - open;
    const share = Math.floor(descriptors * RESERVE_SHARE);
    const reserve = Math.min(MAX_RESERVE, Math.max(MIN_RESERVE, share));
    // Until the next scan one half is for connections, one for the rest.
    const left = Math.min(
      Math.max(0, descriptors - reserve - open - this.#toBeOpened(open)),
      2 ** 29,
    );
    const granted = Math.min(Math.max(0, free), Math.ceil(left / 2));
    slots.endScan(granted, unsettled);
    openRoom(left - granted);
    return present.length;
  }

  /** How many descriptors are reserved and not open yet. */
  #toBeOpened(open: number): number {
    const reserved = reservedDescriptors();
    const others = open - this.#connections.size;
    // What is open all the time is not known while anything is reserved, but
    // that it is no more than all, and no less than all that is not reserved.
    this.#base = Math.min(others, Math.max(this.#base, others - reserved));
    return Math.max(0, reserved - (others - this.#base));
  }

  /**
   * Gives slots where there are not enough for all.
   *
   * @param limit How many may have one, but for those that were let in already.
   * @returns the unsettled that remain
   */
  #serveSome(
    present: readonly Connection[],
    unsettled: number,
    limit: number,
  ): number {
    const slots = this.#connections.slots;
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

/**
 * Which connections may be served, as all threads of the process know it.
 *
 * Descriptors are the process's, so its threads share one limit. A connection
 * has its slot by the number of its descriptor, with a part of its cookie: a
 * number that is used again has no slot. Requests that may run without a scan
 * at their connection are counted down, from what the last scan of any thread
 * found free.
 *
 * @module
 */

import type { Socket } from "./sockets.ts";

/** 1 while a thread scans. */
const LOCK = 0;
/** Requests that may run without a scan, and … */
const FREE_BUDGET = 1;
/** … new connections that may be served by their names alone. */
const FREE_SLOTS = 2;
/** The sum of both after the last scan. */
const GRANTED = 3;
/** Connections that were let in like this, and had no slot in a scan yet. */
const UNSETTLED = 4;
/** The slots come after the numbers. */
const FIRST_SLOT = 8;
/** More descriptors than Linux allows by default (fs.nr_open). */
const MAX_SLOTS = 1 << 20;
/** How long a scan of another thread is waited for (ms). */
const LOCK_WAIT_MS = 100;

const SERVED = 1;
const ENDING = 2;

/** The slots of all connections of a process. */
export class Slots {
  readonly shared: SharedArrayBuffer;
  readonly #numbers: Int32Array;
  readonly #alone: boolean;

  /**
   * @param shared Those of another thread, which are used together.
   * @param alone True when no other thread uses them.
   */
  constructor(shared: SharedArrayBuffer, alone = false) {
    this.shared = shared;
    this.#alone = alone;
    this.#numbers = new Int32Array(shared);
  }

  /**
   * @param descriptors How many the process may have open.
   * @param alone True when no other thread will use the slots.
   */
  static make(descriptors: number, alone = false): Slots {
    const length = FIRST_SLOT + Math.min(descriptors, MAX_SLOTS);
    return new Slots(new SharedArrayBuffer(4 * length), alone);
  }

  /** Takes one of the requests that need no scan; false when none is left. */
  takeFreeBudget(): boolean {
    // Each request comes here, and an atomic operation takes about 40 ns.
    if (this.#alone) return this.#numbers[FREE_BUDGET]-- > 0;
    return Atomics.sub(this.#numbers, FREE_BUDGET, 1) > 0;
  }

  /** Takes one of the free slots for a connection known by name only. */
  takeFreeSlot(): boolean {
    return Atomics.sub(this.#numbers, FREE_SLOTS, 1) > 0;
  }

  /**
   * Begins a scan: nothing is given away by any thread until
   * {@linkcode endScan}.
   *
   * @returns how many connections may have been let in that no scan has found
   */
  beginScan(): number {
    const numbers = this.#numbers;
    while (Atomics.compareExchange(numbers, LOCK, 0, 1) !== 0) {
      // The thread that scans may have been ended in the middle of it.
      if (Atomics.wait(numbers, LOCK, 1, LOCK_WAIT_MS) === "timed-out") break;
    }
    const left = Math.max(0, Atomics.exchange(numbers, FREE_BUDGET, 0)) +
      Math.max(0, Atomics.exchange(numbers, FREE_SLOTS, 0));
    const used = Math.max(0, Atomics.exchange(numbers, GRANTED, 0) - left);
    return Atomics.load(numbers, UNSETTLED) + used;
  }

  /**
   * Ends a scan.
   *
   * @param granted How many more connections may be served before the next.
   * @param unsettled See {@linkcode beginScan}.
   */
  endScan(granted: number, unsettled: number): void {
    const numbers = this.#numbers;
    Atomics.store(numbers, UNSETTLED, unsettled);
    Atomics.store(numbers, GRANTED, granted);
    Atomics.store(numbers, FREE_BUDGET, Math.floor(granted / 2));
    Atomics.store(numbers, FREE_SLOTS, Math.ceil(granted / 2));
    Atomics.store(numbers, LOCK, 0);
    Atomics.notify(numbers, LOCK, 1);
  }

  /** Tells whether the connection has a slot. */
  isServed(socket: Socket): boolean {
    return this.#load(socket) === tag(socket, SERVED);
  }

  /** Tells whether the connection is being closed. */
  isEnding(socket: Socket): boolean {
    return this.#load(socket) === tag(socket, ENDING);
  }

  /** Gives the connection a slot. */
  serve(socket: Socket): void {
    if (!this.isEnding(socket)) this.#store(socket, SERVED);
  }

  /** Takes note that the connection is being closed. */
  end(socket: Socket): void {
    this.#store(socket, ENDING);
  }

  #load({ fd }: Socket): number | undefined {
    return this.#numbers[FIRST_SLOT + fd];
  }

  #store(socket: Socket, state: number): void {
    this.#numbers[FIRST_SLOT + socket.fd] = tag(socket, state);
  }
}

/** What stands in the slot of a connection in that state. */
function tag({ cookie }: Socket, state: number): number {
  return (cookie % 2 ** 29) * 4 + state | 0;
}

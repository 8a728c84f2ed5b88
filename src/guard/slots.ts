/**
 * Which connections may be served, in memory that all threads share: they share
 * descriptors and so one limit.
 *
 * A slot has the number of the connection's descriptor and contains a part of
 * its cookie, so that it is not taken for that of the next connection with this
 * number. Requests whose connection is not looked up are counted down from the
 * number of slots that the last scan of any thread found free.
 */

import type { Socket } from "./sockets.ts";

/** Index of the lock: 1 while a thread scans. */
const LOCK = 0;
/** Requests that may run before their connections are looked up. */
const FREE_BUDGET = 1;
/** New connections that may be served before a scan finds them. */
const FREE_SLOTS = 2;
/** The sum of these two after the last scan. */
const GRANTED = 3;
/** Connections that were admitted so and have no slot yet. */
const UNSETTLED = 4;
/** Index of the slot of descriptor 0. */
const FIRST_SLOT = 8;
/** More descriptors than Linux allows by default (fs.nr_open). */
const MAX_SLOTS = 1 << 20;
/** How long to wait for the scan of another thread (ms). */
const LOCK_WAIT_MS = 100;

/** States of a slot. */
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

  /** Takes one of the requests that may run; false when none is left. */
  takeFreeBudget(): boolean {
    // Each request comes here, and an atomic operation takes about 40 ns.
    if (this.#alone) return this.#numbers[FREE_BUDGET]-- > 0;
    return Atomics.sub(this.#numbers, FREE_BUDGET, 1) > 0;
  }

  /**
   * Takes a free slot for a connection that no scan has found yet. While another
   * thread scans there are none: waits until it has counted them.
   */
  takeFreeSlot(): boolean {
    const numbers = this.#numbers;
    let waited: string;
    do {
      waited = Atomics.wait(numbers, LOCK, 1, LOCK_WAIT_MS);
      if (Atomics.sub(numbers, FREE_SLOTS, 1) > 0) return true;
    } while (waited !== "timed-out" && Atomics.load(numbers, LOCK) === 1);
    return false;
  }

  /** Gives a free slot to a connection that was found since the last scan. */
  serveFree(socket: Socket): boolean {
    if (this.isEnding(socket) || !this.takeFreeSlot()) return false;
    Atomics.sub(this.#numbers, GRANTED, 1); // it has a slot: it is settled
    this.serve(socket);
    return true;
  }

  /**
   * Begins a scan: until {@linkcode endScan} no thread admits anything by the
   * two counters.
   *
   * @returns how many connections may have been admitted that have no slot
   */
  beginScan(): number {
    const numbers = this.#numbers;
    while (Atomics.compareExchange(numbers, LOCK, 0, 1) !== 0) {
      // The thread that scans may have been terminated meanwhile.
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
   * @param granted How many more connections may be served before the next scan.
   * @param unsettled See {@linkcode beginScan}.
   */
  endScan(granted: number, unsettled: number): void {
    const numbers = this.#numbers;
    Atomics.store(numbers, UNSETTLED, unsettled);
    Atomics.store(numbers, GRANTED, granted);
    Atomics.store(numbers, FREE_BUDGET, Math.floor(granted / 2));
    Atomics.store(numbers, FREE_SLOTS, Math.ceil(granted / 2));
    Atomics.store(numbers, LOCK, 0);
    Atomics.notify(numbers, LOCK);
  }

  /** True when the connection has a slot. */
  isServed(socket: Socket): boolean {
    return this.#load(socket) === tag(socket, SERVED);
  }

  /** True when the connection is being closed. */
  isEnding(socket: Socket): boolean {
    return this.#load(socket) === tag(socket, ENDING);
  }

  /** Gives the connection a slot. */
  serve(socket: Socket): void {
    if (!this.isEnding(socket)) this.#store(socket, SERVED);
  }

  /** Marks the connection as being closed. */
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

/** The content of a connection's slot in that state. */
function tag({ cookie }: Socket, state: number): number {
  return (cookie % 2 ** 29) * 4 + state | 0;
}

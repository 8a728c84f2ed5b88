/**
 * How many more files, pipes and connections the process can have open.
 *
 * Deno 2.9 panics, and so ends the process, if its native code needs a
 * descriptor at certain moments and gets none; the last one must never be used.
 * The connection guard counts connections; whatever else is opened for the
 * length of a response is reserved here first. All threads share the numbers.
 */

import { openLibc } from "./libc.ts";

/** Index: descriptors that can be reserved until the next count. */
const FREE = 0;
/** Index: reserved by the main thread; those of the workers follow. */
const RESERVED = 1;
/** Workers whose numbers differ by this share an index. */
const WORKERS = 254;
/** Free descriptors while nobody counts. */
const UNLIMITED = 2 ** 30;

let counters = new Int32Array(new SharedArrayBuffer(4 * (2 + WORKERS)));
counters[FREE] = UNLIMITED;
/** The index of this thread. */
let own = RESERVED;
let recount: (() => void) | null = null;

/**
 * Reserves descriptors for files, pipes or connections to other servers, which
 * are opened afterwards; takes well under a microsecond.
 *
 * @param count How many may be open at the same time.
 * @returns False if there are not enough: answer 503 with `retry-after: 5` and
 * open nothing. If true, call {@linkcode releaseDescriptors} once all are
 * closed.
 */
export function reserveDescriptors(count: number): boolean {
  if (take(count)) return true;
  recount?.();
  return recount !== null && take(count);
}

/**
 * Descriptors of an open file: its own, and a copy during each asynchronous
 * call of Deno 2.9 that reads from it or asks for its size.
 */
export const FILE_DESCRIPTORS = 2;

/** There are too few descriptors to reserve. */
export class DescriptorsExhausted extends Error {
  override readonly name = "DescriptorsExhausted";
  /** The system's code for it, which the server answers with 503. */
  readonly code = "EMFILE";

  constructor() {
    super(
      "Too many files and connections are open; try again later, or raise the limit of open files (ulimit -n)",
    );
  }
}

/**
 * Reserves descriptors until the result is disposed of.
 *
 * @throws {DescriptorsExhausted} When there are too few.
 */
export function heldDescriptors(count: number): Disposable {
  if (!reserveDescriptors(count)) throw new DescriptorsExhausted();
  return { [Symbol.dispose]: () => releaseDescriptors(count) };
}

/** Releases reserved descriptors; to be called once for each reservation. */
export function releaseDescriptors(count: number): void {
  Atomics.sub(counters, own, count);
  Atomics.add(counters, FREE, count);
}

function take(count: number): boolean {
  if (Atomics.sub(counters, FREE, count) >= count) {
    Atomics.add(counters, own, count);
    return true;
  }
  Atomics.add(counters, FREE, count);
  return false;
}

/** Descriptors that all threads together have reserved now. */
export function reservedDescriptors(): number {
  return counters.subarray(RESERVED).reduce((sum, count) => sum + count, 0);
}

/** Releases what an ended worker had reserved: all of it is closed. */
export function releaseDescriptorsOf(worker: number): void {
  Atomics.store(counters, indexOf(worker), 0);
}

function indexOf(worker: number): number {
  return RESERVED + 1 + worker % WORKERS;
}

/** The numbers, for the other threads of the process. */
export function sharedDescriptorBudget(): SharedArrayBuffer {
  return counters.buffer;
}

/** Makes this worker use the numbers of the main thread. */
export function useDescriptorBudget(
  shared: SharedArrayBuffer,
  worker: number,
): void {
  counters = new Int32Array(shared);
  own = indexOf(worker);
}

/**
 * Calls `count` whenever a reservation of this thread fails; `count` calls
 * {@linkcode closeRoom}, and {@linkcode openRoom} after the new count.
 *
 * @returns what ends that
 */
export function countDescriptorsWith(count: () => void): () => void {
  recount = count;
  return () => {
    if (recount === count) recount = null;
  };
}

/** Allows no reservations while descriptors are counted. */
export function closeRoom(): void {
  Atomics.store(counters, FREE, 0);
}

/**
 * Allows reservations after a count. What was released since
 * {@linkcode closeRoom} is added.
 *
 * @param count Descriptors; null for any number.
 */
export function openRoom(count: number | null): void {
  Atomics.add(counters, FREE, count ?? UNLIMITED);
}

/** The functions for limits. */
export const RLIMIT = {
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
} as const;
/** The limit of open descriptors: RLIMIT_NOFILE. */
export const NOFILE = 7;

/** How many descriptors the process may have open; null where unknown. */
export function descriptorLimit(): number | null {
  return descriptorLimits()?.soft ?? null;
}

/**
 * How many descriptors the process has open, in a hundredth of the time that a
 * list of them takes; null where unknown: before Linux 6.2, and without the
 * permission for `/proc`.
 */
export function countDescriptors(): number | null {
  try {
    return Deno.statSync("/proc/self/fd").size || null;
  } catch {
    return null;
  }
}

/**
 * Raises the soft limit of open descriptors to the hard one. Deno has mostly
 * done that at its start already.
 *
 * @returns the soft limit that applies afterwards; null where unknown
 */
export function raiseDescriptorLimit(): number | null {
  const limits = descriptorLimits();
  if (limits === null || limits.soft >= limits.hard) {
    return limits?.soft ?? null;
  }
  using libc = openLibc(RLIMIT);
  const { soft, hard } = limits;
  const both = BigUint64Array.of(BigInt(hard), BigInt(hard));
  return libc?.symbols.setrlimit(NOFILE, both) === 0 ? hard : soft;
}

/** From a file, which takes less than opening the C library: proc(5). */
function descriptorLimits(): { soft: number; hard: number } | null {
  try {
    const text = Deno.readTextFileSync("/proc/self/limits");
    const [, soft, hard] = /^Max open files +(\d+) +(\d+)/m.exec(text)!;
    return { soft: Number(soft), hard: Number(hard) };
  } catch {
    return null; // another system, or no permission
  }
}

/**
 * How many more files, pipes and connections the process can have open.
 *
 * Deno 2.9 ends the process (it panics) when its native code needs a
 * descriptor at some moments and gets none, so the last descriptor must never
 * be taken. Connections are counted by the connection guard; whoever opens
 * anything else for the length of a response reserves it here first. All
 * threads of the process share the numbers.
 *
 * @module
 */

import { openLibc } from "./libc.ts";

/** Descriptors that may be reserved before they have to be counted again. */
const ROOM = 0;
/** What is reserved at the moment by the main thread; workers' follow. */
const RESERVED = 1;
/** Workers whose numbers differ by this have one place. */
const WORKERS = 254;
/** The room while nobody counts. */
const UNLIMITED = 2 ** 30;

let counters = unlimited();
/** The place of this thread. */
let mine = RESERVED;
let recount: (() => void) | null = null;

function unlimited(): Int32Array<SharedArrayBuffer> {
  const fresh = new Int32Array(new SharedArrayBuffer(4 * (2 + WORKERS)));
  fresh[ROOM] = UNLIMITED;
  return fresh;
}

/**
 * Reserves descriptors for files, pipes or connections to other servers. To be
 * called before they are opened; costs well under a microsecond.
 *
 * @param count How many may be open at the same time.
 * @returns False when there is no room for them: answer 503 with
 * `retry-after: 5`, and open nothing. When true, give them back with
 * {@linkcode releaseDescriptors} once all of them are closed.
 */
export function reserveDescriptors(count: number): boolean {
  if (take(count)) return true;
  recount?.();
  return recount !== null && take(count);
}

/**
 * What an open file takes: itself, and a copy for as long as Deno reads from it
 * or asks for its size (2.9 copies the descriptor for each asynchronous call).
 */
export const FILE_DESCRIPTORS = 2;

/** What is thrown where {@linkcode reserveDescriptors} finds no room. */
export class DescriptorsExhausted extends Error {
  override readonly name = "DescriptorsExhausted";
  /** As the system says it: the server answers 503. */
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
 * @throws {DescriptorsExhausted} When there is no room for them.
 */
export function heldDescriptors(count: number): Disposable {
  if (!reserveDescriptors(count)) throw new DescriptorsExhausted();
  return { [Symbol.dispose]: () => releaseDescriptors(count) };
}

/** Gives reserved descriptors back; to be called once for each reservation. */
export function releaseDescriptors(count: number): void {
  Atomics.sub(counters, mine, count);
  Atomics.add(counters, ROOM, count);
}

function take(count: number): boolean {
  if (Atomics.sub(counters, ROOM, count) >= count) {
    Atomics.add(counters, mine, count);
    return true;
  }
  Atomics.add(counters, ROOM, count);
  return false;
}

/** How many descriptors are reserved at the moment, by all threads. */
export function reservedDescriptors(): number {
  let sum = 0;
  for (let place = RESERVED; place < counters.length; place++) {
    sum += Atomics.load(counters, place);
  }
  return sum;
}

/** Gives back what a worker had reserved that has ended: all of it is closed. */
export function releaseDescriptorsOf(worker: number): void {
  Atomics.store(counters, placeOf(worker), 0);
}

function placeOf(worker: number): number {
  return RESERVED + 1 + worker % WORKERS;
}

/** The numbers, for the other threads of the process. */
export function sharedDescriptorBudget(): SharedArrayBuffer {
  return counters.buffer;
}

/** Has this worker use the numbers of the main thread. */
export function useDescriptorBudget(
  shared: SharedArrayBuffer,
  worker: number,
): void {
  counters = new Int32Array(shared);
  mine = placeOf(worker);
}

/**
 * Has `count` count the descriptors anew whenever a reservation of this thread
 * finds no room; it calls {@linkcode closeRoom} and {@linkcode openRoom}.
 *
 * @returns what ends that
 */
export function countDescriptorsWith(count: () => void): () => void {
  recount = count;
  return () => {
    if (recount === count) recount = null;
  };
}

/** Takes all the room while descriptors are counted. */
export function closeRoom(): void {
  Atomics.store(counters, ROOM, 0);
}

/**
 * Opens room after a count. What was given back since {@linkcode closeRoom}
 * stays given back.
 *
 * @param count Descriptors; null for any number.
 */
export function openRoom(count: number | null): void {
  Atomics.add(counters, ROOM, count ?? UNLIMITED);
}

/** The functions for limits. */
export const RLIMIT = {
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
} as const;
/** Which limit: open descriptors. */
export const NOFILE = 7;

/**
 * How many descriptors the process may have open.
 *
 * @returns null where that cannot be read.
 */
export function descriptorLimit(): number | null {
  return limits((limit) => limit[0]);
}

/**
 * Raises the soft limit of open descriptors to the hard one.
 *
 * @returns the soft limit that holds afterwards, or null where it cannot be
 * read.
 */
export function raiseDescriptorLimit(): number | null {
  return limits((limit, setrlimit) => {
    const soft = limit[0];
    limit[0] = limit[1];
    return setrlimit(NOFILE, limit) === 0 ? limit[1] : soft;
  });
}

/** Gives `use` the soft and the hard limit, and the way to set both. */
function limits(
  use: (
    limit: BigUint64Array<ArrayBuffer>,
    setrlimit: (which: number, limit: BigUint64Array<ArrayBuffer>) => number,
  ) => bigint,
): number | null {
  const libc = openLibc(RLIMIT);
  if (libc === null) return null;
  const { getrlimit, setrlimit } = libc.symbols;
  const limit = new BigUint64Array(2); // soft, hard
  try {
    return getrlimit(NOFILE, limit) === 0
      ? Number(use(limit, setrlimit))
      : null;
  } finally {
    libc.close();
  }
}

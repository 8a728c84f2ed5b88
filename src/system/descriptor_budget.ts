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

/** Descriptors that may be taken before they have to be counted again … */
const ROOM = 0;
/** … and those that are reserved at the moment. */
const RESERVED = 1;
/** The room while nobody counts. */
const UNLIMITED = 2 ** 30;

let counters = unlimited();
let recount: (() => void) | null = null;

function unlimited(): Int32Array<SharedArrayBuffer> {
  const fresh = new Int32Array(new SharedArrayBuffer(8));
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

/** Gives reserved descriptors back; to be called once for each reservation. */
export function releaseDescriptors(count: number): void {
  Atomics.sub(counters, RESERVED, count);
  Atomics.add(counters, ROOM, count);
}

function take(count: number): boolean {
  if (!takeRoom(count)) return false;
  Atomics.add(counters, RESERVED, count);
  return true;
}

/** Takes room for what is counted elsewhere: for connections. */
export function takeRoom(count: number): boolean {
  if (Atomics.sub(counters, ROOM, count) >= count) return true;
  Atomics.add(counters, ROOM, count);
  return false;
}

/** How many descriptors are reserved at the moment, by all threads. */
export function reservedDescriptors(): number {
  return Atomics.load(counters, RESERVED);
}

/** The numbers, for the other threads of the process. */
export function sharedDescriptorBudget(): SharedArrayBuffer {
  return counters.buffer;
}

/** Has this thread use the numbers of another one, which shares them. */
export function useDescriptorBudget(shared: SharedArrayBuffer): void {
  counters = new Int32Array(shared);
}

/**
 * Has `count` count the descriptors anew whenever a reservation finds no room;
 * it calls {@linkcode openRoom}. Null when nobody counts any more.
 */
export function countDescriptorsWith(count: (() => void) | null): void {
  recount = count;
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

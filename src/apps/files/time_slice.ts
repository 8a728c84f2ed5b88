/**
 * Long work that lets other requests run in between, and ends when nobody
 * waits for its result any more.
 */

import type { RequestReader } from "../disconnect.ts";

/** How loops of this thread share its time (ms). */
export const PACE = {
  /** A loop runs so long before others get their turn. */
  slice: 2,
  /** The same of compression: a pause takes as long as two of its chunks. */
  compression: 6,
  /**
   * Between two slices. Without a pause, one answer would be sent between them,
   * and not the requests that have arrived meanwhile.
   */
  pause: 1,
};

/** Loops that wait for their next slice, in order. */
const waiting: (() => void)[] = [];

/** Thrown into work whose result nobody waits for any more. */
export class Abandoned extends Error {
  override readonly name = "Abandoned";
}

/**
 * A share of the thread's time. Synchronous calls of the file system take a
 * quarter of the time of asynchronous ones but block the thread, so loops use
 * them for one slice at a time. All loops share one queue: requests wait for at
 * most one slice, however many loops there are.
 */
export class TimeSlice {
  readonly #isWanted: () => boolean;
  readonly #length: number;
  #end: number;

  /**
   * @param isWanted Whether somebody still waits for the result.
   * @param length How long a loop runs (ms).
   */
  constructor(isWanted: () => boolean = () => true, length = PACE.slice) {
    this.#isWanted = isWanted;
    this.#length = length;
    this.#end = performance.now() + length;
  }

  /** True when it is time to {@linkcode yield}. */
  get expired(): boolean {
    return performance.now() > this.#end;
  }

  /**
   * Waits for the next slice.
   *
   * @throws {Abandoned} When nobody waits for the result any more.
   */
  async yield(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (waiting.push(resolve) === 1) setTimeout(resumeFirst, PACE.pause);
    });
    if (!this.#isWanted()) throw new Abandoned();
    this.#end = performance.now() + this.#length;
  }
}

/** The items, made and used in slices of `length` ms. */
export async function* inSlices<T>(
  items: Iterable<T> | AsyncIterable<T>,
  length: number = PACE.slice,
): AsyncGenerator<T> {
  const timeSlice = new TimeSlice(undefined, length);
  for await (const item of items) {
    if (timeSlice.expired) await timeSlice.yield();
    yield item;
  }
}

/** The resumed loop runs before the next timer does. */
function resumeFirst(): void {
  waiting.shift()!();
  if (waiting.length > 0) setTimeout(resumeFirst, PACE.pause);
}

/** Work whose result several clients wait for. */
export class SharedWork<T> {
  /** Rejects if the work fails or is abandoned. */
  readonly result: Promise<T>;
  #clients = 0;

  /** @param work Starts after the current task. */
  constructor(work: (timeSlice: TimeSlice) => Promise<T>) {
    const timeSlice = new TimeSlice(() => this.isWanted);
    this.result = Promise.resolve().then(() => work(timeSlice));
    this.result.catch(() => {});
  }

  /** True while a client waits. */
  get isWanted(): boolean {
    return this.#clients > 0;
  }

  /** The result; null if `client` disconnects first. */
  async waitFor(client: RequestReader): Promise<T | null> {
    this.#clients++;
    try {
      return await Promise.race([this.result, client.disconnect]) ?? null;
    } finally {
      this.#clients--;
    }
  }
}

/** Items that are sorted at once, in far less than a slice. */
const RUN = 512;

/** Sorts `items` as `toSorted` does, by merging in slices of time. */
export async function sortInSlices<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  timeSlice: TimeSlice,
): Promise<T[]> {
  let runs: T[][] = [];
  for (let at = 0; at < items.length; at += RUN) {
    runs.push(items.slice(at, at + RUN).sort(compare));
    if (timeSlice.expired) await timeSlice.yield();
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      merged.push(await merge(runs[i], runs[i + 1] ?? [], compare, timeSlice));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (a: T, b: T) => number,
  timeSlice: TimeSlice,
): Promise<T[]> {
  const merged: T[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    // Of equal items, that of the earlier run comes first.
    const isFirst = j === b.length ||
      i < a.length && compare(a[i], b[j]) <= 0;
    merged.push(isFirst ? a[i++] : b[j++]);
    if (merged.length % RUN === 0 && timeSlice.expired) await timeSlice.yield();
  }
  return merged;
}

/**
 * Cooperative scheduling of long synchronous loops.
 *
 * @module
 */

/** Milliseconds after which others get their turn. */
const SLICE = 5;

/** Those that wait for their next slice, the first one first. */
const waiting: (() => void)[] = [];

/** Thrown into work that nobody waits for any more. */
export class Abandoned extends Error {
  override readonly name = "Abandoned";
}

/**
 * Slices of time: looking at files without waiting is four times as fast as
 * awaiting each look, but nothing else happens meanwhile. All loops of this
 * thread share one queue and get one slice in turn, so that however many run,
 * requests wait for one slice at most.
 */
export class TimeSlice {
  readonly #isWanted: () => boolean;
  #end = performance.now() + SLICE;

  /** @param isWanted Whether somebody still waits for the result. */
  constructor(isWanted: () => boolean = () => true) {
    this.#isWanted = isWanted;
  }

  /** Tells whether it is time to {@linkcode yield}. */
  get expired(): boolean {
    return performance.now() > this.#end;
  }

  /**
   * Lets others have their turn.
   *
   * @throws {Abandoned} When nobody waits for the result any more.
   */
  async yield(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (waiting.push(resolve) === 1) setTimeout(resumeFirst, 0);
    });
    if (!this.#isWanted()) throw new Abandoned();
    this.#end = performance.now() + SLICE;
  }
}

/** What is resumed runs before the next timer does. */
function resumeFirst(): void {
  waiting.shift()!();
  if (waiting.length > 0) setTimeout(resumeFirst, 0);
}

/** Items in one run that is sorted at once, in well under a slice. */
const RUN = 512;

/** Sorts `items` as `toSorted` does, by merges that let others have turns. */
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
      merged.push(
        i + 1 < runs.length
          ? await merge(runs[i], runs[i + 1], compare, timeSlice)
          : runs[i],
      );
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
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    // Of equals the one of the earlier run comes first.
    merged.push(compare(a[i], b[j]) <= 0 ? a[i++] : b[j++]);
    if (merged.length % RUN === 0 && timeSlice.expired) await timeSlice.yield();
  }
  while (i < a.length) merged.push(a[i++]);
  while (j < b.length) merged.push(b[j++]);
  return merged;
}

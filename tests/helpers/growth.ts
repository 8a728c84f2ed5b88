/**
 * How work grows with its input, for what meets clients' bytes.
 *
 * @module
 */

import { assert } from "../../src/std/assert.ts";

/**
 * Of an input doubled twice: linear work takes 4 times as long, quadratic work
 * 16 times.
 */
const MOST = 8;
const RUNS = 3;
const ATTEMPTS = 6;
/** A shorter run would measure the clock (ms). */
const SHORTEST = 0.5;

/**
 * Fails where work grows much faster than its input, doubled twice. Times are
 * compared with each other only, the least of several runs each, and once more
 * where that fails, so that a busy machine decides nothing.
 *
 * @param make Makes an input of about `size` units.
 * @param work Does the work on it.
 * @param size Of the smallest input.
 */
export async function assertLinear<T>(
  make: (size: number) => T,
  work: (input: T) => unknown,
  size = 8_000,
): Promise<void> {
  const [small, large] = [make(size), make(4 * size)];
  let repeats = 1;
  while (await time(work, small, repeats) < SHORTEST) repeats *= 2;
  let [short, long] = [Infinity, Infinity];
  for (let i = 0; i < ATTEMPTS; i++) {
    short = Math.min(short, await leastOf(work, small, repeats));
    long = Math.min(long, await leastOf(work, large, repeats));
    if (long <= MOST * short) return;
  }
  assert(
    false,
    `4 times the input took ${(long / short).toFixed(1)} times as long`,
  );
}

async function leastOf<T>(
  work: (input: T) => unknown,
  input: T,
  repeats: number,
): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < RUNS; i++) {
    least = Math.min(least, await time(work, input, repeats));
  }
  return least;
}

async function time<T>(
  work: (input: T) => unknown,
  input: T,
  repeats: number,
): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < repeats; i++) await work(input);
  return performance.now() - began;
}

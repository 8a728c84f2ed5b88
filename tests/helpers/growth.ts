/**
 * How work grows with its input, for what meets clients' bytes.
 *
 * @module
 */

import { assert } from "../../src/std/assert.ts";

/** Linear work doubles, quadratic work takes four times as long. */
const MOST = 3.2;
const RUNS = 5;
const ATTEMPTS = 6;
/** A shorter run would measure the clock (ms). */
const SHORTEST = 2;

/**
 * Fails where the work on an input of twice the size takes much more than twice
 * as long. Times are compared with each other only: the least of several runs,
 * and the least ratio of several attempts, so that a busy machine decides
 * nothing.
 *
 * @param make Makes an input of about `size` units.
 * @param work Does the work on it.
 * @param size Of the smaller input.
 */
export async function assertLinear<T>(
  make: (size: number) => T,
  work: (input: T) => unknown,
  size = 16_000,
): Promise<void> {
  const [once, twice] = [make(size), make(2 * size)];
  let repeats = 1;
  while (await time(work, once, repeats) < SHORTEST) repeats *= 2;
  let least = Infinity;
  for (let i = 0; i < ATTEMPTS && least > MOST; i++) {
    const short = await leastOf(work, once, repeats);
    const long = await leastOf(work, twice, repeats);
    least = Math.min(least, long / short);
  }
  assert(least <= MOST, `twice the input took ${least.toFixed(1)} times as long`);
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

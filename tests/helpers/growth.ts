/**
 * How work grows with its input, for what meets clients' bytes.
 *
 * @module
 */

import { assert } from "../../src/std/assert.ts";

/** How many times as long the large input is. */
const FACTOR = 32;
/**
 * Of the large input, linear work takes as long as `FACTOR` times that of the
 * small one, quadratic work `FACTOR` times as long as that.
 */
const MOST = 8;
const ROUNDS = 6;
/** A shorter run would measure the clock (ms). */
const SHORTEST = 0.5;

/**
 * Fails where work grows much faster than its input. The work on one large
 * input is compared with the same amount of linear work on small ones, which
 * takes as long and is as likely to be interrupted, the least of several
 * rounds each: how busy the machine is decides nothing.
 *
 * @param make Makes an input of about `size` units.
 * @param work Does the work on it.
 * @param size Of the small input.
 */
export async function assertLinear<T>(
  make: (size: number) => T,
  work: (input: T) => unknown,
  size = 1_000,
): Promise<void> {
  const [small, large] = [make(size), make(FACTOR * size)];
  let repeats = 1;
  while (await time(work, small, FACTOR * repeats) < SHORTEST) repeats *= 2;
  let [short, long] = [Infinity, Infinity];
  for (let i = 0; i < ROUNDS; i++) {
    short = Math.min(short, await time(work, small, FACTOR * repeats));
    long = Math.min(long, await time(work, large, repeats));
    if (long <= MOST * short) return;
  }
  assert(
    false,
    `${FACTOR} times the input took ${
      Math.round(FACTOR * long / short)
    } times as long`,
  );
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

/**
 * How work grows with its input, for what meets clients' bytes.
 *
 * @module
 */

import { assert } from "../../src/std/assert.ts";
import { openLibc } from "../../src/system/libc.ts";

/** How many times as long the large input is. */
const FACTOR = 32;
/**
 * Of the large input, linear work takes as long as `FACTOR` times that of the
 * small one, quadratic work `FACTOR` times as long as that.
 */
const MOST = 8;
const ROUNDS = 10;
/** A shorter run would measure the clock (ms). */
const SHORTEST = 0.5;

/**
 * Fails where work grows much faster than its input. The work on one large
 * input is compared with the same amount of linear work on small ones, which
 * takes as long and is as likely to be interrupted, the least of several
 * rounds each, in time of this thread's processor where the system tells it: how
 * busy the machine is decides nothing.
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

/** Of Linux: clock_gettime(2). */
const CLOCK_THREAD_CPUTIME_ID = 3;
const libc = openLibc({
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
});
const timespec = new BigInt64Array(2);

/** Milliseconds that this thread has used, or those of the clock. */
function now(): number {
  if (libc === null) return performance.now();
  libc.symbols.clock_gettime(CLOCK_THREAD_CPUTIME_ID, timespec);
  return Number(timespec[0]) * 1e3 + Number(timespec[1]) / 1e6;
}

async function time<T>(
  work: (input: T) => unknown,
  input: T,
  repeats: number,
): Promise<number> {
  const began = now();
  for (let i = 0; i < repeats; i++) await work(input);
  return now() - began;
}

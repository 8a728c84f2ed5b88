/**
 * Timers, whose type differs between versions of Deno: a number, or an object
 * as Node has it.
 *
 * @module
 */

/** What `setTimeout` and `setInterval` return. */
export type Timer = ReturnType<typeof setTimeout>;

/** Lets the process end although the timer is still to come. */
export function unref(timer: Timer): Timer {
  Deno.unrefTimer(timer as unknown as number);
  return timer;
}

/** Seconds as the delay of a timer, which would take a longer one for none. */
export function timerDelay(seconds: number): number {
  return Math.min(seconds * 1000, 2 ** 31 - 1);
}

/** Waits for a promise, but no longer than `ms`; tells whether it settled. */
export async function settledWithin(
  promise: Promise<unknown>,
  ms: number,
): Promise<boolean> {
  let timer: Timer | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `ms` milliseconds. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

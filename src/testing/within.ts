/**
 * Waits that fail.
 *
 * @module
 */

/** An app took longer than a test may wait. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/**
 * Waits for `work`, but no longer than `seconds`.
 *
 * @param late Called when the time is over; says what did not happen.
 * @throws {TimeoutError} With what `late` returns.
 */
export async function within<T>(
  work: Promise<T>,
  seconds: number,
  late: () => string,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new TimeoutError(late())),
    seconds * 1000,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

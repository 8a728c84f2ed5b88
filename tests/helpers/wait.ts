/**
 * How tests wait: for a condition, or (where time itself is the matter, or to
 * see that nothing happens) for a time.
 *
 * @module
 */

export { delay } from "../../src/std/timer.ts";
import { delay } from "../../src/std/timer.ts";

/** Milliseconds within which whatever a test waits for must have come. */
export const PATIENCE = 30_000;

/** Resolves once `condition` holds; rejects when it does not come to that. */
export async function until(
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`it never was: ${condition}`);
    await delay(10);
  }
}

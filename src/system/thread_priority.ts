/** The priority of a thread. */

import { openLibc } from "./libc.ts";

const SYMBOLS = { nice: { parameters: ["i32"], result: "i32" } } as const;
/**
 * Leaves a tenth of the processor time of an ordinary thread that competes with
 * it.
 */
export const NICE = 10;

/**
 * Has the threads that serve requests go first where both want the same core:
 * nice(2), which on Linux concerns the calling thread alone. Elsewhere nothing
 * changes.
 */
export function lowerPriority(): void {
  using libc = openLibc(SYMBOLS);
  libc?.symbols.nice(NICE);
}

/** The priority of a thread. */

import { openLibc } from "./libc.ts";

const SYMBOLS = {
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
} as const;
const PRIO_PROCESS = 0;
/** A tenth of the processor time of an ordinary thread that competes with it. */
const NICE = 10;

/**
 * Has the threads that serve requests go first where both want the same core
 * (setpriority(2); on Linux it concerns the calling thread alone). Elsewhere
 * nothing changes.
 */
export function lowerPriority(): void {
  using libc = openLibc(SYMBOLS);
  libc?.symbols.setpriority(PRIO_PROCESS, 0, NICE);
}

/**
 * How many files and connections the process may have open.
 *
 * @module
 */

import { openLibc } from "./libc.ts";

/** The functions for limits. */
export const RLIMIT = {
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
} as const;
/** Which limit: open descriptors. */
export const NOFILE = 7;

/**
 * Raises the soft limit of open descriptors to the hard one.
 *
 * @returns the soft limit that holds afterwards, or null where it cannot be
 * read.
 */
export function raiseDescriptorLimit(): number | null {
  const libc = openLibc(RLIMIT);
  if (libc === null) return null;
  const { getrlimit, setrlimit } = libc.symbols;
  const limit = new BigUint64Array(2); // soft, hard
  try {
    if (getrlimit(NOFILE, limit) !== 0) return null;
    const soft = limit[0];
    limit[0] = limit[1];
    return Number(setrlimit(NOFILE, limit) === 0 ? limit[1] : soft);
  } finally {
    libc.close();
  }
}

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
 * How many descriptors the process may have open.
 *
 * @returns null where that cannot be read.
 */
export function descriptorLimit(): number | null {
  return limits((limit) => limit[0]);
}

/**
 * Raises the soft limit of open descriptors to the hard one.
 *
 * @returns the soft limit that holds afterwards, or null where it cannot be
 * read.
 */
export function raiseDescriptorLimit(): number | null {
  return limits((limit, setrlimit) => {
    const soft = limit[0];
    limit[0] = limit[1];
    return setrlimit(NOFILE, limit) === 0 ? limit[1] : soft;
  });
}

/** Gives `use` the soft and the hard limit, and the way to set both. */
function limits(
  use: (
    limit: BigUint64Array<ArrayBuffer>,
    setrlimit: (which: number, limit: BigUint64Array<ArrayBuffer>) => number,
  ) => bigint,
): number | null {
  const libc = openLibc(RLIMIT);
  if (libc === null) return null;
  const { getrlimit, setrlimit } = libc.symbols;
  const limit = new BigUint64Array(2); // soft, hard
  try {
    return getrlimit(NOFILE, limit) === 0
      ? Number(use(limit, setrlimit))
      : null;
  } finally {
    libc.close();
  }
}

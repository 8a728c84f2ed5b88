/**
 * This process from its start once more.
 *
 * @module
 */

import { requireLibc } from "./libc.ts";
import { SystemError } from "./system_error.ts";

const SYMBOLS = {
  execv: { parameters: ["buffer", "buffer"], result: "i32" },
} as const;

/**
 * Runs this very program with the same words in place of itself, in the
 * environment as it is now: the process, its standard streams, folder and
 * limits stay. What was opened since its start is closed.
 *
 * @throws {SystemError} When that cannot be done.
 */
export function startOver(): never {
  const library = requireLibc("Starting over", SYMBOLS);
  const path = new TextEncoder().encode(`${Deno.execPath()}\0`);
  // As bytes: the words need not be UTF-8. A zero ends each.
  const words = Deno.readFileSync("/proc/self/cmdline");
  const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(words));
  const pointers = [start];
  words.forEach((byte, index) => {
    if (byte === 0) pointers.push(start + BigInt(index + 1));
  });
  pointers[pointers.length - 1] = 0n; // behind the last word
  library.symbols.execv(path, new BigUint64Array(pointers));
  library.close();
  throw new SystemError(`${Deno.execPath()} cannot be started.`);
}

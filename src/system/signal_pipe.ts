/**
 * A pipe through which a process tells the one that started it that it serves.
 *
 * @module
 */

import { O_CLOEXEC, requireLibc } from "./libc.ts";
import { SystemError } from "./system_error.ts";

const SYMBOLS = {
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  // Variadic in C, which makes no difference for integers on Linux.
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: {
    parameters: ["i32", "buffer", "usize"],
    result: "isize",
    nonblocking: true,
  },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const;

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Calls `start` with the number of a descriptor that the process started by it
 * inherits, and {@linkcode giveSignal} takes.
 *
 * @returns what `start` returns, and a promise that tells whether the signal
 * was given (true), or all that hold the descriptor are gone (false).
 * @throws {SystemError} When there can be no pipe.
 */
export function startWithSignal<T>(
  start: (descriptor: number) => T,
): { started: T; signalled: Promise<boolean> } {
  // Open as long as the process: a read may be under way.
  const { pipe2, fcntl, close, read } =
    requireLibc("Starting another process", SYMBOLS).symbols;
  const ends = new Int32Array(2);
  if (pipe2(ends, O_CLOEXEC) !== 0) {
    throw new SystemError("No pipe can be made: too many files are open.");
  }
  const [readEnd, writeEnd] = ends;
  fcntl(writeEnd, F_SETFD, 0);
  let started: T;
  try {
    started = start(writeEnd);
  } catch (error) {
    close(readEnd);
    throw error;
  } finally {
    close(writeEnd);
  }
  const signalled = read(readEnd, new Uint8Array(1), 1n).then((count) => {
    close(readEnd);
    return count > 0;
  });
  return { started, signalled };
}

/** Keeps an inherited descriptor from the programs that this process starts. */
export function keepToMyself(descriptor: number): void {
  const library = requireLibc("Answering the starting process", SYMBOLS);
  library.symbols.fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  library.close();
}

/** Gives the signal, once; whether anybody still waits for it is no matter. */
export function giveSignal(descriptor: number): void {
  const library = requireLibc("Answering the starting process", SYMBOLS);
  const { write, close } = library.symbols;
  write(descriptor, new Uint8Array([1]), 1n);
  close(descriptor);
  library.close();
}

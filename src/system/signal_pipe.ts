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

/** The end of a pipe that a process has inherited. */
export interface InheritedPipe {
  readonly descriptor: number;
  /** Device and inode: the number may be another file's by now. */
  readonly identity: string;
}

/**
 * Keeps an inherited pipe from the programs that this process starts.
 *
 * @returns null when the descriptor is no pipe: nobody waits for a signal.
 */
export function keepToMyself(descriptor: number): InheritedPipe | null {
  const identity = pipeIdentity(descriptor);
  if (identity === null) return null;
  const library = requireLibc("Answering the starting process", SYMBOLS);
  library.symbols.fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  library.close();
  return { descriptor, identity };
}

/** Gives the signal, once; whether anybody still waits for it is no matter. */
export function giveSignal({ descriptor, identity }: InheritedPipe): void {
  // Only something else that closed a number not its own can have changed it.
  if (pipeIdentity(descriptor) !== identity) return;
  const library = requireLibc("Answering the starting process", SYMBOLS);
  const { write, close } = library.symbols;
  write(descriptor, new Uint8Array([1]), 1n);
  close(descriptor);
  library.close();
}

/** Device and inode of the pipe that `descriptor` is, or null. */
function pipeIdentity(descriptor: number): string | null {
  try {
    const path = `/proc/self/fd/${descriptor}`;
    const { isFifo, dev, ino } = Deno.statSync(path);
    return isFifo ? `${dev} ${ino}` : null;
  } catch {
    return null;
  }
}

/**
 * Reads a variable and removes it: it is not for the programs of apps. Null
 * when it is not set, or may not be read.
 */
export function takeVariable(variable: string): string | null {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  const text = state === "granted" ? Deno.env.get(variable) : undefined;
  if (text === undefined) return null;
  Deno.env.delete(variable);
  return text;
}

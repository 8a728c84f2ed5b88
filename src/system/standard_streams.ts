/**
 * The standard streams of a process without a terminal.
 *
 * @module
 */

import { O_CLOEXEC, requireLibc } from "./libc.ts";
import { SystemError } from "./system_error.ts";

const SYMBOLS = {
  // Variadic in C, which makes no difference for two arguments on Linux.
  open: { parameters: ["buffer", "i32"], result: "i32" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

const O_RDWR = 2;
const STANDARD = [0, 1, 2];
const DESCRIPTORS = "/proc/self/fd";

/**
 * Lets go of the terminal, and of pipes at which somebody may wait: their
 * descriptors lead to /dev/null from then on. Deno has copies of the standard
 * ones, so all that lead to the same place are meant. An output that was
 * redirected to a file stays.
 *
 * @throws {SystemError} When it cannot be done.
 */
export function detachStandardStreams(): void {
  const library = requireLibc("Running in the background", SYMBOLS);
  const { open, dup3, close } = library.symbols;
  const path = new TextEncoder().encode("/dev/null\0");
  const nowhere = open(path, O_RDWR | O_CLOEXEC);
  try {
    if (nowhere < 0) throw new SystemError("/dev/null cannot be opened.");
    const places = new Set(STANDARD.map(place));
    places.delete(null);
    for (const { name } of [...Deno.readDirSync(DESCRIPTORS)]) {
      const copy = Number(name);
      // Between these two calls a number changes hands only if a thread ends
      // in that instant, which closes its copies; at the start none does.
      if (copy > 2 && places.has(place(copy))) dup3(nowhere, copy, O_CLOEXEC);
    }
    for (const stream of STANDARD) {
      if (stream === 0 || !isFile(stream)) dup3(nowhere, stream, 0);
    }
  } finally {
    if (nowhere >= 0) close(nowhere);
    library.close();
  }
}

/** Tells whether an output goes to a file, which keeps what it gets. */
export function isKept(output: "stdout" | "stderr"): boolean {
  return isFile(output === "stdout" ? 1 : 2);
}

function isFile(descriptor: number): boolean {
  try {
    return Deno.statSync(`${DESCRIPTORS}/${descriptor}`).isFile;
  } catch {
    return false;
  }
}

/**
 * What a descriptor leads to; null when it is closed, and for a file: the app
 * may have opened the same one, and a copy of it keeps nobody waiting.
 */
function place(descriptor: number): string | null {
  try {
    const { dev, ino, isFile } = Deno.statSync(`${DESCRIPTORS}/${descriptor}`);
    return isFile ? null : `${dev} ${ino}`;
  } catch {
    return null;
  }
}

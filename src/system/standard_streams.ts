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
 * Tells whether a standard stream stays when they are detached: whoever
 * redirected it to a file wants to read it there.
 */
export function isRedirectedToFile(descriptor: 0 | 1 | 2): boolean {
  return status(descriptor)?.isFile ?? false;
}

/**
 * Lets go of the terminal, and of pipes that somebody may wait at: their
 * descriptors lead to /dev/null from then on. Deno has copies of the standard
 * ones; all that lead to the same place are meant.
 *
 * @throws {SystemError} When it cannot be done.
 */
export function detachStandardStreams(): void {
  const library = requireLibc("Running in the background", SYMBOLS);
  const { open, dup3, close } = library.symbols;
  const path = new TextEncoder().encode("/dev/null\0");
  const nowhere = open(path, O_RDWR | O_CLOEXEC);
  try {
    if (nowhere < 0) throw new SystemError("Cannot open /dev/null.");
    const places = new Set(
      STANDARD.map(status).filter((info) => info !== null && !info.isFile)
        .map((info) => place(info!)),
    );
    for (const { name } of [...Deno.readDirSync(DESCRIPTORS)]) {
      const info = status(Number(name));
      if (info === null || !places.has(place(info))) continue;
      dup3(nowhere, Number(name), Number(name) > 2 ? O_CLOEXEC : 0);
    }
  } finally {
    if (nowhere >= 0) close(nowhere);
    library.close();
  }
}

function status(descriptor: number): Deno.FileInfo | null {
  try {
    return Deno.statSync(`${DESCRIPTORS}/${descriptor}`);
  } catch {
    return null; // closed, as that of the folder itself is by now
  }
}

function place({ dev, ino }: Deno.FileInfo): string {
  return `${dev} ${ino}`;
}

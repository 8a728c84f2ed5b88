/**
 * Whether a path still leads to the file that it led to.
 *
 * @module
 */

import { openLibc } from "./libc.ts";

const SYMBOLS = {
  statx: {
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
  },
} as const;

const AT_FDCWD = -100;
const STATX_BASIC_STATS = 0x7ff;
/** Bytes of `struct statx`. */
const SIZE = 256;
/**
 * What tells versions of files apart in it, in words of 32 bits: inode, size,
 * seconds and nanoseconds of ctime and mtime, and the device.
 */
const TELLING = [8, 9, 10, 11, 24, 25, 26, 28, 29, 30, 34, 35];

const found = new Uint32Array(SIZE / 4);
const foundBytes = new Uint8Array(found.buffer);
/** Who may look through the C library. */
let users = 0;
/** Open from the first look on; null where it cannot be had. */
let libc: ReturnType<typeof openLibc<typeof SYMBOLS>> | undefined;

/**
 * Has files looked at through the C library until it is disposed of: for
 * servers, as the library has to be closed in the end.
 */
export function quickLooks(): Disposable {
  users++;
  return {
    [Symbol.dispose]() {
      if (--users > 0) return;
      libc?.close();
      libc = undefined;
    },
  };
}

/** What was at a path when it was last found unchanged. */
export class FileLook {
  readonly #path: string;
  readonly #info: Deno.FileInfo;
  /** The path in C, and what was seen there; null where Deno has to look. */
  #c: { path: Uint8Array<ArrayBuffer>; seen: Uint32Array } | null = null;

  /** @param info The file at `path`, by its descriptor. */
  constructor(path: string, info: Deno.FileInfo) {
    this.#path = path;
    this.#info = info;
    if (users === 0) return;
    if (libc === undefined) libc = openLibc(SYMBOLS);
    if (libc === null) return;
    // What is seen first counts if Deno then finds the file as it was.
    const cPath = new TextEncoder().encode(`${path}\0`);
    const seen = statx(cPath) ? found.slice() : null;
    if (seen !== null && this.#isSameForDeno()) {
      this.#c = { path: cPath, seen };
    }
  }

  /**
   * True while the path leads to the same version of the same file. Asking
   * the C library takes half the time: Deno makes dates of all times.
   */
  isSame(): boolean {
    if (this.#c === null || !libc) return this.#isSameForDeno();
    const { path, seen } = this.#c;
    if (!statx(path)) return false;
    for (let i = 0; i < TELLING.length; i++) {
      if (found[TELLING[i]] !== seen[TELLING[i]]) return false;
    }
    return true;
  }

  #isSameForDeno(): boolean {
    try {
      return isSameVersion(this.#info, Deno.statSync(this.#path));
    } catch {
      return false;
    }
  }
}

/** Tells whether two looks at a file saw the same version of the same file. */
export function isSameVersion(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size &&
    a.mtime?.getTime() === b.mtime?.getTime() &&
    a.ctime?.getTime() === b.ctime?.getTime();
}

/** Fills `found`; false where there is nothing to find. */
function statx(path: Uint8Array<ArrayBuffer>): boolean {
  return libc!.symbols.statx(
    AT_FDCWD,
    path,
    0,
    STATX_BASIC_STATS,
    foundBytes,
  ) === 0;
}

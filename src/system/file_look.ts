/**
 * Whether a path still leads to the file that it led to.
 *
 * @module
 */

import { encodeName, statWords } from "./file_names.ts";

/**
 * What tells versions of files apart in `struct statx`, in words of 32 bits:
 * inode, size, seconds and nanoseconds of ctime and mtime, and the device.
 */
const TELLING = [8, 9, 10, 11, 24, 25, 26, 28, 29, 30, 34, 35];

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
    const cPath = encodeName(`${path}\0`);
    const seen = statWords(cPath)?.slice() ?? null;
    // What is seen first counts if Deno then finds the file as it was: never
    // for a name that Deno cannot take.
    if (seen !== null && this.#isSameForDeno()) {
      this.#c = { path: cPath, seen };
    }
  }

  /**
   * True while the path leads to the same version of the same file. Asking
   * the C library takes half the time: Deno makes dates of all times.
   */
  isSame(): boolean {
    if (this.#c === null) return this.#isSameForDeno();
    const { path, seen } = this.#c;
    const found = statWords(path);
    // Also without the library, when nobody holds it any more.
    if (found === null) return this.#isSameForDeno();
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

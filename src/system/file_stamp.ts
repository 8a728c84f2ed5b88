/**
 * Whether a path still leads to the file that it led to.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import { encodeName, statWords } from "./file_names.ts";

/**
 * What tells versions of files apart in `struct statx`, in words of 32 bits:
 * inode, size, seconds and nanoseconds of ctime and mtime, and the device.
 */
const TELLING = [8, 9, 10, 11, 24, 25, 26, 28, 29, 30, 34, 35];

/** What was at a path when it was last found unchanged. */
export class FileStamp {
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
  isUnchanged(): boolean {
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

/**
 * File systems (`f_type` of statfs(2)) that read from memory or a disk of this
 * machine. On any other one a read may wait for somebody else: for a server
 * (NFS), for a process (FUSE), or for an event (`/proc/kmsg`).
 */
const LOCAL: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x2fc12fc1, // ZFS
  0xca451a4e, // bcachefs
  0xf2f52010, // F2FS
  0x794c7630, // overlayfs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x73717368, // SquashFS
  0xe0f5e1e2, // EROFS
  0x9660, // ISO 9660
  0x4d44, // FAT
  0x2011bab0, // exFAT
  0x7366746e, // NTFS (ntfs3)
  0x3153464a, // JFS
  0x52654973, // ReiserFS
]);

/** What was found of each device, for {@linkcode KNOWN_MS}. */
const mayBlock = new Map<number, boolean>();
const KNOWN_MS = 1000;
let forgetAt = 0;

/**
 * Tells whether reading the file at `path`, on the device `dev`, may wait for
 * longer than a disk takes. Always false where the system is not Linux.
 */
export function readMayBlock(path: string, dev: number): boolean {
  if (Deno.build.os !== "linux") return false;
  const now = Date.now();
  if (now >= forgetAt || now < forgetAt - KNOWN_MS) {
    // Another file system may have got the number of one that is gone.
    mayBlock.clear();
    forgetAt = now + KNOWN_MS;
  }
  let found = mayBlock.get(dev);
  if (found === undefined) {
    found = !isLocal(path);
    mayBlock.set(dev, found);
  }
  return found;
}

/** Without the permission to ask (`--allow-sys`) it is taken for a disk. */
function isLocal(path: string): boolean {
  try {
    return LOCAL.has(statfsSync(path).type);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return true;
    throw error;
  }
}

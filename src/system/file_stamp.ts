/**
 * Whether a path still leads to the same version of a file, and whether reading
 * a file may block.
 */

import { node } from "../std/node.ts";
import { encodeName, fileSystemType, statWords } from "./file_names.ts";

/**
 * Words of `struct statx` that differ between versions of files: inode, size,
 * seconds and nanoseconds of ctime and mtime, and the device.
 */
const VERSION_WORDS = [8, 9, 10, 11, 24, 25, 26, 28, 29, 30, 34, 35];

/**
 * Milliseconds for which a stat alone tells that a file is the same. Then it has
 * to be opened and read again: a parent directory may have been replaced, and
 * writes through mmap update the times later (mmap(2)).
 */
const MAX_AGE_MS = 1000;

/** What was at a path when it was read. */
export class FileStamp {
  readonly #path: string;
  readonly #info: Deno.FileInfo;
  readonly #since: number;
  /** For the C library, which takes half the time; null where Deno is asked. */
  #c: { path: Uint8Array<ArrayBuffer>; words: Uint32Array } | null = null;

  /**
   * @param info That of the file at `path`, taken from its descriptor.
   * @param since When it was opened, in milliseconds since 1970.
   */
  constructor(path: string, info: Deno.FileInfo, since: number = Date.now()) {
    this.#path = path;
    this.#info = info;
    this.#since = since;
    const cPath = encodeName(`${path}\0`);
    const words = statWords(cPath)?.slice() ?? null;
    // The words are those of `info` if Deno then finds that file unchanged,
    // which is never so for a name that Deno cannot use.
    if (words !== null && this.#isUnchangedForDeno()) {
      this.#c = { path: cPath, words };
    }
  }

  /** True while the path leads to the same version of the same file. */
  isUnchanged(): boolean {
    if (this.#c === null) return this.#isUnchangedForDeno();
    const { path, words } = this.#c;
    const found = statWords(path);
    // Nobody may hold the library any more.
    if (found === null) return this.#isUnchangedForDeno();
    for (let i = 0; i < VERSION_WORDS.length; i++) {
      if (found[VERSION_WORDS[i]] !== words[VERSION_WORDS[i]]) return false;
    }
    return true;
  }

  /** The same, for as long as a stat alone can tell. */
  isCurrent(): boolean {
    const age = Date.now() - this.#since;
    // The clock may have been set back.
    return age >= 0 && age < MAX_AGE_MS && this.isUnchanged();
  }

  #isUnchangedForDeno(): boolean {
    try {
      return isSameVersion(this.#info, Deno.statSync(this.#path));
    } catch {
      return false;
    }
  }
}

/** True while each of them is current. */
export function areCurrent(stamps: readonly FileStamp[]): boolean {
  for (const stamp of stamps) {
    if (!stamp.isCurrent()) return false;
  }
  return true;
}

/** Whether both are of the same version of the same file. */
export function isSameVersion(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size &&
    a.mtime?.getTime() === b.mtime?.getTime() &&
    a.ctime?.getTime() === b.ctime?.getTime();
}

/**
 * File systems (`f_type` of statfs(2)) that read from memory or a local disk.
 * On any other one, a read may wait for a server (NFS), a process (FUSE) or an
 * event (`/proc/kmsg`).
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

/** By device, cached for {@linkcode CACHE_MS}. */
const mayBlock = new Map<number, boolean>();
const CACHE_MS = 1000;
let expiresAt = 0;

/**
 * Whether reading the file at `path`, on the device `dev`, may take
 * longer than a disk does. Always false on systems other than Linux.
 */
export function readMayBlock(path: string, dev: number): boolean {
  if (Deno.build.os !== "linux") return false;
  const now = Date.now();
  if (now >= expiresAt || now < expiresAt - CACHE_MS) {
    // The device number may have been reused for another file system.
    mayBlock.clear();
    expiresAt = now + CACHE_MS;
  }
  let found = mayBlock.get(dev);
  if (found === undefined) mayBlock.set(dev, found = !isLocal(path));
  return found;
}

/** True, too, without the permission to ask (`--allow-sys`). */
function isLocal(path: string): boolean {
  try {
    return LOCAL.has(
      fileSystemType(path) ?? node("node:fs").statfsSync(path).type,
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return true;
    throw error;
  }
}

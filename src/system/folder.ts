/**
 * Directories in which root works although others may change what is in them.
 *
 * A path leads elsewhere as soon as somebody replaces one of its directories,
 * or the file itself, by a link, and root must not be led to other files like
 * that. So root walks to a directory step by step, holds it by a descriptor,
 * and opens its entries relative to that, without following links. Other users
 * can be led only to what they may do anyway, and work by path.
 */

import { basename, dirname } from "../std/path.ts";
import {
  cString,
  descriptorPath,
  isSameFile,
  type Libc,
  O_CLOEXEC,
  O_PATH,
  openLibc,
  SystemError,
} from "./libc.ts";

const SYMBOLS = {
  openat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

type Functions = Libc<typeof SYMBOLS>["symbols"];

/** Opens a link itself: open(2). */
const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
/** The number of links that Linux follows in one path: path_resolution(7). */
const MAX_LINKS = 40;
/** Attempts to look up an entry that others keep replacing. */
const MAX_ATTEMPTS = 100;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
/** Entries of such a directory can be replaced by their owners and its own. */
const STICKY = 0o1000;

/** Whether this process is root, which others may try to mislead. */
export function isRoot(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0;
}

/** A file, directory or link as it was found; to be disposed of. */
export interface Found extends Disposable {
  readonly info: Deno.FileInfo;
  /** Stays that of this file when it is renamed or replaced; not of a link. */
  readonly path: string;
  /** Null if it is known by its path only. */
  readonly descriptor: number | null;
}

/** A directory that stays the same one, whatever becomes of its path. */
export class Folder implements Disposable {
  readonly #found: Found;
  readonly #libc: Functions | null;

  /** @param libc Null where entries are found by path. */
  constructor(found: Found, libc: Functions | null) {
    this.#found = found;
    this.#libc = libc;
  }

  get info(): Deno.FileInfo {
    return this.#found.info;
  }

  /** User id of the owner. */
  get owner(): number {
    return this.info.uid ?? 0;
  }

  /** True if users other than its owner can replace only their own entries. */
  get isSticky(): boolean {
    return (this.info.mode! & STICKY) !== 0;
  }

  /** True if users other than its owner can add entries. */
  get isShared(): boolean {
    const group = this.info.gid === 0 ? 0 : GROUP_WRITES; // root's own group
    return (this.info.mode! & (group | OTHERS_WRITE)) !== 0;
  }

  /**
   * True for a link in /proc to an open file: opening it leads there, though
   * its text need not be a path.
   */
  isDescriptor(name: string): boolean {
    return /^\d+$/.test(name) && this.info.dev === Deno.statSync("/proc").dev;
  }

  /** The path of an entry, for functions that do not follow links. */
  entry(name: string): string {
    return `${this.#found.path}/${name}`;
  }

  /** What an entry is (a link is not followed); null if there is none. */
  lookUp(name: string): Found | null {
    const { descriptor } = this.#found;
    const libc = this.#libc;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const found = libc && openAt(libc, descriptor ?? -1, name);
      if (found !== null) return found;
      try {
        // Throws the reason why it could not be opened.
        const info = Deno.lstatSync(this.entry(name));
        if (libc === null) return foundByPath(this.entry(name), info);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    }
    throw new SystemError(`${name} does not stay what it is`);
  }

  /**
   * Creates a regular file, open for writing.
   *
   * @param mode Permissions, which the umask reduces.
   * @throws {Deno.errors.AlreadyExists} When there is something of that name.
   * @throws {SystemError} When somebody moved it away immediately.
   */
  create(name: string, mode: number): Found & { readonly file: Deno.FsFile } {
    // With O_EXCL no link is followed: open(2).
    const path = this.entry(name);
    const file = Deno.openSync(path, { write: true, createNew: true, mode });
    const found = this.lookUp(name);
    // No other file gets its inode while it is open.
    if (found === null || !isSameFile(found.info, file.statSync())) {
      file.close();
      found?.[Symbol.dispose]();
      throw new SystemError(`${name} was moved away as soon as it was there`);
    }
    return {
      ...found,
      file,
      [Symbol.dispose]() {
        file.close();
        found[Symbol.dispose]();
      },
    };
  }

  /** The directory that was found in this one. */
  enter(found: Found): Folder {
    return new Folder(found, this.#libc);
  }

  [Symbol.dispose](): void {
    this.#found[Symbol.dispose]();
  }
}

/** Where a file is or will be: an entry of a directory. */
export interface Place extends Disposable {
  readonly folder: Folder;
  readonly name: string;
  /**
   * True if no other user can change which directory of root this is. If it is
   * shared, others may add entries to it.
   */
  readonly isRoots: boolean;
  /** True if no other user can change anything here. */
  readonly isPrivate: boolean;
}

/**
 * Finds the place that a path names. If another user can change where the path
 * leads, root accepts only a directory of that user.
 *
 * @param follow Whether to follow a link at the place itself.
 * @throws {SystemError} When another user could lead root elsewhere.
 * @throws {Deno.errors.NotFound} When there is no such directory.
 */
export function placeOf(path: string, follow = false): Place {
  if (isRoot()) return walk(path, follow);
  const parent = dirname(path);
  const folder = new Folder(foundByPath(parent, Deno.statSync(parent)), null);
  return place(folder, basename(path), false, null);
}

/**
 * The directory for temporary files; undefined for Deno's default. For root,
 * one in which nobody else can replace files of root.
 *
 * @throws {SystemError} When there is no such directory.
 */
export function safeTempFolder(): string | undefined {
  if (!isRoot()) return undefined;
  for (const path of [Deno.env.get("TMPDIR") || "/tmp", "/run", "/tmp"]) {
    try {
      using place = placeOf(`${path}/file`, true);
      const { isShared, isSticky } = place.folder;
      if (place.isRoots && (!isShared || isSticky)) return path;
    } catch {
      // The next one is tried.
    }
  }
  throw new SystemError(
    "Root has no folder for temporary files in which other users cannot replace its files. Set TMPDIR to one.",
  );
}

/** Users other than root who can change where a path leads; null if none. */
type Deciders = number | "several users" | null;

/** From the top to the directory that holds the last name of `path`. */
function walk(path: string, follow: boolean): Place {
  const libc = descriptorsHavePaths() ? openLibc(SYMBOLS) : null;
  let folder = top(libc);
  const enter = (next: Folder): void => {
    folder[Symbol.dispose]();
    folder = next;
  };
  let deciders: Deciders = null;
  let links = 0;
  const names = split(path.startsWith("/") ? path : `${Deno.cwd()}/${path}`);
  try {
    while (true) {
      const name = names.shift() ?? ".";
      const isLast = names.length === 0;
      const found = isLast && !follow ? null : folder.lookUp(name);
      const isLink = found?.info.isSymlink ?? false;
      if (isLast && (!isLink || folder.isDescriptor(name))) {
        found?.[Symbol.dispose]();
        const end = place(folder, name, deciders === null, libc);
        refuseUnsafe(path, end, deciders, libc !== null);
        return end;
      }
      if (found === null) {
        throw new Deno.errors.NotFound("No such file or directory");
      }
      deciders = both(deciders, replacers(folder));
      if (!isLink) {
        enter(folder.enter(found));
        continue;
      }
      deciders = both(deciders, found.info.uid || null);
      found[Symbol.dispose]();
      if (++links > MAX_LINKS) throw new SystemError("too many links");
      const target = Deno.readLinkSync(folder.entry(name));
      names.unshift(...split(target));
      if (target.startsWith("/")) enter(top(libc));
    }
  } catch (error) {
    folder[Symbol.dispose]();
    libc?.close();
    throw error;
  }
}

function top(libc: Libc<typeof SYMBOLS> | null): Folder {
  const found = libc && openAt(libc.symbols, -1, "/");
  return new Folder(
    found ?? foundByPath("", Deno.statSync("/")),
    found && libc!.symbols,
  );
}

/** Without all permissions, Deno refuses the paths of descriptors. */
function descriptorsHavePaths(): boolean {
  try {
    return Deno.statSync(descriptorPath("")).isDirectory;
  } catch {
    return false;
  }
}

function refuseUnsafe(
  path: string,
  { folder, isPrivate }: Place,
  deciders: Deciders,
  isHeld: boolean,
): void {
  if (deciders !== null && deciders !== folder.owner) {
    const who = typeof deciders === "number" ? `user ${deciders}` : deciders;
    throw new SystemError(
      `${who} can change where ${path} leads, so root does not go there. Choose a folder that only root can change, or start as that user`,
    );
  }
  if (!isHeld && !isPrivate) {
    throw new SystemError(
      `other users can change the folder of ${path}, and root is safe there only on Linux with glibc and all permissions (deno run -A)`,
    );
  }
}

function place(
  folder: Folder,
  name: string,
  isOnlyWay: boolean,
  libc: Disposable | null,
): Place {
  const isRoots = isOnlyWay && folder.owner === 0;
  return {
    folder,
    name,
    isRoots,
    isPrivate: isRoots && !folder.isShared,
    [Symbol.dispose]() {
      folder[Symbol.dispose]();
      libc?.[Symbol.dispose]();
    },
  };
}

function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** Users who can replace an entry of root in `folder`. */
function replacers(folder: Folder): Deciders {
  if (folder.owner !== 0) return folder.owner;
  return folder.isShared && !folder.isSticky ? "several users" : null;
}

function both(a: Deciders, b: Deciders): Deciders {
  return a === null ? b : b === null || a === b ? a : "several users";
}

function foundByPath(path: string, info: Deno.FileInfo): Found {
  return { info, path, descriptor: null, [Symbol.dispose]() {} };
}

/** An entry of the directory `parent`, held open; null if it cannot be. */
function openAt(
  libc: Functions,
  parent: number,
  name: string,
): Found | null {
  const flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  const descriptor = libc.openat(parent, cString(name), flags);
  if (descriptor < 0) return null;
  const path = descriptorPath(descriptor);
  return {
    info: Deno.statSync(path),
    path,
    descriptor,
    [Symbol.dispose]: () => void libc.close(descriptor),
  };
}

/**
 * Makes `uid` the owner of the file at `path`, which is created with `mode` if
 * it is missing. An existing file is given away only if it is a regular file of
 * root in a directory that only root can change; elsewhere somebody may have
 * put another file of root there. Does nothing if it cannot be done safely, as
 * in a directory of that user: opening the file will then tell why it failed.
 *
 * @throws {SystemError} When the owner cannot be changed.
 */
export function giveFile(path: string, uid: number, mode: number): void {
  if (uid === 0) return;
  using owned = ownedByRoot(path, mode);
  if (owned === null) return;
  try {
    Deno.chownSync(owned.path, uid, null);
  } catch {
    throw new SystemError(`The owner of ${path} cannot be changed.`);
  }
}

/** The file at `path` if it is root's to give away; else null. */
function ownedByRoot(path: string, mode: number): Found | null {
  try {
    using place = placeOf(path);
    if (!place.isRoots) return null;
    const { folder, name } = place;
    try {
      return folder.create(name, mode);
    } catch (error) {
      const exists = error instanceof Deno.errors.AlreadyExists;
      if (!exists || !place.isPrivate) return null;
    }
    const found = folder.lookUp(name);
    if (found === null) return null;
    const { isFile, uid, nlink } = found.info;
    if (isFile && uid === 0 && nlink === 1) return found;
    found[Symbol.dispose]();
  } catch {
    // Not safe, or not possible.
  }
  return null;
}

/**
 * Opens a file for appending, and creates it with `mode` if it is missing. Root
 * follows only links of root. In a directory that others can change, root opens
 * only regular files with a single name, and what root itself created there,
 * such as a pipe.
 *
 * @throws {SystemError} When it may not be the file that was meant.
 * @throws {Error} What the system says.
 */
export function openToAppend(
  path: string,
  mode: number,
  tries = 3,
): Deno.FsFile {
  if (!isRoot()) {
    return Deno.openSync(path, { append: true, create: true, mode });
  }
  using place = placeOf(path, true);
  const { folder, name } = place;
  using found = folder.lookUp(name);
  if (found === null) {
    const options = { append: true, createNew: true, mode };
    try {
      return Deno.openSync(folder.entry(name), options);
    } catch (error) {
      // Another thread or process has created it meanwhile.
      const isThere = error instanceof Deno.errors.AlreadyExists;
      if (!isThere || tries <= 1) throw error;
      return openToAppend(path, mode, tries - 1);
    }
  }
  if (folder.isDescriptor(name)) {
    return Deno.openSync(folder.entry(name), { append: true });
  }
  const reason = place.isPrivate ? null : whySuspect(found.info, folder);
  if (reason !== null) {
    throw new SystemError(
      `${reason}, and other users can change its folder, so root does not write there. Choose a folder that only root can change, or start as another user`,
    );
  }
  return Deno.openSync(found.path, { append: true });
}

/** Why a file may not be the one that was meant; null if it is. */
function whySuspect(info: Deno.FileInfo, folder: Folder): string | null {
  if (info.isDirectory) return null; // opening it fails anyway
  if (info.isSymlink) return "it became a link meanwhile";
  if (info.nlink !== 1) return "the file has a second name (a hard link)";
  if (info.uid === 0) return null;
  if (!info.isFile) {
    return `it is no plain file and belongs to user ${info.uid}`;
  }
  // Anybody can create a file in such a directory, and read what is written.
  return folder.isSticky && info.uid !== folder.owner
    ? `the file belongs to user ${info.uid}`
    : null;
}

/**
 * Folders in which root works although others may change what is in them.
 *
 * A path means something else as soon as somebody puts a link in the place of
 * one of its folders, or of the file itself; root must not be led like that to
 * files that nobody meant. So root goes to a folder step by step, holds it by a
 * descriptor, and looks at an entry by a descriptor too, without following
 * links. Any other user can be led only to what that user may do anyway, and
 * works by path.
 *
 * @module
 */

import { basename, dirname } from "../std/path.ts";
import { O_CLOEXEC, openLibc, SystemError } from "./libc.ts";

const SYMBOLS = {
  // Variadic in C, which makes no difference for three arguments on Linux.
  openat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

type Libc = NonNullable<ReturnType<typeof openLibc<typeof SYMBOLS>>>;

/** Stands for a file without opening it: open(2). */
const O_PATH = 0o10000000;
/** Of a link, the link itself. */
const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
const DESCRIPTORS = "/proc/self/fd";
/** As many links as Linux follows for one path: path_resolution(7). */
const MOST_LINKS = 40;
/** How often to look at an entry that others keep changing. */
const MOST_TRIES = 100;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
/** In such a folder only its owner's and one's own entries can be replaced. */
const STICKY = 0o1000;

/** Tells whether this process is root, which others may try to lead astray. */
export function isRoot(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0;
}

/** A file, folder or link as it was found; to be disposed of. */
export interface Found extends Disposable {
  readonly info: Deno.FileInfo;
  /** Leads to this very file, whatever becomes of its name; not for a link. */
  readonly path: string;
  /** Null where it is known by its path alone. */
  readonly descriptor: number | null;
}

/** A folder that stays the same one, whatever becomes of its path. */
export class Folder implements Disposable {
  readonly #found: Found;
  readonly #libc: Libc | null;

  constructor(found: Found, libc: Libc | null) {
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

  /** True where others than the owner may replace their own entries only. */
  get isSticky(): boolean {
    return (this.info.mode! & STICKY) !== 0;
  }

  /** True where others than the owner may add entries. */
  get isShared(): boolean {
    const group = this.info.gid === 0 ? 0 : GROUP_WRITES; // root's own group
    return (this.info.mode! & (group | OTHERS_WRITE)) !== 0;
  }

  /**
   * True for a link of /proc to what is open: opening it leads there, though
   * what it holds need not be a path.
   */
  isDescriptor(name: string): boolean {
    return /^\d+$/.test(name) && this.info.dev === Deno.statSync("/proc").dev;
  }

  /** The path of an entry, for functions that do not follow a link there. */
  entry(name: string): string {
    return `${this.#found.path}/${name}`;
  }

  /** What is at an entry, a link itself included; null when nothing is. */
  look(name: string): Found | null {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const { descriptor } = this.#found;
      const found = openEntry(this.#libc, descriptor, name);
      if (found !== null) return found;
      try {
        // Says why it cannot be opened.
        const path = this.entry(name);
        const info = Deno.lstatSync(path);
        if (descriptor === null) return foundByPath(path, info);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return null;
        throw error;
      }
    }
    throw new SystemError(`${name} does not stay what it is`);
  }

  /**
   * Creates a plain file, open for writing.
   *
   * @param mode Less what the umask takes away.
   * @throws {Deno.errors.AlreadyExists} When there is something of that name.
   * @throws {SystemError} When somebody has moved it away at once.
   */
  create(name: string, mode: number): Found & { readonly file: Deno.FsFile } {
    // Such an open follows no link: O_EXCL in open(2).
    const path = this.entry(name);
    const file = Deno.openSync(path, { write: true, createNew: true, mode });
    const found = this.look(name);
    // As long as the file is open no other gets its number.
    if (found === null || !isSame(found.info, file.statSync())) {
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

  /** The folder that was found in this one. */
  enter(found: Found): Folder {
    return new Folder(found, this.#libc);
  }

  [Symbol.dispose](): void {
    this.#found[Symbol.dispose]();
  }
}

/** Where a file is or will be: an entry of a folder. */
export interface Place extends Disposable {
  readonly folder: Folder;
  readonly name: string;
  /**
   * No other user can change which folder of root's this is; where it is
   * shared, others may add entries to it.
   */
  readonly isRoots: boolean;
  /** No other user can change anything here. */
  readonly isPrivate: boolean;
  /** True for root: what others can change matters. */
  readonly isWatched: boolean;
}

/**
 * Finds the place that a path means. For root, another user who can change
 * where it leads may lead it to a folder of that user only.
 *
 * @param follow Whether to go on where a link leads that is at the place.
 * @throws {SystemError} When another user could lead root elsewhere.
 * @throws {Deno.errors.NotFound} When there is no such folder.
 */
export function placeOf(path: string, follow = false): Place {
  if (isRoot()) return walk(path, follow);
  const parent = dirname(path);
  const folder = new Folder(foundByPath(parent, Deno.statSync(parent)), null);
  return place(folder, basename(path), false, null);
}

/**
 * The folder for temporary files; undefined for Deno's choice. For root one in
 * which nobody else can replace what root has made.
 *
 * @throws {SystemError} When root has no such folder.
 */
export function safeTempFolder(): string | undefined {
  if (!isRoot()) return undefined;
  for (const path of [Deno.env.get("TMPDIR") || "/tmp", "/run", "/tmp"]) {
    try {
      using place = placeOf(`${path}/file`, true);
      const { isShared, isSticky } = place.folder;
      if (place.isRoots && (!isShared || isSticky)) return path;
    } catch {
      // the next one, then
    }
  }
  throw new SystemError(
    "Root has no folder for temporary files in which other users cannot replace its files. Set TMPDIR to one.",
  );
}

/** Who else than root decides where a path leads; null for nobody. */
type Deciders = number | "several users" | null;

/** From the top to the folder that holds the last name of `path`. */
function walk(path: string, follow: boolean): Place {
  const libc = descriptorsHavePaths() ? openLibc(SYMBOLS) : null;
  let folder = top(libc);
  const go = (next: Folder): void => {
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
      const found = isLast && !follow ? null : folder.look(name);
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
        go(folder.enter(found));
        continue;
      }
      deciders = both(deciders, found.info.uid || null);
      found[Symbol.dispose]();
      if (++links > MOST_LINKS) throw new SystemError("too many links");
      const target = Deno.readLinkSync(folder.entry(name));
      names.unshift(...split(target));
      if (target.startsWith("/")) go(top(libc));
    }
  } catch (error) {
    folder[Symbol.dispose]();
    libc?.close();
    throw error;
  }
}

function top(libc: Libc | null): Folder {
  const found = openEntry(libc, null, "/") ??
    foundByPath("", Deno.statSync("/"));
  return new Folder(found, libc);
}

function refuseUnsafe(
  path: string,
  { folder, isPrivate }: Place,
  deciders: Deciders,
  byDescriptor: boolean,
): void {
  if (deciders !== null && deciders !== folder.owner) {
    const who = typeof deciders === "number" ? `user ${deciders}` : deciders;
    throw new SystemError(
      `${who} can change where ${path} leads, so root does not go there. Choose a folder that only root can change, or start as that user`,
    );
  }
  if (!byDescriptor && !isPrivate) {
    throw new SystemError(
      `other users can change the folder of ${path}, and root is safe there only on Linux with glibc and all permissions (deno run -A)`,
    );
  }
}

function place(
  folder: Folder,
  name: string,
  ownWay: boolean,
  libc: Libc | null,
): Place {
  const isRoots = ownWay && folder.owner === 0;
  return {
    folder,
    name,
    isRoots,
    isPrivate: isRoots && !folder.isShared,
    isWatched: isRoot(),
    [Symbol.dispose]() {
      folder[Symbol.dispose]();
      libc?.close();
    },
  };
}

function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** Who can put something else in the place of an entry of root's. */
function replacers(folder: Folder): Deciders {
  if (folder.owner !== 0) return folder.owner;
  return folder.isShared && !folder.isSticky ? "several users" : null;
}

function both(a: Deciders, b: Deciders): Deciders {
  return a === null ? b : b === null || a === b ? a : "several users";
}

function isSame(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function foundByPath(path: string, info: Deno.FileInfo): Found {
  return { info, path, descriptor: null, [Symbol.dispose]() {} };
}

/** Null where there is nothing, and where descriptors do not help. */
function openEntry(
  libc: Libc | null,
  folder: number | null,
  name: string,
): Found | null {
  if (libc === null || folder === null && name !== "/") return null;
  const { openat, close } = libc.symbols;
  const bytes = new TextEncoder().encode(`${name}\0`);
  const flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  const descriptor = openat(folder ?? -1, bytes, flags);
  if (descriptor < 0) return null;
  const path = `${DESCRIPTORS}/${descriptor}`;
  const info = Deno.statSync(path);
  return {
    info,
    path,
    descriptor,
    [Symbol.dispose]: () => void close(descriptor),
  };
}

/** Deno lets nobody in there without all permissions. */
function descriptorsHavePaths(): boolean {
  try {
    Deno.statSync(DESCRIPTORS);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes `uid` the owner of the file at `path`, which is created with `mode`
 * where it is missing. What is there already is given away only if it is a
 * plain file of root's in a folder that root alone can change: elsewhere
 * another file of root's may have been put there. Where nothing can be done
 * safely, as in that user's own folder, nothing is: whoever opens the file
 * will be told why.
 *
 * @throws {SystemError} When the owner cannot be changed.
 */
export function giveFile(path: string, uid: number, mode: number): void {
  if (uid === 0) return;
  const owned = ownedByRoot(path, mode);
  if (owned === null) return;
  try {
    Deno.chownSync(owned.path, uid, null);
  } catch {
    throw new SystemError(`The owner of ${path} cannot be changed.`);
  } finally {
    owned[Symbol.dispose]();
  }
}

/** A file at `path` that is root's to give away; null when there is none. */
function ownedByRoot(
  path: string,
  mode: number,
): { path: string } & Disposable | null {
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
    const found = folder.look(name);
    if (found === null) return null;
    const { isFile, uid, nlink } = found.info;
    if (isFile && uid === 0 && nlink === 1) return found;
    found[Symbol.dispose]();
    return null;
  } catch {
    return null;
  }
}

/**
 * Opens a file to append to, and creates it with `mode` where it is missing.
 * Root goes where links lead that are root's own, and in a folder that others
 * can change opens plain files only that have no second name, and what root
 * itself has made there, such as a pipe.
 *
 * @throws {SystemError} When it may be another file than the one meant.
 * @throws {Error} What the system says.
 */
export function openToAppend(path: string, mode: number): Deno.FsFile {
  if (!isRoot()) {
    return Deno.openSync(path, { append: true, create: true, mode });
  }
  using place = placeOf(path, true);
  const { folder, name } = place;
  using found = folder.look(name);
  if (found === null) {
    const options = { append: true, createNew: true, mode };
    return Deno.openSync(folder.entry(name), options);
  }
  const { info } = found;
  if (folder.isDescriptor(name)) {
    return Deno.openSync(folder.entry(name), { append: true });
  }
  const trap = place.isPrivate ? null : whatIsWrong(info, folder);
  if (trap !== null) {
    throw new SystemError(
      `${trap}, and other users can change its folder, so root does not write there. Choose a folder that only root can change, or start as another user`,
    );
  }
  return Deno.openSync(found.path, { append: true });
}

/** Why a file may not be what it is taken for; null when all is well. */
function whatIsWrong(info: Deno.FileInfo, folder: Folder): string | null {
  if (info.isDirectory) return null; // the system refuses that itself
  if (info.isSymlink) return "it became a link meanwhile";
  if (info.nlink !== 1) return "the file has a second name (a hard link)";
  if (info.uid === 0) return null;
  if (!info.isFile) {
    return `it is no plain file and belongs to user ${info.uid}`;
  }
  // Anybody can put a file into such a folder, to read what is written then.
  return folder.isSticky && info.uid !== folder.owner
    ? `the file belongs to user ${info.uid}`
    : null;
}

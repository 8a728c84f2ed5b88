/**
 * Files by the bytes of their names, through the C library.
 *
 * On Linux a name is bytes, which need not be UTF-8, but Deno's functions take
 * and return text. In this program, a name is a string in which each byte that
 * is not part of valid UTF-8 is a lone surrogate, U+DC80 to U+DCFF (Python's
 * "surrogateescape", PEP 383). Such strings can be joined, compared and stored
 * like any other; Deno can use those that are `isWellFormed()`.
 */

import { type Libc, O_CLOEXEC, openLibc } from "./libc.ts";

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  access: { parameters: ["buffer", "i32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  statx: {
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
  },
  statfs: { parameters: ["buffer", "buffer"], result: "i32" },
  renameat2: {
    parameters: ["i32", "buffer", "i32", "buffer", "u32"],
    result: "i32",
    optional: true, // glibc 2.28
  },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

type Functions = Libc<typeof SYMBOLS>["symbols"];

/** Fails unless it is a directory: open(2). */
const O_DIRECTORY = Deno.build.arch === "aarch64" ? 0o40000 : 0o200000;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const RENAME_EXCHANGE = 2;
/** Modes of access(2): there, readable, writable. */
const F_OK = 0;
const R_OK = 4;
const W_OK = 2;
const STATX_BASIC_STATS = 0x7ff;
/** Words of 32 bits in `struct statx`. */
const STATX_WORDS = 64;
/** Words of 32 bits in `struct statfs`. */
const STATFS_WORDS = 30;
/** Bytes of the longest path (PATH_MAX). */
const MAX_PATH_BYTES = 4096;
/** Bytes of directory entries that are read at a time: about 1,000 entries. */
const ENTRY_BYTES = 32 * 1024;

/** Users of the library, which is open from its first call to their last. */
let holders = 0;
/** Undefined until the first call; null where it cannot be used. */
let loaded: Libc<typeof SYMBOLS> | null | undefined;

/**
 * Keeps the C library open, once a function here has opened it, until the
 * result is disposed of: opening it takes half a millisecond each time.
 */
export function holdFileLibrary(): Disposable {
  holders++;
  return HOLD;
}

/** The same for all holders, as there may be one for each of many files. */
const HOLD: Disposable = {
  [Symbol.dispose]() {
    if (--holders > 0) return;
    loaded?.close();
    loaded = undefined;
  },
};

/** False where each call would open and close it: Node is faster then. */
export function fileLibraryIsHeld(): boolean {
  return holders > 0;
}

/** Its functions while it is held; null where it cannot be used. */
function heldLibrary(): Functions | null {
  if (holders === 0) return null;
  if (loaded === undefined) loaded = openLibc(SYMBOLS);
  return loaded && loaded.symbols;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Valid UTF-8 in a string of bytes (Unicode 16, table 3-7), or one byte that
 * is not part of any.
 */
const RUN = new RegExp(
  "((?:[\\0-\\x7f]|[\\xc2-\\xdf][\\x80-\\xbf]" +
    "|\\xe0[\\xa0-\\xbf][\\x80-\\xbf]|\\xed[\\x80-\\x9f][\\x80-\\xbf]" +
    "|[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}" +
    "|\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}|[\\xf1-\\xf3][\\x80-\\xbf]{3}" +
    "|\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2})+)|[\\x80-\\xff]",
  "g",
);
const LONE = /[\udc80-\udcff]/gu;

/** The name whose bytes these are. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    let units = "";
    for (const byte of bytes) units += String.fromCharCode(byte);
    return decodeByteString(units);
  }
}

/** The same for bytes in a string, one per code unit. */
export function decodeByteString(units: string): string {
  return units.replace(
    RUN,
    (found, valid?: string) =>
      valid === undefined
        ? String.fromCharCode(0xdc00 + found.charCodeAt(0))
        : utf8.decode(Uint8Array.from(valid, (unit) => unit.charCodeAt(0))),
  );
}

/** The bytes of a name. Any other lone surrogate becomes U+FFFD. */
export function encodeName(name: string): Uint8Array<ArrayBuffer> {
  if (name.isWellFormed()) return encoder.encode(name);
  const bytes: number[] = [];
  let end = 0;
  for (const { 0: unit, index } of name.matchAll(LONE)) {
    bytes.push(
      ...encoder.encode(name.slice(end, index)),
      unit.charCodeAt(0) - 0xdc00,
    );
    end = index + 1;
  }
  bytes.push(...encoder.encode(name.slice(end)));
  return new Uint8Array(bytes);
}

/** Room for a path of ASCII, which most are. */
const asciiPath = new Uint8Array(MAX_PATH_BYTES);

/** `path` with a final NUL, as C takes it; valid until the next call. */
function cPath(path: string): Uint8Array<ArrayBuffer> {
  const { length } = path;
  if (length >= MAX_PATH_BYTES) return encodeName(`${path}\0`);
  for (let i = 0; i < length; i++) {
    const unit = path.charCodeAt(i);
    if (unit > 0x7f) return encodeName(`${path}\0`);
    asciiPath[i] = unit;
  }
  asciiPath[length] = 0;
  return asciiPath;
}

/** Names of the codes in errno(3) that callers distinguish. */
const CODES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  5: "EIO",
  6: "ENXIO",
  13: "EACCES",
  20: "ENOTDIR",
  23: "ENFILE",
  24: "EMFILE",
  36: "ENAMETOOLONG",
  40: "ELOOP",
  116: "ESTALE",
};

/** The system refuses access to a file. */
export class FileError extends Error {
  override readonly name = "FileError";

  /** @param code As Deno's errors have it, such as "ENOENT". */
  constructor(readonly code: string, path: string) {
    super(`${path.toWellFormed()} cannot be read (${code})`);
  }
}

/** The reason why the last function that was called failed. */
function lastError(libc: Functions, path: string): FileError {
  const place = libc.__errno_location()!;
  const number = new Deno.UnsafePointerView(place).getInt32();
  return new FileError(CODES[number] ?? `errno ${number}`, path);
}

/**
 * Opens `path`, whatever its bytes. The caller closes the descriptor.
 *
 * @param flags Of open(2); O_CLOEXEC is added.
 * @returns null where the C library cannot be used
 * @throws {FileError}
 */
export function openDescriptor(path: string, flags: number): number | null {
  using _held = holdFileLibrary();
  const libc = heldLibrary();
  if (libc === null) return null;
  const descriptor = libc.open(cPath(path), flags | O_CLOEXEC);
  if (descriptor < 0) throw lastError(libc, path);
  return descriptor;
}

/** Closes a descriptor of {@linkcode openDescriptor}. */
export function closeDescriptor(descriptor: number): void {
  using _held = holdFileLibrary();
  heldLibrary()?.close(descriptor);
}

/**
 * The target of the symbolic link at `path`, whatever its bytes.
 *
 * @returns null where the C library cannot be used
 * @throws {FileError}
 */
export function readLinkName(path: string): string | null {
  using _held = holdFileLibrary();
  const libc = heldLibrary();
  if (libc === null) return null;
  const buffer = new Uint8Array(MAX_PATH_BYTES);
  const length = libc.readlink(cPath(path), buffer, BigInt(MAX_PATH_BYTES));
  if (length < 0) throw lastError(libc, path);
  return decodeName(buffer.subarray(0, Number(length)));
}

/**
 * Whether this process may read `path`, whatever its bytes, without
 * opening it; null where the C library cannot be used.
 */
export function isReadable(path: string): boolean | null {
  return mayAccess(path, R_OK);
}

/**
 * The same for its existence; a link is followed. Null, too, for a name that
 * Node can use while nobody holds the library.
 */
export function fileExists(path: string): boolean | null {
  return holders === 0 && path.isWellFormed() ? null : mayAccess(path, F_OK);
}

/** The same for writing to a directory or file. */
export function isWritable(path: string): boolean | null {
  return mayAccess(path, W_OK);
}

function mayAccess(path: string, mode: number): boolean | null {
  using _held = holdFileLibrary();
  const failed = heldLibrary()?.access(cPath(path), mode);
  return failed === undefined ? null : failed === 0;
}

/**
 * Exchanges the names of two files or directories at once (rename(2)); false
 * where the library, the kernel or the file system cannot, or either is missing.
 */
export function exchangeNames(a: string, b: string): boolean {
  using _held = holdFileLibrary();
  const libc = heldLibrary();
  return libc?.renameat2?.(
    AT_FDCWD,
    encodeName(`${a}\0`),
    AT_FDCWD,
    encodeName(`${b}\0`),
    RENAME_EXCHANGE,
  ) === 0;
}

/** What stat(2) tells of a file. Times are milliseconds since 1970. */
export interface FileStat {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  readonly mtime: number;
  readonly ctime: number;
}

const words = new Uint32Array(STATX_WORDS);
const wordBytes = new Uint8Array(words.buffer);
const halves = new Uint16Array(words.buffer);

/**
 * The stat of `path`, whatever its bytes. Takes a third of the time of Deno's
 * functions, which create a Date for each timestamp.
 *
 * @param follow Whether to follow a symbolic link at `path` itself.
 * @returns null where the C library cannot be used
 * @throws {FileError}
 */
export function statName(path: string, follow = true): FileStat | null {
  if (holders === 0) {
    using _held = holdFileLibrary();
    return statName(path, follow);
  }
  // Holding it once more would take a third longer.
  const libc = heldLibrary();
  if (libc === null) return null;
  if (!statx(libc, cPath(path), follow ? 0 : AT_SYMLINK_NOFOLLOW)) {
    throw lastError(libc, path);
  }
  const mode = halves[14];
  const type = mode & 0o170000;
  return {
    isFile: type === 0o100000,
    isDirectory: type === 0o040000,
    isSymlink: type === 0o120000,
    mode: mode & 0o7777,
    size: words[10] + words[11] * 2 ** 32,
    mtime: timeAt(14),
    ctime: timeAt(12),
  };
}

/**
 * The type of the file system that holds `path`, as statfs(2) has it; null where
 * the C library cannot be used, or nobody holds it.
 *
 * @throws {FileError}
 */
export function fileSystemType(path: string): number | null {
  const libc = heldLibrary();
  if (libc === null) return null;
  const found = new Uint32Array(STATFS_WORDS);
  if (libc.statfs(cPath(path), found) !== 0) throw lastError(libc, path);
  return found[0];
}

/** Milliseconds of a time that begins at the given word of 64 bits. */
function timeAt(index: number): number {
  // The upper half is signed: times before 1970 are negative.
  const seconds = (words[2 * index + 1] | 0) * 2 ** 32 + words[2 * index];
  return seconds * 1000 + words[2 * index + 2] / 1e6;
}

/** Fills `words`; false if there is nothing at `path`. */
function statx(
  libc: Functions,
  path: Uint8Array<ArrayBuffer>,
  flags: number,
): boolean {
  return libc.statx(AT_FDCWD, path, flags, STATX_BASIC_STATS, wordBytes) === 0;
}

/**
 * The words of `struct statx` for `path`, which ends with a NUL; they are valid
 * until the next call. Null if there is nothing, or nobody holds the library.
 */
export function statWords(
  path: Uint8Array<ArrayBuffer>,
): Readonly<Uint32Array> | null {
  const libc = heldLibrary();
  return libc !== null && statx(libc, path, 0) ? words : null;
}

/** An entry of a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
}

/** Types of entries as getdents64(2) gives them. */
const DT = { unknown: 0, directory: 4, file: 8, link: 10 } as const;

/**
 * Reads the directory at `path`, whatever the bytes of its names, in chunks of
 * about 1,000 entries. Where the C library cannot be used, names that are not
 * UTF-8 contain U+FFFD, as Deno returns them, and cannot be opened.
 *
 * @throws {FileError} As do the functions of Deno.
 */
export function* readDirectory(path: string): Generator<DirectoryEntry[]> {
  using _held = holdFileLibrary();
  const libc = heldLibrary();
  if (libc === null) return yield [...Deno.readDirSync(path)];
  const descriptor = openDescriptor(path, O_DIRECTORY)!;
  try {
    const buffer = new Uint8Array(ENTRY_BYTES);
    while (true) {
      const length = Number(
        libc.getdents64(descriptor, buffer, BigInt(ENTRY_BYTES)),
      );
      if (length < 0) throw lastError(libc, path);
      if (length === 0) return;
      yield entriesIn(buffer.subarray(0, length), path);
    }
  } finally {
    libc.close(descriptor);
  }
}

/** The entries in a buffer of `struct linux_dirent64`. */
function entriesIn(buffer: Uint8Array, path: string): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const { buffer: memory, byteOffset, length } = buffer;
  const view = new DataView(memory, byteOffset, length);
  for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
    const start = at + 19;
    const name = decodeName(buffer.subarray(start, buffer.indexOf(0, start)));
    if (name === "." || name === "..") continue;
    const type = buffer[at + 18];
    entries.push(
      type === DT.unknown ? statEntry(`${path}/`, name) : {
        name,
        isFile: type === DT.file,
        isDirectory: type === DT.directory,
        isSymlink: type === DT.link,
      },
    );
  }
  return entries;
}

/** For file systems whose entries have no types. */
function statEntry(directory: string, name: string): DirectoryEntry {
  try {
    const { isFile, isDirectory, isSymlink } = statName(
      directory + name,
      false,
    )!;
    return { name, isFile, isDirectory, isSymlink };
  } catch {
    return { name, isFile: false, isDirectory: false, isSymlink: false };
  }
}

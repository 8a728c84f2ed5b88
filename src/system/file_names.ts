/**
 * Files by the bytes of their names, through the C library.
 *
 * On Linux a name is bytes, which need not be UTF-8; Deno's functions take and
 * give text. In this program such a name is a string in which each byte that
 * is not part of valid UTF-8 is a lone surrogate, U+DC80 to U+DCFF (Python's
 * "surrogateescape", PEP 383). These strings can be joined, compared and kept
 * like any other; `name.isWellFormed()` tells whether Deno can take a name.
 *
 * @module
 */

import { O_CLOEXEC, openLibc } from "./libc.ts";

const SYMBOLS = {
  // Variadic in C, which makes no difference for two arguments on Linux.
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  access: { parameters: ["buffer", "i32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  statx: {
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
  },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

/** Flags of open(2), which may be added up. */
const O_DIRECTORY = Deno.build.arch === "aarch64" ? 0o40000 : 0o200000;
/** A descriptor that stands for a file without opening it. */
export const O_PATH = 0o10000000;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** For access(2): may be read, may be written. */
const R_OK = 4;
const W_OK = 2;
const STATX_BASIC_STATS = 0x7ff;
/** Words of 32 bits in `struct statx`. */
const STATX_WORDS = 64;
/** Bytes of the longest path (PATH_MAX). */
const LONGEST_PATH = 4096;
/** Bytes of directory entries that are read at a time: about 1,000 entries. */
const ENTRY_BYTES = 32 * 1024;

/** How many hold the library open. */
let holders = 0;
/** Open from its first use on while it is held; null where it cannot be had. */
let held: Library | null | undefined;

/**
 * Keeps the C library open from its first use on until this is disposed of:
 * for servers, as opening it takes half a millisecond each time.
 */
export function holdFileLibrary(): Disposable {
  holders++;
  return {
    [Symbol.dispose]() {
      if (--holders > 0) return;
      held?.close();
      held = undefined;
    },
  };
}

/** The library while it is held; null where it cannot be had. */
function heldLibrary(): Library | null {
  if (holders === 0) return null;
  if (held === undefined) held = openLibc(SYMBOLS);
  return held;
}

/** The library, to be given back. */
function useLibrary(): (Disposable & { library: Library }) | null {
  const library = heldLibrary();
  if (library !== null) return { library, [Symbol.dispose]() {} };
  const opened = held === null ? null : openLibc(SYMBOLS);
  return opened &&
    { library: opened, [Symbol.dispose]: () => opened.close() };
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

/** The name that these bytes are. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    let units = "";
    for (const byte of bytes) units += String.fromCharCode(byte);
    return decodeByteString(units);
  }
}

/** The name that a string of bytes, one code unit each, is. */
export function decodeByteString(units: string): string {
  return units.replace(
    RUN,
    (found, valid?: string) =>
      valid === undefined
        ? String.fromCharCode(0xdc00 + found.charCodeAt(0))
        : utf8.decode(Uint8Array.from(valid, (unit) => unit.charCodeAt(0))),
  );
}

/** The bytes of a name. Other lone surrogates than those become U+FFFD. */
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

/** `path` as C takes it. */
function cPath(path: string): Uint8Array<ArrayBuffer> {
  return encodeName(`${path}\0`);
}

/** Numbers of errno(3) that are told apart. */
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

/** A file that the system does not give. */
export class FileError extends Error {
  override readonly name = "FileError";

  /** @param code As Deno's errors have it, such as "ENOENT". */
  constructor(readonly code: string, path: string) {
    super(`${path.toWellFormed()} cannot be read (${code})`);
  }
}

/** Why the function that was just called failed. */
function lastError({ symbols }: Library, path: string): FileError {
  const place = symbols.__errno_location()!;
  const number = new Deno.UnsafePointerView(place).getInt32();
  return new FileError(CODES[number] ?? `errno ${number}`, path);
}

/**
 * Opens `path`, whatever its bytes. The descriptor is the caller's to close.
 *
 * @param flags Of open(2); O_CLOEXEC is added.
 * @returns null where the C library cannot be had
 * @throws {FileError}
 */
export function openDescriptor(path: string, flags: number): number | null {
  using used = useLibrary();
  if (used === null) return null;
  const { library } = used;
  const descriptor = library.symbols.open(cPath(path), flags | O_CLOEXEC);
  if (descriptor < 0) throw lastError(library, path);
  return descriptor;
}

/** Closes what {@linkcode openDescriptor} opened. */
export function closeDescriptor(descriptor: number): void {
  using used = useLibrary();
  used?.library.symbols.close(descriptor);
}

/**
 * Where the symbolic link at `path` leads, whatever its bytes.
 *
 * @returns null where the C library cannot be had
 * @throws {FileError}
 */
export function readLinkName(path: string): string | null {
  using used = useLibrary();
  if (used === null) return null;
  const { library } = used;
  const buffer = new Uint8Array(LONGEST_PATH);
  const length = library.symbols.readlink(
    cPath(path),
    buffer,
    BigInt(LONGEST_PATH),
  );
  if (length < 0) throw lastError(library, path);
  return decodeName(buffer.subarray(0, Number(length)));
}

/**
 * Tells whether this process may read what is at `path`, whatever its bytes,
 * without opening it.
 *
 * @returns null where the C library cannot be had
 */
export function isReadable(path: string): boolean | null {
  return mayAccess(path, R_OK);
}

/** The same for writing, into a folder or a file. */
export function isWritable(path: string): boolean | null {
  return mayAccess(path, W_OK);
}

function mayAccess(path: string, mode: number): boolean | null {
  using used = useLibrary();
  if (used === null) return null;
  return used.library.symbols.access(cPath(path), mode) === 0;
}

/** What is known of a file. Times are milliseconds since 1970. */
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
const seconds = new BigInt64Array(words.buffer);

/**
 * Looks at what is at `path`, whatever its bytes: in a third of the time that
 * Deno needs, which makes dates of all times.
 *
 * @param follow Whether a symbolic link stands for what it leads to.
 * @returns null where the C library cannot be had
 * @throws {FileError}
 */
export function statName(path: string, follow = true): FileStat | null {
  using used = useLibrary();
  if (used === null) return null;
  const { library } = used;
  const flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
  const failed = library.symbols.statx(
    AT_FDCWD,
    cPath(path),
    flags,
    STATX_BASIC_STATS,
    wordBytes,
  );
  if (failed !== 0) throw lastError(library, path);
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

/** Seconds and nanoseconds, at the given word of 64 bits. */
function timeAt(index: number): number {
  return Number(seconds[index]) * 1000 + words[2 * index + 2] / 1e6;
}

/**
 * Looks at `path` for {@linkcode FileLook}: the words of `struct statx`, which
 * the next look changes; null where nothing is there or nobody holds the
 * library.
 */
export function statWords(
  path: Uint8Array<ArrayBuffer>,
): Readonly<Uint32Array> | null {
  return heldLibrary()?.symbols.statx(
      AT_FDCWD,
      path,
      0,
      STATX_BASIC_STATS,
      wordBytes,
    ) === 0
    ? words
    : null;
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
 * Reads the directory at `path`, whatever the bytes of its names, in pieces of
 * about 1,000 entries: between two of them others may have their turn. Deno's
 * own functions give names that are not UTF-8 with U+FFFD in them, which lead
 * nowhere; so does this where the C library cannot be had.
 *
 * @throws {FileError} As do the functions of Deno.
 */
export function* readDirectory(path: string): Generator<DirectoryEntry[]> {
  using used = useLibrary();
  if (used === null) {
    yield [...Deno.readDirSync(path)];
    return;
  }
  const { library } = used;
  const descriptor = library.symbols.open(
    cPath(path),
    O_DIRECTORY | O_CLOEXEC,
  );
  if (descriptor < 0) throw lastError(library, path);
  try {
    const buffer = new Uint8Array(ENTRY_BYTES);
    while (true) {
      const length = Number(
        library.symbols.getdents64(descriptor, buffer, BigInt(ENTRY_BYTES)),
      );
      if (length < 0) throw lastError(library, path);
      if (length === 0) return;
      yield entriesIn(buffer.subarray(0, length), path);
    }
  } finally {
    library.symbols.close(descriptor);
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
    if (type === DT.unknown) {
      entries.push(entryOf(`${path}/`, name));
      continue;
    }
    entries.push({
      name,
      isFile: type === DT.file,
      isDirectory: type === DT.directory,
      isSymlink: type === DT.link,
    });
  }
  return entries;
}

/** Some file systems do not say what an entry is. */
function entryOf(folder: string, name: string): DirectoryEntry {
  try {
    const { isFile, isDirectory, isSymlink } = statName(folder + name, false)!;
    return { name, isFile, isDirectory, isSymlink };
  } catch {
    return { name, isFile: false, isDirectory: false, isSymlink: false };
  }
}

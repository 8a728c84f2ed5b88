/**
 * The cache of small files: reading, revalidation and eviction.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import type { RequestReader } from "../disconnect.ts";
import type { DocumentRoot, Opened, OpenedFile } from "./document_root.ts";
import { isAscii } from "./request_path.ts";
import { isSettled } from "../../http/etags.ts";
import { markImmutable } from "../../pagi/constant_bytes.ts";
import type { HeaderList } from "../../pagi/types.ts";
import { FileStamp, isSameVersion } from "../../system/file_stamp.ts";

/** The largest file in the cache, in bytes. */
export const MAX_CACHED_FILE_BYTES = 128 * 1024;

/** One version of a file, as header fields show it. */
export interface FileVersion {
  /** Its entity tag; null if versions cannot be told apart. */
  readonly tag: string | null;
  /** Milliseconds, in whole seconds; null if the time cannot be used. */
  readonly lastModified: number | null;
  /** The value of `last-modified`, if any. */
  readonly date: string | null;
}

/** The response to a GET without conditions and range. */
export interface CachedResponse {
  readonly headers: HeaderList;
  /** Only for requests without `accept-encoding`. */
  readonly uncodedOnly: boolean;
}

/** The content of a file at one moment; nothing to close. */
export class SmallFile implements Disposable {
  /** Tells it from files and folders that are open. */
  readonly kind = "small";
  /** Its validators, once known. */
  version: FileVersion | null = null;
  /** The response with all of it, once known. */
  response: CachedResponse | null = null;
  /** Its `content-type`, once known. */
  type: string | null = null;
  /** The file that this was last found to be a compressed copy of, or not. */
  copied: { of: SmallFile; same: boolean } | null = null;
  #gzipped: Uint8Array | null = null;

  /**
   * @param stable It did not change while it was read, and has as many bytes
   * as the system says.
   */
  constructor(
    readonly info: Deno.FileInfo,
    readonly bytes: Uint8Array,
    readonly stable: boolean = true,
  ) {
    markImmutable(bytes);
  }

  /** The file compressed with gzip. */
  get gzipped(): Uint8Array {
    if (this.#gzipped === null) {
      this.#gzipped = new Uint8Array(gzipSync(this.bytes));
      markImmutable(this.#gzipped);
    }
    return this.#gzipped;
  }

  /** Does nothing, as for a file that is open. */
  [Symbol.dispose](): void {}
}

/** How often a file that changes meanwhile is read again. */
const ATTEMPTS = 3;

/**
 * Reads an open file; null if it is too large. Of a file that keeps changing,
 * the last attempt counts. Sizes in /proc and /sys are not used: they are 0 or
 * one page, whatever the content (proc(5)).
 */
export function readSmallFile({ file, info }: OpenedFile): SmallFile | null {
  let before = info;
  for (let attempt = 1;; attempt++) {
    if (before.size > MAX_CACHED_FILE_BYTES) return null;
    const buffer = new Uint8Array(before.size || MAX_CACHED_FILE_BYTES + 1);
    const count = readAt(file, buffer, 0);
    // Nothing keeps a buffer that is longer than what was read.
    const bytes = count < buffer.length ? buffer.slice(0, count) : buffer;
    const after = file.statSync();
    if (isSameVersion(before, after)) {
      if (count > MAX_CACHED_FILE_BYTES) return null;
      return new SmallFile(after, bytes, count === before.size);
    }
    if (attempt === ATTEMPTS) return new SmallFile(after, bytes, false);
    before = after;
  }
}

/** Reads of {@linkcode readSmallFileSlowly} that are under way. */
let slowReads = 0;
/**
 * The most at a time: each blocks one of Deno's 32 threads for files until the
 * system answers, even if the client has disconnected.
 */
const MAX_SLOW_READS = 8;

/**
 * The same for a file whose read may block; what is too large leaves its first
 * bytes in `head`.
 *
 * @returns "busy" when too many such reads are under way; "left" when the
 * client left first: the file is closed when the read ends
 */
async function readSmallFileSlowly(
  opened: OpenedFile,
  client: RequestReader,
): Promise<SmallFile | null | "busy" | "left"> {
  if (slowReads >= MAX_SLOW_READS) return "busy";
  const { file, info } = opened;
  const read = async () => {
    const buffer = new Uint8Array(MAX_CACHED_FILE_BYTES + 1);
    let filled = 0;
    while (filled < buffer.length) {
      const count = await file.read(buffer.subarray(filled));
      if (count === null) break;
      filled += count;
      // What waits for events has no end.
      if (client.disconnected) return null;
    }
    if (filled > MAX_CACHED_FILE_BYTES) {
      opened.head = buffer;
      return null;
    }
    const after = await file.stat();
    const stable = isSameVersion(info, after) && filled === info.size;
    return new SmallFile(after, buffer.slice(0, filled), stable);
  };
  slowReads++;
  const reading = read().finally(() => slowReads--);
  const close = () => opened[Symbol.dispose]();
  try {
    const small = await Promise.race([
      reading,
      client.disconnect.then(() => "left" as const),
    ]);
    if (small === "left") reading.then(close, close);
    return small;
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Fills `buffer` with what is at `position`, wherever the file stands.
 *
 * @returns The bytes read: fewer than asked for at the end of the file.
 */
export function readAt(
  file: Deno.FsFile,
  buffer: Uint8Array,
  position: number,
): number {
  file.seekSync(position, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < buffer.length) {
    const count = file.readSync(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return filled;
}

/** Bytes of the whole cache. */
const CAPACITY = 32 * 1024 * 1024;
/** Bytes of an entry besides the content and its compressed form. */
const OVERHEAD = 1024;
/**
 * Milliseconds for which a stat is enough. Then the file is opened and read
 * again: a parent folder may have been replaced, and writes through mmap do not
 * update the times at once (mmap(2)).
 */
const REVALIDATE_MS = 1000;

/** A file in memory. */
interface CacheEntry {
  readonly file: SmallFile;
  /** At where it was found. */
  readonly stamp: FileStamp;
  /** Since when a look is enough, in milliseconds since 1970. */
  readonly since: number;
  /** Bytes that it takes. */
  readonly weight: number;
}

/**
 * Opens files beneath a root, and keeps small ones in memory. Each is looked
 * at before it is given out again, so a change shows at once.
 */
export class FileCache {
  readonly #root: DocumentRoot;
  readonly #capacity: number;
  /** By path beneath the root, those read last at the end. */
  readonly #entries = new Map<string, CacheEntry>();
  #bytes = 0;

  constructor(root: DocumentRoot, capacity: number = CAPACITY) {
    this.#root = root;
    this.#capacity = capacity;
  }

  /** Bytes that the files in memory take, rather more than less. */
  get bytes(): number {
    return this.#bytes;
  }

  /** As {@linkcode DocumentRoot.open}, but small files are in memory. */
  open(path: string): Opened | SmallFile {
    const entry = this.#entries.get(path);
    if (entry === undefined) return this.#read(path, null);
    if (isCurrent(entry)) return entry.file;
    this.#remove(path, entry);
    return this.#read(path, entry.file);
  }

  /**
   * What {@linkcode open} does for a file that it gave out because reading it
   * may block; see {@linkcode readSmallFileSlowly}.
   */
  async readSlowly(
    path: string,
    opened: OpenedFile,
    client: RequestReader,
  ): Promise<OpenedFile | SmallFile | "busy" | "left"> {
    const now = Date.now();
    const file = await readSmallFileSlowly(opened, client);
    if (file === null) return opened;
    return typeof file === "string" ? file : this.#keep(path, file, null, now);
  }

  /**
   * The file at the path of a request, as a scope has it; null unless it is in
   * memory. What is hidden is not found. Whether it {@linkcode isCurrent} is
   * still to be asked.
   */
  cached(path: string): CacheEntry | null {
    if (!path.startsWith("/") || path.includes("/.")) return null;
    const entry = this.#entries.get(path.slice(1));
    // Beyond ASCII, it is still to be found out what the path means.
    return entry !== undefined && isAscii(path) ? entry : null;
  }

  #read(path: string, known: SmallFile | null): Opened | SmallFile {
    const now = Date.now();
    const opened = this.#root.open(path);
    if (typeof opened === "number" || opened.kind === "directory") {
      return opened;
    }
    const file = opened.mayBlock ? null : readSmallFile(opened);
    if (file === null) return opened;
    opened[Symbol.dispose]();
    return this.#keep(path, file, known, now);
  }

  /** @param now When the file was opened. */
  #keep(
    path: string,
    file: SmallFile,
    known: SmallFile | null,
    now: number,
  ): SmallFile {
    // Another change could leave the same times, of which this one is in
    // whole seconds and cannot be set.
    const { ctime } = file.info;
    if (
      !file.stable || ctime === null || !isSettled(ctime.getTime(), now)
    ) return file;
    const kept = known !== null && isSameFile(known, file) ? known : file;
    this.#add(path, {
      file: kept,
      stamp: new FileStamp(this.#root.pathOf(path), file.info),
      since: now,
      weight: 2 * (kept.bytes.length + path.length) + OVERHEAD,
    });
    return kept;
  }

  #add(path: string, entry: CacheEntry): void {
    this.#entries.set(path, entry);
    this.#bytes += entry.weight;
    // They are read again and again while they are asked for: the first ones
    // are those that nobody asked for lately.
    for (const [first, oldest] of this.#entries) {
      if (this.#bytes <= this.#capacity) break;
      this.#remove(first, oldest);
    }
  }

  #remove(path: string, entry: CacheEntry): void {
    this.#entries.delete(path);
    this.#bytes -= entry.weight;
  }
}

/** Tells, by a look at it, whether a file is still as it is in memory. */
export function isCurrent({ stamp, since }: CacheEntry): boolean {
  const age = Date.now() - since;
  // The clock may have been set back.
  return age >= 0 && age < REVALIDATE_MS && stamp.isUnchanged();
}

function isSameFile(a: SmallFile, b: SmallFile): boolean {
  return isSameVersion(a.info, b.info) &&
    Buffer.compare(a.bytes, b.bytes) === 0;
}

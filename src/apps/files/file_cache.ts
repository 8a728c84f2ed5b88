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
import { AT, count } from "../../metrics/counters.ts";
import type { HeaderList } from "../../pagi/types.ts";
import { FileStamp, isSameVersion } from "../../system/file_stamp.ts";

/** The largest file in the cache, in bytes. */
export const MAX_CACHED_FILE_BYTES = 128 * 1024;

/** The validators of one version of a file. */
export interface FileVersion {
  /** Its entity tag; null if versions cannot be distinguished. */
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

/** The content of a file at one moment. */
export class SmallFile implements Disposable {
  readonly kind = "small";
  /** These are null until they are needed: its validators, … */
  version: FileVersion | null = null;
  /** … the response with all of it, … */
  response: CachedResponse | null = null;
  /** … its `content-type`, … */
  type: string | null = null;
  /** … and whether it is a compressed copy of the last file compared to it. */
  copied: { of: SmallFile; same: boolean } | null = null;
  #gzipped: Uint8Array | null = null;

  /**
   * @param stable It did not change while it was read, and has the size that
   * the system reports.
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

  /** Does nothing: unlike an open file, it need not be closed. */
  [Symbol.dispose](): void {}
}

/** Attempts to read a file that changes meanwhile. */
const MAX_ATTEMPTS = 3;

/**
 * Reads an open file; null if it is too large. If it keeps changing, the last
 * attempt counts. Sizes in /proc and /sys are ignored: they are 0 or one page,
 * whatever the content (proc(5)).
 */
export function readSmallFile({ file, info }: OpenedFile): SmallFile | null {
  let before = info;
  for (let attempt = 1;; attempt++) {
    if (before.size > MAX_CACHED_FILE_BYTES) return null;
    const buffer = new Uint8Array(before.size || MAX_CACHED_FILE_BYTES + 1);
    const count = readAt(file, buffer, 0);
    // A subarray would keep the whole buffer in memory.
    const bytes = count < buffer.length ? buffer.slice(0, count) : buffer;
    const after = file.statSync();
    if (isSameVersion(before, after)) {
      if (count > MAX_CACHED_FILE_BYTES) return null;
      return new SmallFile(after, bytes, count === before.size);
    }
    if (attempt === MAX_ATTEMPTS) return new SmallFile(after, bytes, false);
    before = after;
  }
}

/** Running calls of {@linkcode readSmallFileSlowly}. */
let slowReads = 0;
/**
 * Each one blocks one of Deno's 32 threads for files until the system answers,
 * even if the client has disconnected.
 */
const MAX_SLOW_READS = 8;

/**
 * The same for a file whose read may block. The first bytes of one that is too
 * large are stored in its `head`.
 *
 * @returns "busy" if too many such reads are running; "left" if the client left
 * first, in which case the file is closed when the read ends
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
      // A file that delivers events has no end.
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
 * Up to `length` bytes at `position`, fewer at the end of the file; null if
 * reading them may block.
 */
export function bytesAt(
  opened: OpenedFile | SmallFile,
  position: number,
  length: number,
): Uint8Array | null {
  const end = position + length;
  if (opened.kind === "small") return opened.bytes.subarray(position, end);
  if (opened.mayBlock) {
    const { head } = opened;
    return head && end <= head.length ? head.subarray(position, end) : null;
  }
  const buffer = new Uint8Array(length);
  return buffer.subarray(0, readAt(opened.file, buffer, position));
}

/** Fills `buffer` from `position` on; returns the number of bytes read. */
function readAt(
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
/** Bytes of an entry besides its content and the compressed form. */
const OVERHEAD = 1024;
/** A file in memory. */
export interface CacheEntry {
  readonly file: SmallFile;
  readonly stamp: FileStamp;
  /** Bytes of memory. */
  readonly weight: number;
}

/**
 * Opens files beneath a root, and caches small ones. Each use revalidates them,
 * so a change shows at once.
 */
export class FileCache {
  readonly #root: DocumentRoot;
  readonly #capacity: number;
  /** By path beneath the root, in the order of reading. */
  readonly #entries = new Map<string, CacheEntry>();
  #bytes = 0;

  constructor(root: DocumentRoot, capacity: number = CAPACITY) {
    this.#root = root;
    this.#capacity = capacity;
  }

  /** An upper bound of the memory that the cached files take, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** As {@linkcode DocumentRoot.open}, but small files are cached. */
  open(path: string): Opened | SmallFile {
    const entry = this.#entries.get(path);
    if (entry === undefined) {
      count(AT.cacheMisses);
      return this.#read(path, null);
    }
    if (entry.stamp.isCurrent()) {
      count(AT.cacheHits);
      return entry.file;
    }
    count(AT.cacheMisses);
    this.#remove(path, entry);
    return this.#read(path, entry.file);
  }

  /** The file at `path`; null for anything else, and if the system fails. */
  tryOpen(path: string): OpenedFile | SmallFile | null {
    try {
      const opened = this.open(path);
      if (typeof opened === "number") return null;
      if (opened.kind !== "directory") return opened;
      opened[Symbol.dispose]();
    } catch {
      // The caller does without it.
    }
    return null;
  }

  /**
   * Caches a file that {@linkcode open} returned open because reading it may
   * block; see {@linkcode readSmallFileSlowly}.
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
   * The cached file at the `path` of a scope, unless it is hidden; or null. The
   * caller checks whether its stamp is current.
   */
  cached(path: string): CacheEntry | null {
    if (!path.startsWith("/") || path.includes("/.")) return null;
    const entry = this.#entries.get(path.slice(1));
    // Other paths may have to be decoded in another way.
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
    // Until its ctime is settled, another change could leave the same times.
    // Unlike the mtime, no tool can set it.
    const { ctime } = file.info;
    if (!file.stable || ctime === null || !isSettled(ctime.getTime(), now)) {
      return file;
    }
    const kept = known !== null && hasSameContent(known, file) ? known : file;
    this.#add(path, {
      file: kept,
      stamp: new FileStamp(this.#root.pathOf(path), file.info, now),
      weight: 2 * (kept.bytes.length + path.length) + OVERHEAD,
    });
    return kept;
  }

  #add(path: string, entry: CacheEntry): void {
    this.#entries.set(path, entry);
    this.#bytes += entry.weight;
    // Files in use are read again every second and added at the end, so the
    // first one is the least recently used.
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

function hasSameContent(a: SmallFile, b: SmallFile): boolean {
  return isSameVersion(a.info, b.info) &&
    Buffer.compare(a.bytes, b.bytes) === 0;
}

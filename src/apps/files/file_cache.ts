/** The cache of small files: revalidation and eviction. */

import { node } from "../../std/node.ts";
import type { RequestReader } from "../disconnect.ts";
import { statOf } from "./directory_cache.ts";
import {
  type DocumentRoot,
  isAbsence,
  type Opened,
  type OpenedFile,
} from "./document_root.ts";
import { isAscii } from "./request_path.ts";
import { isSettled } from "../../http/etags.ts";
import { AT, count } from "../../metrics/counters.ts";
import type { ReadyRequest } from "../../pagi/ready_answers.ts";
import {
  MAX_CACHED_FILE_BYTES,
  readSmallFile,
  readSmallFileSlowly,
  type ReadyFile,
  type SmallFile,
} from "./small_file.ts";
import {
  areCurrent,
  FileStamp,
  isSameVersion,
} from "../../system/file_stamp.ts";

/**
 * The largest file that is cached when it is asked for again within
 * {@linkcode RECENT_MS}: the system has it in memory, so nobody waits for a disk.
 */
export const MAX_REPEATED_FILE_BYTES = 1024 * 1024;
const RECENT_MS = 10_000;
/**
 * While the cache is full, only one in so many larger files evicts others. If more
 * are in use than fit, most of the cached ones stay: otherwise each would be
 * evicted before its next request, and read from the disk for every one.
 */
const CACHED_OF = 16;

/** Bytes of the whole cache. */
const CAPACITY = 32 * 1024 * 1024;
/** Bytes of an entry besides its content and the compressed form. */
const OVERHEAD = 1024;
/** Bytes of the answers for certain codings besides their body. */
const READY_BYTES = 1536;
/** Combinations of codings for which a file keeps answers; clients choose them. */
const MAX_READY = 4;
/** Folders whose stamps are kept, and addresses of files. */
const MAX_KEPT = 1000;

/** Bytes from memory that are sent as streams, counted for each client. */
let lent = 0;
/** How many may be when another larger file comes into memory. */
const MAX_LENT = CAPACITY;

/**
 * Counts bytes that a slow client keeps in memory, whether or not they are still
 * cached, until the result is disposed of.
 */
export function lendBytes(count: number): Disposable {
  lent += count;
  return { [Symbol.dispose]: () => void (lent -= count) };
}

/** An address at which a file is found that has another path. */
export interface Alias {
  /** Beneath the root, such as "docs/" for "docs/index.html". */
  readonly address: string;
  /** Paths that would be found there first, if there were something. */
  readonly before: readonly string[];
}

/** A file in memory. */
export interface CacheEntry {
  readonly file: SmallFile;
  readonly stamp: FileStamp;
  /** True if its path means the same as text and as bytes. */
  readonly isAscii: boolean;
  /** Bytes of memory, which {@linkcode FileCache} alone sets. */
  weight: number;
}

/** An upper bound of the memory of a file at `path`, in bytes. */
function weightOf(path: string, { bytes, ready }: SmallFile): number {
  let weight = 2 * (bytes.length + path.length) + OVERHEAD;
  for (const { whole: { body } } of ready.values()) {
    weight += READY_BYTES + (body === null || body === bytes ? 0 : body.length);
  }
  return weight;
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
  /**
   * Goes through all that was added and not removed. A new iterator would pass
   * all that was removed from a large map.
   */
  #oldest = this.#entries.entries();
  /** By path beneath the root. */
  readonly #folders = new Map<string, FileStamp>();
  /** By address; the stamps are current while nothing is found there first. */
  readonly #aliases = new Map<
    string,
    { readonly path: string; readonly stamps: readonly FileStamp[] }
  >();
  /** When larger files were asked for (ms since 1970), by path. */
  readonly #asked = new Map<string, number>();
  /** Larger files that have found no room. */
  #rejected = 0;
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
   * The cached file at the path or alias that a request names, unless that is
   * hidden; or null. The caller checks whether its stamp is current.
   */
  cached(request: ReadyRequest): CacheEntry | null {
    const { path } = request;
    if (!path.startsWith("/") || path.includes("/.")) return null;
    const entry = this.#entries.get(path.slice(1)) ??
      this.#aliased(path, request);
    // Other paths may have to be decoded in another way.
    return entry?.isAscii ? entry : null;
  }

  #aliased(path: string, request: ReadyRequest): CacheEntry | undefined {
    const alias = this.#aliases.get(path.slice(1));
    if (alias === undefined) return undefined;
    const { rawPath } = request;
    // At "/docs%2F", and where it is mounted without "/", the app redirects.
    if (rawPath.includes("%") || !rawPath.endsWith(path)) return undefined;
    return areCurrent(alias.stamps) ? this.#entries.get(alias.path) : undefined;
  }

  /** The stamp of the cached `file` at `path`; null if it is not cached. */
  stampOf(path: string, file: SmallFile): FileStamp | null {
    const entry = this.#entries.get(path);
    return entry?.file === file ? entry.stamp : null;
  }

  /**
   * Stamps that are current while nothing is at `paths`: those of their folders.
   * Null if something is there, which may change without its folder, or if a
   * folder cannot be stamped.
   */
  stampAbsence(paths: readonly string[]): readonly FileStamp[] | null {
    const stamps = new Set<FileStamp>();
    for (const path of paths) {
      // Taken first, so that it shows what changes after the second look.
      const stamp = this.#folderStamp(path);
      if (stamp === null || this.#hasName(path)) return null;
      stamps.add(stamp);
    }
    return [...stamps];
  }

  /** Whether something is at `path`, even a link that leads nowhere yet. */
  #hasName(path: string): boolean {
    try {
      statOf(this.#root.pathOf(path), false);
      return true;
    } catch (error) {
      return !isAbsence(error);
    }
  }

  /**
   * The stamp of the folder that the file at `path` is in: while it is current,
   * no name is added there. Null if the folder is not there, or has just changed.
   */
  #folderStamp(path: string): FileStamp | null {
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    const known = this.#folders.get(folder);
    if (known?.isCurrent()) return known;
    this.#folders.delete(folder);
    const now = Date.now();
    try {
      const whole = this.#root.pathOf(folder);
      const info = Deno.statSync(whole);
      // Within the same tick of the clock, another change would not show.
      if (info.ctime === null || !isSettled(info.ctime.getTime(), now)) {
        return null;
      }
      const stamp = new FileStamp(whole, info, now);
      if (this.#folders.size >= MAX_KEPT) this.#folders.clear();
      this.#folders.set(folder, stamp);
      return stamp;
    } catch {
      return null;
    }
  }

  /**
   * Keeps answers with the cached `file` at `path`.
   *
   * @param codings Those that the client accepts, joined by commas.
   */
  keepReady(
    path: string,
    file: SmallFile,
    codings: string,
    ready: ReadyFile,
  ): void {
    const entry = this.#entries.get(path);
    if (entry?.file !== file) return;
    if (!file.ready.has(codings) && file.ready.size >= MAX_READY) {
      file.ready.clear();
    }
    file.ready.set(codings, ready);
    this.#bytes -= entry.weight;
    entry.weight = weightOf(path, file);
    this.#bytes += entry.weight;
    this.#evict();
  }

  /** Keeps an address at which the file at `path` was found. */
  keepAlias({ address, before }: Alias, path: string): void {
    const stamps = this.stampAbsence(before);
    if (stamps === null) return;
    if (this.#aliases.size >= MAX_KEPT) this.#aliases.clear();
    this.#aliases.set(address, { path, stamps });
  }

  #read(path: string, known: SmallFile | null): Opened | SmallFile {
    const now = Date.now();
    const opened = this.#root.open(path);
    if (typeof opened === "number" || opened.kind === "directory") {
      return opened;
    }
    const { size } = opened.info;
    const isLargerCached = this.#isRepeated(path, size, now) &&
      // If it is in memory already, it stays there.
      (known?.info.size === size || lent <= MAX_LENT && this.#admits(size));
    const most = isLargerCached
      ? MAX_REPEATED_FILE_BYTES
      : MAX_CACHED_FILE_BYTES;
    const file = opened.mayBlock ? null : readSmallFile(opened, most);
    if (file === null) return opened;
    opened[Symbol.dispose]();
    return this.#keep(path, file, known, now);
  }

  /** True if a larger file was asked for a moment ago. */
  #isRepeated(path: string, size: number, now: number): boolean {
    if (size <= MAX_CACHED_FILE_BYTES) return false;
    const before = this.#asked.get(path) ?? 0;
    if (this.#asked.size >= MAX_KEPT) this.#asked.clear();
    this.#asked.set(path, now);
    return now >= before && now - before < RECENT_MS;
  }

  /** True if a larger file is to be cached, which may evict others. */
  #admits(size: number): boolean {
    return this.#bytes + 2 * size + OVERHEAD <= this.#capacity ||
      ++this.#rejected % CACHED_OF === 0;
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
      isAscii: isAscii(path),
      weight: weightOf(path, kept),
    });
    return kept;
  }

  #add(path: string, entry: CacheEntry): void {
    this.#entries.set(path, entry);
    this.#bytes += entry.weight;
    this.#evict();
  }

  #evict(): void {
    // Files in use are read again every second and added at the end, so the
    // first one is the least recently used.
    while (this.#bytes > this.#capacity) {
      const { value: first } = this.#oldest.next();
      if (first === undefined) this.#oldest = this.#entries.entries();
      else this.#remove(...first);
    }
  }

  #remove(path: string, entry: CacheEntry): void {
    this.#entries.delete(path);
    this.#bytes -= entry.weight;
  }
}

function hasSameContent(a: SmallFile, b: SmallFile): boolean {
  return isSameVersion(a.info, b.info) &&
    node("node:buffer").Buffer.compare(a.bytes, b.bytes) === 0;
}

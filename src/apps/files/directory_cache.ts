/**
 * Results of directory scans, shared by concurrent requests and cached until
 * something changes.
 */

import type { RequestReader } from "../disconnect.ts";
import { Abandoned, SharedWork, type TimeSlice } from "./time_slice.ts";
import { isSettled } from "../../http/etags.ts";
import {
  releaseDescriptors,
  reserveDescriptors,
} from "../../system/descriptor_budget.ts";
import {
  type FileStat,
  holdFileLibrary,
  statName,
} from "../../system/file_names.ts";

/**
 * The stat of `path`, whatever the bytes of its names. Throws as the functions
 * of Deno do.
 */
export function statOf(path: string, follow = true): FileStat {
  return statName(path, follow) ??
    statFrom(follow ? Deno.statSync(path) : Deno.lstatSync(path));
}

/** The same from what Deno returns. */
export function statFrom(info: Deno.FileInfo): FileStat {
  return {
    isFile: info.isFile,
    isDirectory: info.isDirectory,
    isSymlink: info.isSymlink,
    mode: (info.mode ?? 0) & 0o7777,
    size: info.size,
    // NaN outside the range of a Date.
    mtime: info.mtime?.getTime() || 0,
    ctime: (info.ctime ?? info.mtime)?.getTime() || 0,
  };
}

/** Numbers per path in a snapshot: mode, size, mtime, ctime. */
const NUMBERS = 4;

/** The state of files and directories when they were scanned. */
export class Snapshot {
  readonly #base: string;
  readonly #paths: string[] = [];
  /** Flat, as there may be 200,000 paths. */
  readonly #stats: number[] = [];
  readonly #started = Date.now();
  #settled = true;

  /** @param base The beginning of all paths. */
  constructor(base: string) {
    this.#base = base;
  }

  /**
   * Whether {@linkcode isCurrent} will notice every later change: a
   * directory that has just changed can change again without a new time.
   */
  get settled(): boolean {
    return this.#settled;
  }

  /** Adds the state of a path; null if it could not be read. */
  add(path: string, stat: FileStat | null): void {
    const { mode, size, mtime, ctime } = stat ?? NO_STAT;
    this.#paths.push(path);
    this.#stats.push(mode, size, mtime, ctime);
    if (stat?.isDirectory && !isSettled(ctime, this.#started)) {
      this.#settled = false;
    }
  }

  /** The number of paths. */
  get size(): number {
    return this.#paths.length;
  }

  /** Whether nothing has changed, without a pause. */
  isCurrentNow(): boolean {
    for (let i = 0; i < this.#paths.length; i++) {
      if (!this.#isUnchanged(i)) return false;
    }
    return true;
  }

  /** The same, in slices of time. */
  async isCurrent(timeSlice: TimeSlice): Promise<boolean> {
    for (let i = 0; i < this.#paths.length; i++) {
      if (!this.#isUnchanged(i)) return false;
      if (timeSlice.expired) await timeSlice.yield();
    }
    return true;
  }

  #isUnchanged(index: number): boolean {
    const at = index * NUMBERS;
    const stats = this.#stats;
    try {
      const { mode, size, mtime, ctime } = statOf(
        this.#base + this.#paths[index],
      );
      return mode === stats[at] && size === stats[at + 1] &&
        mtime === stats[at + 2] && ctime === stats[at + 3];
    } catch {
      return Number.isNaN(stats[at]);
    }
  }
}

const NO_STAT = { mode: NaN, size: NaN, mtime: NaN, ctime: NaN };

/** The server does not scan the directory now. */
export class DirectoryRefused extends Error {
  override readonly name = "DirectoryRefused";

  /** @param message A sentence for the client. */
  constructor(readonly status: 403 | 404 | 503, message: string) {
    super(message);
  }
}

/** Descriptors that a scan has open at most. */
export const SCAN_DESCRIPTORS = 5;

/** The result of a scan. */
export interface Found {
  readonly snapshot: Snapshot;
  /** Approximate bytes of memory, which may grow. */
  weight: number;
}

/** A function that scans a directory. */
type Scan<T> = (timeSlice: TimeSlice) => Promise<T>;

/** A directory in the cache. */
class CacheEntry<T> {
  found: T | null = null;
  running: SharedWork<T> | null = null;
  /** Starts when the running scan has ended. */
  next: SharedWork<T> | null = null;
  /** Requests that use the result or wait for it. */
  users = 0;

  constructor(readonly path: string) {}

  get isIdle(): boolean {
    return this.running === null && this.next === null;
  }
}

/** What {@linkcode DirectoryCache.use} returns; to be disposed of after use. */
export interface Use<T> extends Disposable {
  readonly found: T;
  /** Counts `bytes` more of memory for the result. */
  grow(bytes: number): void;
}

/**
 * Scans directories. Requests for the same directory share a scan, but not one
 * that started before them: each sees the directory as it is then or later. A
 * scan that no request waits for ends at its next time slice.
 */
export class DirectoryCache<T extends Found> {
  readonly #maxScans: number;
  readonly #maxCached: number;
  readonly #maxUsed: number;
  /** By path, the least recently used first. */
  readonly #entries = new Map<string, CacheEntry<T>>();
  /** Entries with a running or next scan. */
  #scans = 0;
  /** Of all entries together. */
  #weight = 0;

  /**
   * @param maxScans Concurrent scans.
   * @param maxCached Bytes of cached results that are not in use.
   * @param maxUsed Bytes in use above which no scan starts.
   */
  constructor(maxScans: number, maxCached: number, maxUsed: number) {
    this.#maxScans = maxScans;
    this.#maxCached = maxCached;
    this.#maxUsed = maxUsed;
  }

  /**
   * The result of `scan` for the directory `path`, or the cached one if nothing
   * has changed.
   *
   * @returns null if the client disconnected before the scan ended
   * @throws {DirectoryRefused} When too many scans run, or too much memory is
   * in use
   */
  async use(
    path: string,
    client: RequestReader,
    scan: Scan<T>,
  ): Promise<Use<T> | null> {
    const entry = this.#entries.get(path) ?? new CacheEntry<T>(path);
    const isBusy = this.#scans >= this.#maxScans ||
      this.#weight >= this.#maxUsed;
    if (entry.isIdle && isBusy) throw tooBusy();
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    if (entry.isIdle) this.#scans++;
    const work = entry.next ??= this.#startLater(entry, scan);
    entry.users++;
    const release = () => {
      entry.users--;
      this.#tidy(entry);
    };
    let found: T | null = null;
    try {
      found = await work.waitFor(client);
    } finally {
      if (found === null) release();
    }
    return found && {
      found,
      grow: (bytes) => this.#grow(entry, found, bytes),
      [Symbol.dispose]: release,
    };
  }

  /** The result for `path`, which may be outdated; null if it is not cached. */
  cached(path: string): T | null {
    const found = this.#entries.get(path)?.found ?? null;
    return found?.snapshot.settled ? found : null;
  }

  #grow(entry: CacheEntry<T>, found: T, bytes: number): void {
    found.weight += bytes;
    // A newer result may have replaced it.
    if (entry.found === found) this.#weight += bytes;
    this.#evict();
  }

  #startLater(entry: CacheEntry<T>, scan: Scan<T>): SharedWork<T> {
    const work = new SharedWork<T>(async (timeSlice) => {
      await entry.running?.result.catch(() => {});
      entry.running = work;
      entry.next = null;
      try {
        // All clients may have left meanwhile.
        if (!work.isWanted) throw new Abandoned();
        return await this.#rescan(entry, scan, timeSlice);
      } finally {
        entry.running = null;
        if (entry.isIdle) {
          this.#scans--;
          this.#tidy(entry);
        }
      }
    });
    return work;
  }

  async #rescan(
    entry: CacheEntry<T>,
    scan: Scan<T>,
    timeSlice: TimeSlice,
  ): Promise<T> {
    using _library = holdFileLibrary();
    const cached = entry.found;
    if (
      cached?.snapshot.settled && await cached.snapshot.isCurrent(timeSlice)
    ) return cached;
    this.#store(entry, null);
    if (!reserveDescriptors(SCAN_DESCRIPTORS)) throw tooBusy();
    try {
      const found = await scan(timeSlice);
      this.#store(entry, found);
      this.#evict();
      return found;
    } finally {
      releaseDescriptors(SCAN_DESCRIPTORS);
    }
  }

  #store(entry: CacheEntry<T>, found: T | null): void {
    this.#weight += (found?.weight ?? 0) - (entry.found?.weight ?? 0);
    entry.found = found;
  }

  /** Removes an unused entry whose result cannot be cached. */
  #tidy(entry: CacheEntry<T>): void {
    const { path, found } = entry;
    if (entry.users > 0) return;
    if (found?.snapshot.settled === false) this.#store(entry, null);
    if (
      entry.found === null && entry.isIdle && this.#entries.get(path) === entry
    ) this.#entries.delete(path);
    this.#evict();
  }

  /** Evicts the least recently used results until the others fit. */
  #evict(): void {
    for (const entry of this.#entries.values()) {
      if (this.#weight <= this.#maxCached) return;
      if (entry.users > 0 || !entry.isIdle) continue;
      this.#store(entry, null);
      this.#entries.delete(entry.path);
    }
  }
}

function tooBusy(): DirectoryRefused {
  return new DirectoryRefused(
    503,
    "The server is looking through as many folders as it can at a time; " +
      "ask again in a few seconds.",
  );
}

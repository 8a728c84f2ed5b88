/**
 * Results of folder scans, shared by concurrent requests and cached until
 * something changes.
 *
 * @module
 */

import type { RequestReader } from "../disconnect.ts";
import { Abandoned, TimeSlice } from "./time_slice.ts";
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
 * Looks at what is at `path`, whatever the bytes of its names. Throws as the
 * functions of Deno do.
 */
export function statOf(path: string, follow = true): FileStat {
  const stat = statName(path, follow);
  if (stat !== null) return stat;
  return statFrom(follow ? Deno.statSync(path) : Deno.lstatSync(path));
}

/** The same, from what Deno tells. */
export function statFrom(info: Deno.FileInfo): FileStat {
  return {
    isFile: info.isFile,
    isDirectory: info.isDirectory,
    isSymlink: info.isSymlink,
    mode: (info.mode ?? 0) & 0o7777,
    size: info.size,
    // Out of a Date's range they are NaN.
    mtime: info.mtime?.getTime() || 0,
    ctime: (info.ctime ?? info.mtime)?.getTime() || 0,
  };
}

/** Numbers that a snapshot keeps of each path: mode, size, mtime, ctime. */
const STAMP = 4;

/** How files and folders were when they were looked at. */
export class Snapshot {
  readonly #base: string;
  readonly #paths: string[] = [];
  readonly #stamps: number[] = [];
  readonly #began = Date.now();
  #settled = true;

  /** @param base What stands before all paths. */
  constructor(base: string) {
    this.#base = base;
  }

  /** How many paths have been added. */
  get size(): number {
    return this.#paths.length;
  }

  /**
   * Tells whether {@linkcode isCurrent} would notice every later change: a
   * folder that has only just changed can change again at the same time.
   */
  get settled(): boolean {
    return this.#settled;
  }

  /** Adds what was seen at a path; null if there was nothing to be seen. */
  add(path: string, stat: FileStat | null): void {
    this.#paths.push(path);
    if (stat === null) {
      this.#stamps.push(NaN, NaN, NaN, NaN);
      return;
    }
    this.#stamps.push(stat.mode, stat.size, stat.mtime, stat.ctime);
    if (stat.isDirectory && !isSettled(stat.ctime, this.#began)) {
      this.#settled = false;
    }
  }

  /** Tells whether everything is as it was. */
  async isCurrent(timeSlice: TimeSlice): Promise<boolean> {
    for (let i = 0; i < this.#paths.length; i++) {
      if (!this.#isSame(i)) return false;
      if (timeSlice.expired) await timeSlice.yield();
    }
    return true;
  }

  #isSame(index: number): boolean {
    const at = index * STAMP;
    const seen = this.#stamps;
    try {
      const { mode, size, mtime, ctime } = statOf(
        this.#base + this.#paths[index],
      );
      return mode === seen[at] && size === seen[at + 1] &&
        mtime === seen[at + 2] && ctime === seen[at + 3];
    } catch {
      return Number.isNaN(seen[at]);
    }
  }
}

/** The server does not scan the folder now. */
export class DirectoryRefused extends Error {
  override readonly name = "DirectoryRefused";

  /** @param message A sentence for the one who asked. */
  constructor(readonly status: 403 | 404 | 503, message: string) {
    super(message);
  }
}

/** The most descriptors that a scan has open. */
const SCAN_DESCRIPTORS = 5;

/** What was found in a folder. */
export interface Found {
  readonly snapshot: Snapshot;
  /** About the bytes of memory that it takes, which may grow. */
  weight: number;
}

/** One scan of a folder, for all requests that wait for it. */
interface Scan<T> {
  /** How many wait. */
  waiting: number;
  readonly result: Promise<T>;
}

/** What is known of one folder. */
class Place<T> {
  found: T | null = null;
  running: Scan<T> | null = null;
  /** Begins when the running one has ended. */
  next: Scan<T> | null = null;
  /** How many use what was found, or wait for it. */
  users = 0;

  constructor(readonly path: string) {}

  get isIdle(): boolean {
    return this.running === null && this.next === null;
  }
}

/** What {@linkcode DirectoryCache.use} gives; to be disposed of after use. */
export interface Use<T> extends Disposable {
  readonly found: T;
  /** Tells that what was found takes more memory than before. */
  grow(bytes: number): void;
}

/**
 * Scans folders. Requests for the same folder share a scan, but not one that
 * began before they came: each sees the folder as it was then or later. A scan
 * that no request waits for ends at its next time slice.
 */
export class DirectoryCache<T extends Found> {
  readonly #maxScans: number;
  readonly #maxKept: number;
  readonly #maxUsed: number;
  /** By path; the one that was used last is the last one. */
  readonly #places = new Map<string, Place<T>>();
  /** Places with a look that runs or is to come. */
  #scans = 0;
  /** Of all places together. */
  #weight = 0;

  /**
   * @param maxScans Concurrent scans.
   * @param maxKept Bytes of cached results that are not in use.
   * @param maxUsed Bytes in use above which no scan begins.
   */
  constructor(maxScans: number, maxKept: number, maxUsed: number) {
    this.#maxScans = maxScans;
    this.#maxKept = maxKept;
    this.#maxUsed = maxUsed;
  }

  /**
   * The result of `scan` for the folder `path`, or the cached one if nothing
   * has changed.
   *
   * @returns null when the client left before the scan ended
   * @throws {DirectoryRefused} When too many scans run, or too much memory is
   * in use
   */
  async use(
    path: string,
    client: RequestReader,
    scan: (timeSlice: TimeSlice) => Promise<T>,
  ): Promise<Use<T> | null> {
    const place = this.#places.get(path) ?? new Place<T>(path);
    if (place.isIdle && this.#isBusy()) throw tooBusy();
    this.#places.delete(path);
    this.#places.set(path, place);
    const mine = this.#join(place, scan);
    mine.waiting++;
    place.users++;
    const release = () => {
      place.users--;
      this.#tidy(place);
    };
    try {
      const found = await Promise.race([mine.result, client.disconnect]);
      mine.waiting--;
      if (found !== undefined) {
        return {
          found,
          grow: (bytes) => this.#grow(place, found, bytes),
          [Symbol.dispose]: release,
        };
      }
    } catch (error) {
      release();
      throw error;
    }
    release();
    return null;
  }

  #grow(place: Place<T>, found: T, bytes: number): void {
    found.weight += bytes;
    // Something newer may have taken its place.
    if (place.found === found) this.#weight += bytes;
    this.#evict();
  }

  #isBusy(): boolean {
    if (this.#scans >= this.#maxScans) return true;
    return this.#weight >= this.#maxUsed;
  }

  /** The next scan, which begins when the running one has ended. */
  #join(place: Place<T>, scan: (timeSlice: TimeSlice) => Promise<T>): Scan<T> {
    if (place.isIdle) this.#scans++;
    return place.next ??= this.#plan(place, scan);
  }

  #plan(place: Place<T>, scan: (timeSlice: TimeSlice) => Promise<T>): Scan<T> {
    const run = async () => {
      await place.running?.result.catch(() => {});
      place.running = mine;
      place.next = null;
      try {
        // All may have left meanwhile.
        if (mine.waiting === 0) throw new Abandoned();
        return await this.#rescan(
          place,
          scan,
          new TimeSlice(() => mine.waiting > 0),
        );
      } finally {
        place.running = null;
        if (place.isIdle) {
          this.#scans--;
          this.#tidy(place);
        }
      }
    };
    const mine: Scan<T> = { waiting: 0, result: Promise.resolve().then(run) };
    mine.result.catch(() => {});
    return mine;
  }

  async #rescan(
    place: Place<T>,
    scan: (timeSlice: TimeSlice) => Promise<T>,
    timeSlice: TimeSlice,
  ): Promise<T> {
    using _library = holdFileLibrary();
    const known = place.found;
    if (known?.snapshot.settled && await known.snapshot.isCurrent(timeSlice)) {
      return known;
    }
    this.#keep(place, null);
    if (!reserveDescriptors(SCAN_DESCRIPTORS)) throw tooBusy();
    try {
      const found = await scan(timeSlice);
      this.#keep(place, found);
      this.#evict();
      return found;
    } finally {
      releaseDescriptors(SCAN_DESCRIPTORS);
    }
  }

  #keep(place: Place<T>, found: T | null): void {
    this.#weight += (found?.weight ?? 0) - (place.found?.weight ?? 0);
    place.found = found;
  }

  /** Drops a folder without a result that can be cached. */
  #tidy(place: Place<T>): void {
    const { path } = place;
    if (place.users > 0) return;
    if (place.found?.snapshot.settled === false) this.#keep(place, null);
    if (
      place.found === null && place.isIdle && this.#places.get(path) === place
    ) this.#places.delete(path);
    this.#evict();
  }

  /** Evicts the least recently used results until the rest fits. */
  #evict(): void {
    if (this.#weight <= this.#maxKept) return;
    for (const place of this.#places.values()) {
      if (this.#weight <= this.#maxKept) return;
      if (place.users > 0 || !place.isIdle) continue;
      this.#keep(place, null);
      this.#places.delete(place.path);
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

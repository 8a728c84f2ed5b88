/** The contents of a directory: its entries, their order, and its README. */

import { Snapshot, statFrom, statOf } from "./directory_cache.ts";
import {
  CONFIG_FILE,
  type DocumentRoot,
  type OpenedDirectory,
  UNFINISHED_PREFIX,
} from "./document_root.ts";
import { sortInSlices, type TimeSlice } from "./time_slice.ts";
import { isSettled } from "../../http/etags.ts";
import {
  type DirectoryEntry,
  type FileStat,
  readDirectory,
} from "../../system/file_names.ts";

/** A file or directory as in JSON listings (PAGI.md 7). */
export interface Entry {
  readonly name: string;
  readonly is_dir: 0 | 1;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** The names in a directory. */
export interface Names {
  /** Those that a request can name. */
  readonly found: readonly DirectoryEntry[];
  /** Hidden names, without `showHidden`. */
  readonly hidden: number;
  /** Names that no request can name. */
  readonly unnameable: readonly string[];
}

/** The contents of a directory. */
export interface DirectoryContents {
  /** In no order. */
  readonly entries: readonly Entry[];
  /** Entries without a stat, as on a file system that failed. */
  readonly unreadable: number;
  readonly snapshot: Snapshot;
}

/** A directory has more entries than are wanted. */
export class DirectoryTooLong extends Error {
  override readonly name = "DirectoryTooLong";
}

/**
 * Reads the names in the directory `path`. Throws what the system reports.
 *
 * @throws {DirectoryTooLong} When there are more than `limit`.
 */
export async function readNames(
  path: string,
  showHidden: boolean,
  timeSlice: TimeSlice,
  limit = Infinity,
): Promise<Names> {
  const found: DirectoryEntry[] = [];
  const unnameable: string[] = [];
  let hidden = 0;
  for (const chunk of readDirectory(path)) {
    for (const entry of chunk) {
      const { name } = entry;
      const isHidden = name.startsWith(".") || name === CONFIG_FILE;
      if (name.startsWith(UNFINISHED_PREFIX)) continue;
      if (isHidden && !showHidden) hidden++;
      // Requests use "\" like "/".
      else if (name.includes("\\")) unnameable.push(name);
      else found.push(entry);
    }
    if (found.length > limit) throw new DirectoryTooLong();
    if (timeSlice.expired) await timeSlice.yield();
  }
  return { found, hidden, unnameable };
}

/**
 * The files and directories in the opened `directory` that could be served. Its
 * path beneath `root` is `path`, empty or with a final slash. Throws what the
 * system reports for the directory itself.
 *
 * @throws {DirectoryTooLong} When there are more than `limit`.
 */
export async function readEntries(
  root: DocumentRoot,
  path: string,
  directory: OpenedDirectory,
  showHidden: boolean,
  timeSlice: TimeSlice,
  limit: number,
): Promise<DirectoryContents> {
  const snapshot = new Snapshot(root.pathOf(path));
  const entries: Entry[] = [];
  let unreadable = 0;
  snapshot.add("", statOf(directory.path));
  const { found } = await readNames(
    directory.path,
    showHidden,
    timeSlice,
    limit,
  );
  for (const entry of found) {
    const { name } = entry;
    const { stat, problem } = inspectEntry(root, path, directory, entry);
    snapshot.add(name, stat);
    if (problem === "unreadable") unreadable++;
    if (problem === null && stat !== null) {
      const mtime = Math.floor(stat.mtime / 1000);
      const is_dir = stat.isDirectory ? 1 : 0;
      entries.push({ name, is_dir, size: stat.size, mtime });
    }
    if (timeSlice.expired) await timeSlice.yield();
  }
  return { entries, unreadable, snapshot };
}

/** What is known of an entry. */
interface EntryStatus {
  /** Of a link, that of its target; null if there is none. */
  readonly stat: FileStat | null;
  /** Why it cannot be served, as far as the stat tells; null if it can. */
  readonly problem: Problem | null;
}

/** Why an entry cannot be served. */
export type Problem =
  /** It has vanished, or is a link that leads nowhere. */
  | "absent"
  /** A link to something that must not be served. */
  | "outside"
  /** Neither a file nor a directory. */
  | "special"
  /** The system does not tell what it is. */
  | "unreadable";

/** Inspects an entry of `directory`, whose path beneath `root` is `path`. */
export function inspectEntry(
  root: DocumentRoot,
  path: string,
  directory: OpenedDirectory,
  { name, isSymlink }: DirectoryEntry,
): EntryStatus {
  try {
    if (isSymlink) return inspectLink(root, path + name);
    const stat = statOf(`${directory.path}/${name}`, false);
    const served = stat.isFile || stat.isDirectory;
    return { stat, problem: served ? null : "special" };
  } catch (error) {
    // One bad entry must not prevent a listing of the others.
    const { code } = error as { code?: string };
    return { stat: null, problem: code === "ENOENT" ? "absent" : "unreadable" };
  }
}

function inspectLink(root: DocumentRoot, path: string): EntryStatus {
  const opened = root.open(path);
  if (typeof opened === "number") {
    const problem = opened === 403 ? "outside" : "special";
    return { stat: statOf(root.pathOf(path)), problem };
  }
  using _opened = opened;
  const stat = opened.kind === "file"
    ? statFrom(opened.info)
    : statOf(opened.path);
  return { stat, problem: null };
}

/** The columns that listings can be sorted by. */
export const SORT_KEYS = ["name", "size", "time"] as const;
/** One of {@linkcode SORT_KEYS}. */
export type SortKey = (typeof SORT_KEYS)[number];

/** An order of entries. */
export interface Order {
  readonly sort: SortKey;
  readonly descending: boolean;
}

/**
 * Sorts `entries`: directories first, whatever the order; equal ones by name.
 * Names are compared as people do: `file2` before `file10`, ignoring case and
 * accents.
 */
export async function sortEntries(
  entries: readonly Entry[],
  { sort, descending }: Order,
  timeSlice: TimeSlice,
): Promise<Entry[]> {
  const sign = descending ? -1 : 1;
  const keyed: Keyed[] = [];
  for (const entry of entries) {
    keyed.push({ entry, key: nameKey(entry.name) });
    if (timeSlice.expired) await timeSlice.yield();
  }
  const byName = (a: Keyed, b: Keyed) =>
    compare(a.key, b.key) || compare(a.entry.name, b.entry.name);
  const rules: Record<SortKey, (a: Keyed, b: Keyed) => number> = {
    name: (a, b) => sign * byName(a, b),
    // The size of a directory means nothing.
    size: (a, b) =>
      a.entry.is_dir ? 0 : sign * compare(a.entry.size, b.entry.size),
    time: (a, b) => sign * compare(a.entry.mtime, b.entry.mtime),
  };
  const rule = rules[sort];
  const sorted = await sortInSlices(
    keyed,
    (a, b) => b.entry.is_dir - a.entry.is_dir || rule(a, b) || byName(a, b),
    timeSlice,
  );
  return sorted.map(({ entry }) => entry);
}

interface Keyed {
  readonly entry: Entry;
  readonly key: string;
}

/** A sort key; comparing it is ten times as fast as `Intl.Collator`. */
function nameKey(name: string): string {
  return name.toLowerCase().normalize("NFD")
    .replace(/\d+/g, (digits) => digits.padStart(16, "0"));
}

function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Bytes of a README that is shown. */
const MAX_README_BYTES = 128 * 1024;
const README_NAMES = ["readme.md", "readme.txt", "readme"];

/** A text and the name of its file. */
export interface Readme {
  readonly name: string;
  readonly text: string;
}

/**
 * The `README.md` (or `README.txt`, `README`; in any case) among `entries` of
 * `directory`, a path beneath `root` that is empty or ends with a slash. One
 * that cannot be read, or is not text, is ignored.
 *
 * @returns `settled`: later changes will be noticed by the times of files
 */
export async function readReadme(
  root: DocumentRoot,
  directory: string,
  entries: readonly Entry[],
  timeSlice: TimeSlice,
): Promise<{ readonly readme: Readme | null; readonly settled: boolean }> {
  let settled = true;
  const candidates: Entry[] = [];
  for (const entry of entries) {
    const { name, is_dir, size } = entry;
    if (
      is_dir === 0 && size > 0 && size <= MAX_README_BYTES &&
      README_NAMES.includes(name.toLowerCase())
    ) candidates.push(entry);
    if (timeSlice.expired) await timeSlice.yield();
  }
  for (const wanted of README_NAMES) {
    const entry = candidates.find(({ name }) => name.toLowerCase() === wanted);
    if (entry === undefined) continue;
    try {
      const opened = root.open(directory + entry.name);
      if (typeof opened === "number") continue;
      using _opened = opened;
      const text = opened.kind === "file" ? await readText(opened.file) : null;
      if (text === null || opened.kind !== "file") continue;
      const { ctime, mtime } = opened.info;
      settled &&= isSettled((ctime ?? mtime)?.getTime() ?? 0, Date.now());
      return { readme: { name: entry.name, text }, settled };
    } catch {
      // It may become readable without a change of its times.
      settled = false;
    }
  }
  return { readme: null, settled };
}

/** The text of a file; null if it is binary. */
async function readText(file: Deno.FsFile): Promise<string | null> {
  const bytes = new Uint8Array(MAX_README_BYTES);
  let length = 0;
  while (length < bytes.length) {
    const count = await file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  const text = new TextDecoder().decode(bytes.subarray(0, length));
  return text.includes("\0") ? null : text;
}

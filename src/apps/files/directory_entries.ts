/**
 * What is in a folder: its entries, their order, and the text about it.
 *
 * @module
 */

import { Snapshot, statFrom, statOf } from "./directory_cache.ts";
import {
  CONFIG_FILE,
  type DocumentRoot,
  type OpenedDirectory,
} from "./document_root.ts";
import { sortInSlices, type TimeSlice } from "./time_slice.ts";
import { isSettled } from "../../http/etags.ts";
import {
  type DirectoryEntry,
  type FileStat,
  readDirectory,
} from "../../system/file_names.ts";

/** One file or folder, as it appears in JSON listings (PAGI.md 7). */
export interface Entry {
  readonly name: string;
  readonly is_dir: 0 | 1;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** The names in a folder that a request may name, and how many it may not. */
export interface Names {
  readonly found: readonly DirectoryEntry[];
  /** Names that begin with a dot, without `showHidden`. */
  readonly hidden: number;
  /** Names that no request can name. */
  readonly unnameable: readonly string[];
}

/** What a folder holds. */
export interface DirectoryContents {
  /** In no order. */
  readonly entries: readonly Entry[];
  /** Entries that cannot be looked at, as on a file system that failed. */
  readonly unreadable: number;
  readonly snapshot: Snapshot;
}

/**
 * What the folder at `path` holds and a request may name; what has a leading
 * dot only with `showHidden`. Throws what the system reports.
 */
export async function readNames(
  path: string,
  showHidden: boolean,
  timeSlice: TimeSlice,
): Promise<Names> {
  const found: DirectoryEntry[] = [];
  const unnameable: string[] = [];
  let hidden = 0;
  for (const chunk of readDirectory(path)) {
    for (const entry of chunk) {
      const { name } = entry;
      const isHidden = name.startsWith(".") || name === CONFIG_FILE;
      if (isHidden && !showHidden) hidden++;
      // There "\" counts as "/".
      else if (entry.name.includes("\\")) unnameable.push(entry.name);
      else found.push(entry);
    }
    if (timeSlice.expired) await timeSlice.yield();
  }
  return { found, hidden, unnameable };
}

/**
 * The entries of the opened `directory`, whose path beneath the root is `path`
 * and is empty or ends with a slash: files and folders that could be served,
 * those with a leading dot only with `showHidden`, symbolic links only when
 * they stay beneath `root`. Throws what the system reports of the folder itself.
 */
export async function readEntries(
  root: DocumentRoot,
  path: string,
  directory: OpenedDirectory,
  showHidden: boolean,
  timeSlice: TimeSlice,
): Promise<DirectoryContents> {
  const snapshot = new Snapshot(root.pathOf(path));
  const entries: Entry[] = [];
  let unreadable = 0;
  snapshot.add("", statOf(directory.path));
  const { found } = await readNames(directory.path, showHidden, timeSlice);
  for (const entry of found) {
    const { name } = entry;
    const { stat, problem } = inspectEntry(root, path, directory, entry);
    snapshot.add(name, stat);
    if (problem === "unreadable") unreadable++;
    if (problem === null && stat !== null) {
      const { isDirectory, size, mtime } = stat;
      entries.push({
        name,
        is_dir: isDirectory ? 1 : 0,
        size,
        mtime: Math.floor(mtime / 1000),
      });
    }
    if (timeSlice.expired) await timeSlice.yield();
  }
  return { entries, unreadable, snapshot };
}

/** What an entry of a folder is. */
export interface Seen {
  /** Of what a link leads to; null if it cannot be looked at. */
  readonly stat: FileStat | null;
  /** Why it cannot be served, as far as a look can tell; null if it can. */
  readonly problem: Problem | null;
}

/** Why an entry cannot be served. */
export type Problem =
  /** Gone meanwhile, or a link that leads nowhere. */
  | "absent"
  /** A link that leads to what is not to be served. */
  | "outside"
  /** Neither a file nor a folder. */
  | "special"
  /** The system does not say what it is. */
  | "unreadable";

/** Looks at an entry of the opened `directory`, whose path beneath `root` is `path`. */
export function inspectEntry(
  root: DocumentRoot,
  path: string,
  directory: OpenedDirectory,
  { name, isSymlink }: DirectoryEntry,
): Seen {
  try {
    if (isSymlink) return inspectLink(root, path + name);
    const stat = statOf(`${directory.path}/${name}`, false);
    const served = stat.isFile || stat.isDirectory;
    return { stat, problem: served ? null : "special" };
  } catch (error) {
    return { stat: null, problem: problemOf(error) };
  }
}

function inspectLink(root: DocumentRoot, path: string): Seen {
  const opened = root.open(path);
  if (typeof opened !== "number") {
    using thing = opened;
    const stat = thing.kind === "file"
      ? statFrom(thing.info)
      : statOf(thing.path);
    return { stat, problem: null };
  }
  try {
    const stat = statOf(root.pathOf(path));
    return { stat, problem: opened === 403 ? "outside" : "special" };
  } catch (error) {
    return { stat: null, problem: problemOf(error) };
  }
}

/** Whatever the error is, it is no reason to hide the rest of the folder. */
function problemOf(error: unknown): Problem {
  const { code } = error as { code?: string };
  return code === "ENOENT" ? "absent" : "unreadable";
}

/** What listings can be sorted by. */
export const SORT_KEYS = ["name", "size", "time"] as const;
/** One of {@linkcode SORT_KEYS}. */
export type SortKey = (typeof SORT_KEYS)[number];

/** An order of entries. */
export interface Order {
  readonly sort: SortKey;
  readonly descending: boolean;
}

/**
 * Sorts `entries`: folders lead, whatever the order; equals go by name. Names
 * go as people count: `file2` before `file10`, case and accents aside.
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
    // The size of a folder means nothing.
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

/** Compared as it is, ten times as fast as `Intl.Collator` compares names. */
function nameKey(name: string): string {
  return name.toLowerCase().normalize("NFD")
    .replace(/\d+/g, (digits) => digits.padStart(16, "0"));
}

function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Bytes; a longer one is no text to read on the side. */
const LONGEST = 128 * 1024;
const NAMES = ["readme.md", "readme.txt", "readme"];

/** A text and the name of its file. */
export interface Readme {
  readonly name: string;
  readonly text: string;
}

/** What was found of it. */
interface FoundReadme {
  /** Null if there is none. */
  readonly readme: Readme | null;
  /** Whether a later change would leave another time in the folder. */
  readonly settled: boolean;
}

/**
 * The `README.md` (or `README.txt`, `README`; in any case) among `entries` of
 * `directory`, a path beneath `root` that is empty or ends with a slash. One that
 * the system cannot read is passed over, as no reason to fail the listing.
 */
export async function readReadme(
  root: DocumentRoot,
  directory: string,
  entries: readonly Entry[],
): Promise<FoundReadme> {
  let settled = true;
  for (const wanted of NAMES) {
    const entry = entries.find(({ name, is_dir, size }) =>
      is_dir === 0 && size > 0 && size <= LONGEST &&
      name.length === wanted.length &&
      name.toLowerCase() === wanted
    );
    if (entry === undefined) continue;
    try {
      const found = await readText(root, directory + entry.name);
      if (found === null) continue;
      const { text, info } = found;
      const changed = (info.ctime ?? info.mtime)?.getTime() ?? 0;
      settled &&= isSettled(changed, Date.now());
      return { readme: { name: entry.name, text }, settled };
    } catch {
      // It may be readable the next time, and no time tells.
      settled = false;
    }
  }
  return { readme: null, settled };
}

/** The text of the file at `path`; null for what is no text. */
async function readText(
  root: DocumentRoot,
  path: string,
): Promise<{ text: string; info: Deno.FileInfo } | null> {
  const opened = root.open(path);
  if (typeof opened === "number") return null;
  using thing = opened;
  if (thing.kind !== "file") return null;
  const bytes = new Uint8Array(LONGEST);
  let length = 0;
  for (
    let count: number | null = 0;
    count !== null && length < LONGEST;
    length += count ?? 0
  ) count = await thing.file.read(bytes.subarray(length));
  const text = new TextDecoder().decode(bytes.subarray(0, length));
  return text.includes("\0") ? null : { text, info: thing.info };
}

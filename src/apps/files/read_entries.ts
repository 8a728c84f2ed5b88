/**
 * What is in a folder.
 *
 * @module
 */

import type { FileStat } from "../../system/file_names.ts";
import { readDirectory } from "../../system/file_names.ts";
import type { DirectoryEntry } from "../../system/file_names.ts";
import type { DocumentRoot, OpenedFolder } from "./document_root.ts";
import { Snapshot, statFrom, statOf } from "./folder_cache.ts";
import type { Turns } from "./turns.ts";

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
export interface FolderContents {
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
  turns: Turns,
): Promise<Names> {
  const found: DirectoryEntry[] = [];
  const unnameable: string[] = [];
  let hidden = 0;
  for (const piece of readDirectory(path)) {
    for (const entry of piece) {
      if (entry.name.startsWith(".") && !showHidden) hidden++;
      // There "\" counts as "/".
      else if (entry.name.includes("\\")) unnameable.push(entry.name);
      else found.push(entry);
    }
    if (turns.over) await turns.pass();
  }
  return { found, hidden, unnameable };
}

/**
 * The entries of the opened `folder`, whose path beneath the root is `path`
 * and is empty or ends with a slash: files and folders that could be served,
 * those with a leading dot only with `showHidden`, symbolic links only when
 * they stay beneath `root`. Throws what the system reports of the folder itself.
 */
export async function readEntries(
  root: DocumentRoot,
  path: string,
  folder: OpenedFolder,
  showHidden: boolean,
  turns: Turns,
): Promise<FolderContents> {
  const snapshot = new Snapshot(root.pathOf(path));
  const entries: Entry[] = [];
  let unreadable = 0;
  snapshot.add("", statOf(folder.path));
  const { found } = await readNames(folder.path, showHidden, turns);
  for (const entry of found) {
    const { name } = entry;
    const { stat, problem } = lookAt(root, path, folder, entry);
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
    if (turns.over) await turns.pass();
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

/** Looks at an entry of the opened `folder`, whose path beneath `root` is `path`. */
export function lookAt(
  root: DocumentRoot,
  path: string,
  folder: OpenedFolder,
  { name, isSymlink }: DirectoryEntry,
): Seen {
  try {
    if (isSymlink) return lookAtLink(root, path + name);
    const stat = statOf(`${folder.path}/${name}`, false);
    const served = stat.isFile || stat.isDirectory;
    return { stat, problem: served ? null : "special" };
  } catch (error) {
    return { stat: null, problem: problemOf(error) };
  }
}

function lookAtLink(root: DocumentRoot, path: string): Seen {
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

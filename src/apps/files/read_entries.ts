/**
 * What is in a folder.
 *
 * @module
 */

import { isAbsence } from "./document_root.ts";
import type { DocumentRoot } from "./document_root.ts";
import { Turns } from "./turns.ts";

/** One file or folder, as it appears in JSON listings (PAGI.md 7). */
export interface Entry {
  readonly name: string;
  readonly is_dir: 0 | 1;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/**
 * What the folder at `path` holds and a request may name; what has a leading
 * dot only with `showHidden`. Null if the folder cannot be read.
 */
export async function readNames(
  path: string,
  showHidden: boolean,
): Promise<Deno.DirEntry[] | null> {
  const found: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(path)) {
      if (entry.name.startsWith(".") && !showHidden) continue;
      // A request cannot name it: there "\" counts as "/".
      if (entry.name.includes("\\")) continue;
      found.push(entry);
    }
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
  return found;
}

/**
 * The entries of the folder at `path` that could be served, in no order: files
 * and folders, those with a leading dot only with `showHidden`, symbolic links
 * only when they stay beneath `root`. Null if the folder cannot be read.
 */
export async function readEntries(
  path: string,
  root: DocumentRoot,
  showHidden: boolean,
): Promise<Entry[] | null> {
  const found = await readNames(path, showHidden);
  if (found === null) return null;
  const entries: Entry[] = [];
  const turns = new Turns();
  for (const entry of found) {
    const seen = look(`${path}/${entry.name}`, entry, root);
    if (seen !== null) entries.push(seen);
    if (turns.over) await turns.pass();
  }
  return entries;
}

function look(
  path: string,
  { name, isSymlink }: Deno.DirEntry,
  root: DocumentRoot,
): Entry | null {
  try {
    if (isSymlink && !root.contains(Deno.realPathSync(path))) return null;
    const info = Deno.statSync(path);
    if (!info.isFile && !info.isDirectory) return null;
    return {
      name,
      is_dir: info.isDirectory ? 1 : 0,
      size: info.size,
      // Out of a Date's range it is NaN.
      mtime: Math.floor((info.mtime?.getTime() || 0) / 1000),
    };
  } catch (error) {
    // Gone meanwhile, a broken link, or a name that is not UTF-8.
    if (isAbsence(error)) return null;
    throw error;
  }
}

/**
 * What is in a folder.
 *
 * @module
 */

import { isAbsence } from "./document_root.ts";
import type { DocumentRoot } from "./document_root.ts";

/** One file or folder, as it appears in JSON listings (PAGI.md 7). */
export interface Entry {
  readonly name: string;
  readonly is_dir: 0 | 1;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** Milliseconds after which others get their turn. */
const SLICE = 5;

/**
 * The entries of the folder at `path` that could be served: files and folders,
 * those with a leading dot only with `showHidden`, symbolic links only when
 * they stay beneath `root`. Folders lead, then it goes by name. Null if the
 * folder cannot be read.
 */
export async function readEntries(
  path: string,
  root: DocumentRoot,
  showHidden: boolean,
): Promise<Entry[] | null> {
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
  const entries: Entry[] = [];
  // Looking without waiting is four times as fast as awaiting each look.
  let sliceEnd = performance.now() + SLICE;
  for (const entry of found) {
    const seen = look(`${path}/${entry.name}`, entry, root);
    if (seen !== null) entries.push(seen);
    if (performance.now() > sliceEnd) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      sliceEnd = performance.now() + SLICE;
    }
  }
  return entries.sort((a, b) =>
    b.is_dir - a.is_dir || (a.name < b.name ? -1 : 1)
  );
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

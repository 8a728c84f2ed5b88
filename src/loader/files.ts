/** Files by their paths: whether they exist, and which one is meant. */

import { nearest, shellWord } from "../options/option_error.ts";
import { basename, dirname, join } from "../std/path.ts";

/** `folder` and the folders around it. */
export function* upwards(folder: string): Generator<string> {
  for (let place = folder;; place = dirname(place)) {
    yield place;
    if (dirname(place) === place) return;
  }
}

/** The path of the first of `names` that is a file in `folder`. */
export function fileIn(
  folder: string,
  names: readonly string[],
): string | null {
  return names.map((name) => join(folder, name)).find(isFile) ?? null;
}

/** The result of stat(2), or null if it fails. */
export function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}

/** Whether `path` is a file, or a link to one. */
export function isFile(path: string): boolean {
  return statOf(path)?.isFile === true;
}

/** Whether `path` is a folder, or a link to one. */
export function isFolder(path: string): boolean {
  return statOf(path)?.isDirectory === true;
}

/** The names of the folders in `path`; none where it cannot be listed. */
export function foldersIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].filter((entry) => entry.isDirectory)
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

/** Inode, time and size: changes with the file. Empty where there is none. */
export function stampOf(path: string): string {
  const info = statOf(path);
  return info === null
    ? ""
    : `${info.ino} ${info.mtime?.getTime()} ${info.size}`;
}

/** `; did you mean ./app.ts?` where the folder has a file of a similar name. */
export function nearestFile(path: string): string {
  try {
    const folder = dirname(path);
    const files = [...Deno.readDirSync(folder)].map(({ name }) => name);
    const found = nearest(basename(path), files);
    if (found !== null) {
      return `; did you mean ${shellWord(join(folder, found))}?`;
    }
  } catch {
    // Without a folder that can be listed there is nothing to suggest.
  }
  return ".";
}

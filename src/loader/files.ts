/**
 * Files by their names, for all that looks for some.
 *
 * @module
 */

import { nearest, shellWord } from "../options/option_error.ts";
import { basename, dirname, join } from "../std/path.ts";

/** `folder` and those it lies in. */
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

/** Tells whether `path` is a file that can be seen. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What changes when the file at `path` does; empty where there is none. */
export function stampOf(path: string): string {
  try {
    const { ino, mtime, size } = Deno.statSync(path);
    return `${ino} ${mtime?.getTime()} ${size}`;
  } catch {
    return "";
  }
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

/**
 * A folder's files in another folder.
 *
 * @module
 */

import { join } from "../std/path.ts";

/**
 * Puts the files below the folder `from` into `to`, which everybody may read
 * then: as hard links where the system and their modes allow that, as copies
 * otherwise. Links are left out. Nothing happens where `from` is missing.
 *
 * @throws {Error} When a file cannot be read or written.
 */
export function shareTree(from: string, to: string): void {
  for (const { name, isDirectory, isFile } of list(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) shareTree(source, target);
    else if (isFile) {
      Deno.mkdirSync(to, { recursive: true });
      shareFile(source, target);
    }
  }
}

function shareFile(from: string, to: string): void {
  const { mode } = Deno.statSync(from);
  if ((mode! & 0o004) !== 0) {
    try {
      return Deno.linkSync(from, to);
    } catch {
      // another file system, or one without links
    }
  }
  Deno.copyFileSync(from, to);
  Deno.chmodSync(to, mode! | 0o444);
}

/** How many bytes the files below a folder hold; 0 where it is missing. */
export function treeSize(path: string): number {
  return list(path).reduce((sum, { name, isDirectory }) => {
    const inner = join(path, name);
    return sum + (isDirectory ? treeSize(inner) : Deno.lstatSync(inner).size);
  }, 0);
}

function list(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * Files that root opens, or leaves to another user to open.
 *
 * @module
 */

import { type Folder, isRoot, placeOf } from "./folder.ts";
import { SystemError } from "./system_error.ts";

/**
 * Makes `uid` the owner of the file at `path`, which is created with `mode`
 * where it is missing. What is there already is given away only if it is a
 * plain file of root's in a folder that root alone can change: elsewhere
 * another file of root's may have been put there. Where nothing can be done
 * safely, as in that user's own folder, nothing is: whoever opens the file
 * will be told why.
 *
 * @throws {SystemError} When the owner cannot be changed.
 */
export function giveFile(path: string, uid: number, mode: number): void {
  if (uid === 0) return;
  const owned = ownedByRoot(path, mode);
  if (owned === null) return;
  try {
    Deno.chownSync(owned.path, uid, null);
  } catch {
    throw new SystemError(`The owner of ${path} cannot be changed.`);
  } finally {
    owned[Symbol.dispose]();
  }
}

/** A file at `path` that is root's to give away; null when there is none. */
function ownedByRoot(
  path: string,
  mode: number,
): { path: string } & Disposable | null {
  try {
    using place = placeOf(path);
    if (!place.isRoots) return null;
    const { folder, name } = place;
    try {
      return folder.create(name, mode);
    } catch (error) {
      const exists = error instanceof Deno.errors.AlreadyExists;
      if (!exists || !place.isPrivate) return null;
    }
    const found = folder.look(name);
    if (found === null) return null;
    const { isFile, uid, nlink } = found.info;
    if (isFile && uid === 0 && nlink === 1) return found;
    found[Symbol.dispose]();
    return null;
  } catch {
    return null;
  }
}

/**
 * Opens a file to append to, and creates it with `mode` where it is missing.
 * Root goes where links lead that are root's own, and in a folder that others
 * can change opens plain files only that have no second name, and what root
 * itself has made there, such as a pipe.
 *
 * @throws {SystemError} When it may be another file than the one meant.
 * @throws {Error} What the system says.
 */
export function openToAppend(path: string, mode: number): Deno.FsFile {
  if (!isRoot()) {
    return Deno.openSync(path, { append: true, create: true, mode });
  }
  using place = placeOf(path, true);
  const { folder, name } = place;
  using found = folder.look(name);
  if (found === null) {
    const options = { append: true, createNew: true, mode };
    return Deno.openSync(folder.entry(name), options);
  }
  const { info } = found;
  if (folder.isDescriptor(name)) {
    return Deno.openSync(folder.entry(name), { append: true });
  }
  const trap = place.isPrivate ? null : whatIsWrong(info, folder);
  if (trap !== null) {
    throw new SystemError(
      `${trap}, and other users can change its folder, so root does not write there. Choose a folder that only root can change, or start as another user`,
    );
  }
  return Deno.openSync(found.path, { append: true });
}

/** Why a file may not be what it is taken for; null when all is well. */
function whatIsWrong(info: Deno.FileInfo, folder: Folder): string | null {
  if (info.isDirectory) return null; // the system refuses that itself
  if (info.isSymlink) return "it became a link meanwhile";
  if (info.nlink !== 1) return "the file has a second name (a hard link)";
  if (info.uid === 0) return null;
  if (!info.isFile) {
    return `it is no plain file and belongs to user ${info.uid}`;
  }
  // Anybody can put a file into such a folder, to read what is written then.
  return folder.isSticky && info.uid !== folder.owner
    ? `the file belongs to user ${info.uid}`
    : null;
}

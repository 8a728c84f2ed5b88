/**
 * What another user may do with a file, while this process is still root.
 *
 * @module
 */

import { dirname, resolve } from "../std/path.ts";
import type { Identity } from "./privileges.ts";

/** Bits of a mode; those that are wanted are added up. */
export const ACCESS = { search: 1, write: 2, read: 4 } as const;

/**
 * Tells whether `identity` may reach the file or folder at `path`, and do there
 * what `wanted` says, going by owners and modes alone: access control lists are
 * not looked at. False when it is not there.
 */
export function mayAccess(
  path: string,
  identity: Identity,
  wanted: number,
): boolean {
  if (identity.uid === 0) return true;
  try {
    const real = Deno.realPathSync(path);
    // Where links lead is not all: the links must be found, too.
    return [...parents(resolve(path)), ...parents(real)].every((folder) =>
      allows(folder, identity, ACCESS.search)
    ) && allows(real, identity, wanted);
  } catch {
    return false;
  }
}

/** The first class that fits decides, even when a later one allows more. */
function allows(path: string, { uid, gid }: Identity, wanted: number): boolean {
  const file = Deno.statSync(path);
  const shift = file.uid === uid ? 6 : file.gid === gid ? 3 : 0;
  return (file.mode! >> shift & wanted) === wanted;
}

function parents(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...parents(parent)];
}

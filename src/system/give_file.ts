/**
 * Files of root that another user must be able to open.
 *
 * @module
 */

import { requireLibc } from "./libc.ts";
import { SystemError } from "./system_error.ts";

const SYMBOLS = {
  lchown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
} as const;

/** The group stays. */
const UNCHANGED = 0xffff_ffff;

/**
 * Makes `uid` the owner of the file at `path`, which is created with `mode`
 * where it is missing. Only a plain file of root is given away: what else may
 * be there is somebody's own arrangement, or a trap. Where the file cannot be
 * created nothing happens; whoever opens it will be told why.
 *
 * @throws {SystemError} When the owner cannot be changed.
 */
export function giveFile(path: string, uid: number, mode: number): void {
  try {
    Deno.openSync(path, { write: true, createNew: true, mode }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) return;
  }
  const { isFile, uid: owner, nlink } = Deno.lstatSync(path);
  if (!isFile || owner !== 0 || nlink !== 1 || uid === 0) return;
  const library = requireLibc("Changing the user", SYMBOLS);
  try {
    // Deno.chown would follow a link that was put there meanwhile.
    const name = new TextEncoder().encode(`${path}\0`);
    if (library.symbols.lchown(name, uid, UNCHANGED) !== 0) {
      throw new SystemError(`The owner of ${path} cannot be changed.`);
    }
  } finally {
    library.close();
  }
}

/**
 * The file of a Unix socket.
 *
 * @module
 */

import { ListenError, listenError } from "./listen_error.ts";

/**
 * Makes a path free for a socket: removes one that nobody listens at.
 *
 * @param takesOver Who listens there is about to go, and is not asked.
 * @throws {ListenError} When something else is there, or somebody listens.
 */
export async function takeSocketPath(
  path: string,
  takesOver: boolean,
): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw listenError({ path }, error);
  }
  if (!info.isSocket) {
    throw new ListenError(
      `Cannot listen at ${path}: a file that is no socket is there. Choose another path with --socket.`,
    );
  }
  if (!takesOver && await somebodyListens(path)) {
    throw new ListenError(
      `Cannot listen at ${path}: another program listens there. Stop that one, or choose another path with --socket.`,
    );
  }
  // Who takes over replaces it in one step.
  if (takesOver) return;
  try {
    await Deno.remove(path);
  } catch (error) {
    throw listenError({ path }, error);
  }
}

/**
 * Tells one socket's file from the next at the same path. The number alone
 * does not: the next often gets the same.
 */
export function socketIdentity(path: string): string | null {
  try {
    const { isSocket, ino, mtime } = Deno.lstatSync(path);
    return isSocket ? `${ino} ${mtime?.getTime()}` : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Removes the file of a socket, unless it is a successor's by now. */
export function releaseSocketPath(
  path: string,
  identity: string | null,
): void {
  if (identity === null || socketIdentity(path) !== identity) return;
  Deno.removeSync(path);
}

async function somebodyListens(path: string): Promise<boolean> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
    return true;
  } catch (error) {
    // Other errors come of a listener that is busy, or another user's.
    return !(error instanceof Deno.errors.ConnectionRefused);
  }
}

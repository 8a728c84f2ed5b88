/**
 * The file of a Unix socket.
 *
 * @module
 */

import { ListenError } from "./listen_error.ts";

/**
 * Makes a path free for a socket: removes one that nobody listens at.
 *
 * @throws {ListenError} When something else is there, or somebody listens.
 */
export async function takeSocketPath(path: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (!info.isSocket) {
    throw new ListenError(
      `Cannot listen at ${path}: a file that is no socket is there. Choose another path with --socket.`,
    );
  }
  if (await somebodyListens(path)) {
    throw new ListenError(
      `Cannot listen at ${path}: another program listens there. Stop that one, or choose another path with --socket.`,
    );
  }
  await Deno.remove(path);
}

/** Removes the file of a socket that is no longer listened at. */
export function releaseSocketPath(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function somebodyListens(path: string): Promise<boolean> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
    return true;
  } catch {
    return false;
  }
}

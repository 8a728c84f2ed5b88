/**
 * Files and open handles as response bodies.
 *
 * @module
 */

import type { FileHandle } from "../pagi/types.ts";

/** Bytes read at a time (PAGI.md 3.3). */
const PIECE = 65536;

/**
 * Opens a file to be sent.
 *
 * @throws {Error} When it is missing, unreadable or not a regular file.
 */
export async function openFile(
  path: string,
): Promise<{ file: Deno.FsFile; size: number }> {
  // Looked at before: opening a FIFO would wait for somebody to write to it.
  if (!(await Deno.stat(path)).isFile) {
    throw new Error(`${path} is not a regular file.`);
  }
  const file = await Deno.open(path);
  try {
    const { size } = await file.stat();
    return { file, size };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Moves to `offset`; a handle that cannot is read up to there. */
export async function skipTo(
  handle: FileHandle,
  offset: number,
): Promise<void> {
  if (handle.seek) {
    await handle.seek(offset, 0);
    return;
  }
  await readPieces(handle, offset, () => Promise.resolve(true));
}

/**
 * Reads up to `length` bytes in pieces, each in a buffer of its own, until
 * `take` says no.
 */
export async function readPieces(
  handle: FileHandle,
  length: number,
  take: (piece: Uint8Array<ArrayBuffer>) => Promise<boolean>,
): Promise<void> {
  let left = length;
  while (left > 0) {
    const buffer = new Uint8Array(Math.min(PIECE, left));
    const count = await handle.read(buffer);
    if (count === null || count === 0) return;
    left -= count;
    if (!await take(buffer.subarray(0, count))) return;
  }
}

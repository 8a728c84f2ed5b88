/**
 * Files and open handles as response bodies.
 *
 * @module
 */

import type { FileHandle } from "../../pagi/types.ts";

/** Bytes that are read at a time (PAGI.md 3.3). */
const CHUNK_BYTES = 65536;

/** A file that stands at the part of it that is to be sent. */
export interface FilePart {
  readonly file: Deno.FsFile;
  /** Bytes to be sent. */
  readonly bytes: number;
  /** Bytes to the end of the file. */
  readonly rest: number;
}

/**
 * Opens a file to be sent.
 *
 * @throws {Error} When it is missing, unreadable or not a regular file.
 */
export async function openFile(path: string): Promise<Deno.FsFile> {
  // Looked at before: opening a FIFO would wait for somebody to write to it.
  if (!(await Deno.stat(path)).isFile) {
    throw new Error(`${path} is not a regular file.`);
  }
  return await Deno.open(path);
}

/**
 * The part of an open file from `offset`, or from where it stands: up to
 * `length` bytes of it, or all. Null where its size does not tell, as of a pipe
 * and of files in /proc.
 */
export async function partOf(
  file: Deno.FsFile,
  offset: number | null,
  length: number | null,
): Promise<FilePart | null> {
  const { isFile, size } = await file.stat();
  if (!isFile || size === 0) return null;
  const { Start, Current } = Deno.SeekMode;
  const at = await file.seek(offset ?? 0, offset === null ? Current : Start);
  const rest = Math.max(0, size - at);
  return { file, bytes: Math.min(length ?? rest, rest), rest };
}

/** Closes a handle that may be closed already. */
export function closeHandle(handle: FileHandle): void {
  try {
    handle.close?.();
  } catch {
    // It has been read to its end by the engine, which closes it.
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
  await readChunks(handle, offset, () => Promise.resolve(true));
}

/**
 * Reads up to `length` bytes in chunks, each in a buffer of its own, until
 * `take` says no.
 */
export async function readChunks(
  handle: FileHandle,
  length: number,
  take: (chunk: Uint8Array<ArrayBuffer>) => Promise<boolean>,
): Promise<void> {
  let left = length;
  while (left > 0) {
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, left));
    const count = await handle.read(buffer);
    if (count === null || count === 0) return;
    left -= count;
    if (!await take(buffer.subarray(0, count))) return;
  }
}

/** Files and open handles as response bodies. */

import type { FileHandle } from "../../pagi/types.ts";
import {
  FILE_DESCRIPTORS,
  heldDescriptors,
} from "../../system/descriptor_budget.ts";

/** Bytes that are read at a time (PAGI.md 3.3). */
const CHUNK_BYTES = 65536;

/** The response whose body is a file. */
interface FileResponse {
  /** Bytes by its `content-length`; null without one. */
  readonly announced: number | null;
  /** True if the engine may read the file by itself. */
  canBeNative(part: FilePart): boolean;
  writeNatively(part: FilePart): Promise<void>;
  /** Opens the body, if it is not open yet. */
  open(): { readonly over: boolean; write(chunk: Uint8Array): Promise<void> };
  /** The body is complete. */
  end(): void;
}

/** Which part of a file or handle an event sends. */
interface Slice {
  readonly offset?: number | null;
  /** Bytes; null to the end. */
  readonly length?: number | null;
  /** The server closes the handle, and the app uses it no more. */
  readonly close?: unknown;
}

/**
 * Sends the file at `path` as the body of `response`.
 *
 * @throws {Error} When it is missing, unreadable or not a regular file.
 */
export async function writeFile(
  response: FileResponse,
  path: string,
  { offset, length }: Slice,
): Promise<void> {
  using _held = heldDescriptors(FILE_DESCRIPTORS);
  const file = await openFile(path);
  const slice = { offset: offset ?? 0, length, close: true };
  await writeHandle(response, file, slice);
}

/**
 * Sends the content of a handle from `offset`, or else from its current position.
 * The engine can read a file that the server may close, which is faster.
 */
export async function writeHandle(
  response: FileResponse,
  handle: FileHandle,
  { offset = null, length = null, close }: Slice,
): Promise<void> {
  if (!close) return await writeChunks(response, handle, offset, length);
  try {
    const part = handle instanceof Deno.FsFile
      ? await partOf(handle, offset, length)
      : null;
    if (part === null) await writeChunks(response, handle, offset, length);
    else if (response.canBeNative(part)) await response.writeNatively(part);
    else await writeChunks(response, handle, null, part.bytes);
  } finally {
    closeHandle(handle);
  }
}

async function writeChunks(
  response: FileResponse,
  handle: FileHandle,
  offset: number | null,
  length: number | null,
): Promise<void> {
  if (offset !== null) await skipTo(handle, offset);
  // The body opens with the first chunk: a handle that cannot be read leaves
  // everything as it was. A file may have grown since its length was announced.
  const maxBytes = Math.min(length ?? Infinity, response.announced ?? Infinity);
  await readChunks(handle, maxBytes, async (chunk) => {
    const body = response.open();
    await body.write(chunk);
    return !body.over;
  });
  response.open();
  response.end();
}

/** An open file, positioned at the part that is to be sent. */
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
async function openFile(path: string): Promise<Deno.FsFile> {
  // Checked before opening: opening a FIFO blocks until somebody writes to it.
  if (!(await Deno.stat(path)).isFile) {
    throw new Error(`${path} is not a regular file.`);
  }
  return await Deno.open(path);
}

/**
 * The part of an open file from `offset`, or else from its current position: up
 * to `length` bytes, or all. Null if the size is unknown, as for pipes and files
 * in /proc.
 */
async function partOf(
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
function closeHandle(handle: FileHandle): void {
  try {
    handle.close?.();
  } catch {
    // It has been read to its end by the engine, which closes it.
  }
}

/** Moves to `offset`; a handle that cannot is read up to there. */
async function skipTo(
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
async function readChunks(
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

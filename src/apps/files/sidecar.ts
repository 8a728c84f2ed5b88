/**
 * Compressed files that lie next to the ones they were made of.
 *
 * @module
 */

import {
  brotliDecompressSync,
  gunzipSync,
  zstdDecompressSync,
} from "node:zlib";
import { Buffer } from "node:buffer";
import type { OpenedFile } from "./document_root.ts";
import type { FileCache } from "./file_cache.ts";
import { readAt } from "./small_file.ts";
import type { SmallFile } from "./small_file.ts";

/** The content codings that files are compressed with, the best one first. */
export const CODINGS = ["br", "zstd", "gzip"] as const;
/** One of {@linkcode CODINGS}. */
export type Coding = (typeof CODINGS)[number];

const EXTENSIONS: Readonly<Record<Coding, string>> = {
  br: ".br",
  zstd: ".zst",
  gzip: ".gz",
};

/** A compressed file, and how it is compressed. */
export interface Sidecar {
  readonly opened: OpenedFile | SmallFile;
  readonly coding: Coding;
}

/**
 * Opens the first there is of the compressed forms of `original`, the file at
 * `path`, or returns null.
 */
export function openSidecar(
  files: FileCache,
  path: string,
  original: OpenedFile | SmallFile,
  codings: readonly Coding[],
): Sidecar | null {
  for (const coding of codings) {
    const opened = tryOpen(files, path + EXTENSIONS[coding]);
    if (opened === null) continue;
    if (isCopyOf(original, opened, coding)) return { opened, coding };
    opened[Symbol.dispose]();
  }
  return null;
}

/** The file at `path`; null for anything else, and where the system fails. */
function tryOpen(
  files: FileCache,
  path: string,
): OpenedFile | SmallFile | null {
  try {
    const opened = files.open(path);
    if (typeof opened === "number") return null;
    if (opened.kind !== "folder") return opened;
    opened[Symbol.dispose]();
  } catch {
    // The original does without.
  }
  return null;
}

/** Tells whether `copy` may be sent in the place of `original`. */
function isCopyOf(
  original: OpenedFile | SmallFile,
  copy: OpenedFile | SmallFile,
  coding: Coding,
): boolean {
  // What compresses nothing still makes a few bytes of it: this one was begun
  // and not written.
  if (copy.info.size === 0) return false;
  try {
    return isAsNew(copy.info, original.info) &&
      !hasOtherContent(copy, original, coding);
  } catch {
    // It cannot be read.
    return false;
  }
}

/**
 * Tells whether a copy is no older than its original. Some tools give it the
 * same time, and some of them (brotli, tar) in whole seconds only.
 */
function isAsNew(copy: Deno.FileInfo, original: Deno.FileInfo): boolean {
  const [made, changed] = [copy.mtime?.getTime(), original.mtime?.getTime()];
  if (made === undefined || changed === undefined) return true;
  return made >= changed - (made % 1000 === 0 ? changed % 1000 : 0);
}

/**
 * Tells whether a copy is seen to be of another file or version, whatever its
 * time: a file that an older version of it replaced (`cp -p`) is older than
 * its copy. Of small files all is compared, of large ones the length that the
 * copy tells. What cannot be read is left to the client.
 */
function hasOtherContent(
  copy: OpenedFile | SmallFile,
  original: OpenedFile | SmallFile,
  coding: Coding,
): boolean {
  if (copy.kind !== "small" || original.kind !== "small") {
    const length = lengthIn(copy, coding);
    return length !== null && length !== original.info.size % 2 ** 32;
  }
  if (copy.copied?.of !== original) {
    const same = isCopy(copy.bytes, original.bytes, coding);
    copy.copied = { of: original, same };
  }
  return !copy.copied.same;
}

/** Bytes of the longest way to compress nothing. */
const EMPTY_BROTLI = 4;

function isCopy(
  copy: Uint8Array,
  original: Uint8Array,
  coding: Coding,
): boolean {
  // One byte more shows that there is more.
  const options = { maxOutputLength: original.length + 1 };
  try {
    const bytes = coding === "br"
      ? brotliDecompressSync(copy, options)
      : coding === "zstd"
      ? zstdDecompressSync(copy, options)
      : gunzipSync(copy, options);
    // Of what it cannot read, Deno's brotli makes nothing.
    if (coding === "br" && bytes.length === 0 && copy.length > EMPTY_BROTLI) {
      return true;
    }
    return Buffer.compare(bytes, original) === 0;
  } catch (error) {
    const { code } = error as { code?: string };
    return code !== "ERR_BUFFER_TOO_LARGE";
  }
}

/** Bytes of the original by the end of a gzip file, modulo 2^32 (RFC 1952). */
function lengthIn(
  copy: OpenedFile | SmallFile,
  coding: Coding,
): number | null {
  if (coding !== "gzip" || copy.info.size < 18) return null;
  const end = new Uint8Array(4);
  if (copy.kind === "small") end.set(copy.bytes.subarray(-4));
  else if (readAt(copy.file, end, copy.info.size - 4) < 4) return null;
  return new DataView(end.buffer).getUint32(0, true);
}

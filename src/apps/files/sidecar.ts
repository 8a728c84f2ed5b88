/**
 * Precompressed files next to the originals (`a.css.br`, `.zst`, `.gz`).
 *
 * @module
 */

import {
  brotliDecompressSync,
  gunzipSync,
  zstdDecompressSync,
} from "node:zlib";
import { Buffer } from "node:buffer";
import type { RequestReader } from "../disconnect.ts";
import type { OpenedFile } from "./document_root.ts";
import { type FileCache, readAt, type SmallFile } from "./file_cache.ts";

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
interface Sidecar {
  readonly opened: OpenedFile | SmallFile;
  readonly coding: Coding;
}

/**
 * Opens the first compressed form of `original`, the file at `path`, in the
 * order of `codings`; null if there is none. A promise if reading may block.
 */
export function openSidecar(
  files: FileCache,
  path: string,
  original: OpenedFile | SmallFile,
  codings: readonly Coding[],
  client: () => RequestReader,
): Sidecar | null | Promise<Sidecar | null> {
  for (let i = 0; i < codings.length; i++) {
    const coding = codings[i];
    const opened = tryOpen(files, path + EXTENSIONS[coding]);
    if (opened === null) continue;
    if (opened.kind === "file" && opened.mayBlock) {
      return openSlowly(
        opened,
        files,
        path,
        original,
        codings.slice(i),
        client,
      );
    }
    if (isCopyOf(original, opened, coding)) return { opened, coding };
    opened[Symbol.dispose]();
  }
  return null;
}

/** The same, when `copy` is what was opened for the first of the codings. */
async function openSlowly(
  copy: OpenedFile,
  files: FileCache,
  path: string,
  original: OpenedFile | SmallFile,
  [coding, ...others]: readonly Coding[],
  client: () => RequestReader,
): Promise<Sidecar | null> {
  const opened = await files.readSlowly(
    path + EXTENSIONS[coding],
    copy,
    client(),
  );
  if (opened === "left") return null;
  if (opened !== copy) copy[Symbol.dispose]();
  if (opened !== "busy") {
    if (isCopyOf(original, opened, coding)) return { opened, coding };
    opened[Symbol.dispose]();
  }
  return await openSidecar(files, path, original, others, client);
}

/** The file at `path`; null for anything else, and where the system fails. */
function tryOpen(
  files: FileCache,
  path: string,
): OpenedFile | SmallFile | null {
  try {
    const opened = files.open(path);
    if (typeof opened === "number") return null;
    if (opened.kind !== "directory") return opened;
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
  // No compressed file is empty: the tool has not written this one yet.
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
 * True if the copy is no older than the original. Some tools copy the time, and
 * some of them (brotli, tar) only in whole seconds.
 */
function isAsNew(copy: Deno.FileInfo, original: Deno.FileInfo): boolean {
  const [made, changed] = [copy.mtime?.getTime(), original.mtime?.getTime()];
  if (made === undefined || changed === undefined) return true;
  return made >= changed - (made % 1000 === 0 ? changed % 1000 : 0);
}

/**
 * Tells whether a copy is seen to be of another file or version, whatever its
 * time: a file that an older version of it replaced (`cp -p`) is older than
 * its copy. Of small files all is compared, of large ones how the copy begins
 * and the length that it tells.
 */
function hasOtherContent(
  copy: OpenedFile | SmallFile,
  original: OpenedFile | SmallFile,
  coding: Coding,
): boolean {
  if (copy.kind !== "small" || original.kind !== "small") {
    if (!hasMagic(copy, coding)) return true;
    const length = lengthIn(copy, coding);
    return length !== null && length !== original.info.size % 2 ** 32;
  }
  if (copy.copied?.of !== original) {
    const same = isCopy(copy.bytes, original.bytes, coding);
    copy.copied = { of: original, same };
  }
  return !copy.copied.same;
}

/** How compressed files begin (RFC 1952, RFC 8878); brotli has no such mark. */
const MAGIC: Readonly<Record<Coding, readonly number[]>> = {
  br: [],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  gzip: [0x1f, 0x8b],
};

/** Tells whether a copy begins as what is compressed with `coding` does. */
function hasMagic(copy: OpenedFile | SmallFile, coding: Coding): boolean {
  const magic = MAGIC[coding];
  if (magic.length === 0) return true;
  const head = new Uint8Array(magic.length);
  if (copy.kind === "small") head.set(copy.bytes.subarray(0, head.length));
  else if (copy.mayBlock) {
    head.set((copy.head ?? head).subarray(0, head.length));
  } else readAt(copy.file, head, 0);
  return magic.every((byte, i) => head[i] === byte);
}

/** True when `copy` can be decompressed, and gives just what `original` has. */
function isCopy(
  copy: Uint8Array,
  original: Uint8Array,
  coding: Coding,
): boolean {
  // One more byte reveals longer content.
  const options = { maxOutputLength: original.length + 1 };
  try {
    const bytes = coding === "br"
      ? brotliDecompressSync(copy, options)
      : coding === "zstd"
      ? zstdDecompressSync(copy, options)
      : gunzipSync(copy, options);
    return Buffer.compare(bytes, original) === 0;
  } catch {
    return false;
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
  else if (copy.mayBlock || readAt(copy.file, end, copy.info.size - 4) < 4) {
    return null;
  }
  return new DataView(end.buffer).getUint32(0, true);
}

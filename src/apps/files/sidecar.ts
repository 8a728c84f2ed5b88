/** Precompressed files next to the originals (`a.css.br`, `.zst`, `.gz`). */

import type { RequestReader } from "../disconnect.ts";
import { memo } from "../../http/memo.ts";
import { preferredCodings } from "../../http/negotiation.ts";
import { node } from "../../std/node.ts";
import type { FileStamp } from "../../system/file_stamp.ts";
import type { OpenedFile } from "./document_root.ts";
import type { FileCache } from "./file_cache.ts";
import {
  bytesAt,
  MAX_CACHED_FILE_BYTES,
  type SmallFile,
} from "./small_file.ts";

/** The content codings of sidecars, the best one first. */
export const CODINGS = ["br", "zstd", "gzip"] as const;
/** One of {@linkcode CODINGS}. */
export type Coding = (typeof CODINGS)[number];

/**
 * The codings among them that a client accepts by its `accept-encoding`, the
 * preferred ones first, joined by commas.
 */
export function acceptedCodings(field: string | null): string {
  return field === null ? "" : codingsIn(field);
}

const codingsIn = memo(
  (field) => preferredCodings(field, CODINGS).join(),
  { entries: 100 },
);

const FORMATS = {
  // No magic number.
  br: { extension: ".br", magic: [], decompress: "brotliDecompressSync" },
  // RFC 8878, 3.1.1
  zstd: {
    extension: ".zst",
    magic: [0x28, 0xb5, 0x2f, 0xfd],
    decompress: "zstdDecompressSync",
  },
  // RFC 1952, 2.3.1
  gzip: { extension: ".gz", magic: [0x1f, 0x8b], decompress: "gunzipSync" },
} as const;

/** A compressed file, and its coding. */
export interface Sidecar {
  readonly opened: OpenedFile | SmallFile;
  readonly coding: Coding;
}

/**
 * Opens the first valid sidecar of `original`, the file at `path`, in the order
 * of `codings`; null if there is none.
 */
export async function openSidecar(
  files: FileCache,
  path: string,
  original: OpenedFile | SmallFile,
  codings: readonly Coding[],
  client: () => RequestReader,
): Promise<Sidecar | null> {
  for (const coding of codings) {
    const name = path + FORMATS[coding].extension;
    const found = files.tryOpen(name);
    if (found === null) continue;
    let opened: OpenedFile | SmallFile = found;
    if (found.kind === "file" && found.mayBlock) {
      const read = await files.readSlowly(name, found, client());
      if (read === "left") return null;
      if (read !== found) found[Symbol.dispose]();
      if (read === "busy") continue;
      opened = read;
    }
    if (isCopyOf(original, opened, coding)) return { opened, coding };
    opened[Symbol.dispose]();
  }
  return null;
}

/**
 * The stamps of all that the choice of `sidecar` depends on: its own, and that of
 * the folder where better ones may appear. Null if something cannot be stamped.
 *
 * @param sidecar What {@linkcode openSidecar} has chosen among `codings`.
 */
export function sidecarStamps(
  files: FileCache,
  path: string,
  codings: readonly Coding[],
  sidecar: Sidecar | null,
): readonly FileStamp[] | null {
  const better = sidecar === null
    ? codings
    : codings.slice(0, codings.indexOf(sidecar.coding));
  const nameOf = (coding: Coding) => path + FORMATS[coding].extension;
  const stamps = files.stampAbsence(better.map(nameOf));
  if (stamps === null || sidecar === null) return stamps;
  const { opened, coding } = sidecar;
  const own = opened.kind === "small"
    ? files.stampOf(nameOf(coding), opened)
    : null;
  return own && [...stamps, own];
}

/** Whether `copy` can be sent in place of `original`. */
function isCopyOf(
  original: OpenedFile | SmallFile,
  copy: OpenedFile | SmallFile,
  coding: Coding,
): boolean {
  // An empty file is not compressed: the tool has not written it yet.
  if (copy.info.size === 0) return false;
  try {
    return isAsNew(copy.info, original.info) &&
      hasSameContent(copy, original, coding);
  } catch {
    // It cannot be read.
    return false;
  }
}

/**
 * True if the copy is not older than the original. Some tools copy the time,
 * and some of those (brotli, tar) only in whole seconds.
 */
function isAsNew(copy: Deno.FileInfo, original: Deno.FileInfo): boolean {
  const [made, changed] = [copy.mtime?.getTime(), original.mtime?.getTime()];
  if (made === undefined || changed === undefined) return true;
  return made >= changed - (made % 1000 === 0 ? changed % 1000 : 0);
}

/**
 * False if a copy is evidently of another file or version. Its time does not
 * tell: when an older version of a file replaces it (`cp -p`), the copy is
 * newer. Small files are compared completely; of large ones, the magic number
 * and the length of the original (the last 4 bytes in gzip, modulo 2^32).
 */
function hasSameContent(
  copy: OpenedFile | SmallFile,
  original: OpenedFile | SmallFile,
  coding: Coding,
): boolean {
  // A larger one has the same copies while it is not in memory.
  if (
    copy.kind === "small" && original.kind === "small" &&
    original.bytes.length <= MAX_CACHED_FILE_BYTES
  ) {
    if (copy.copied?.of !== original) {
      const same = decompressesTo(copy.bytes, original.bytes, coding);
      copy.copied = { of: original, same };
    }
    return copy.copied.same;
  }
  const { magic } = FORMATS[coding];
  const start = bytesAt(copy, 0, magic.length);
  if (!magic.every((byte, i) => start?.[i] === byte)) return false;
  if (coding !== "gzip" || copy.info.size < 18) return true;
  const end = bytesAt(copy, copy.info.size - 4, 4);
  if (end?.length !== 4) return true;
  const length = new DataView(end.buffer, end.byteOffset).getUint32(0, true);
  return length === original.info.size % 2 ** 32;
}

function decompressesTo(
  copy: Uint8Array,
  original: Uint8Array,
  coding: Coding,
): boolean {
  // One more byte reveals longer content.
  const options = { maxOutputLength: original.length + 1 };
  try {
    const bytes = node("node:zlib")[FORMATS[coding].decompress](copy, options);
    return bytes.compare(original) === 0;
  } catch {
    return false;
  }
}

/**
 * Compressed files that lie next to the ones they were made of.
 *
 * @module
 */

import type { OpenedFile } from "./document_root.ts";
import type { FileCache } from "./file_cache.ts";
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
 * Opens the first there is of the compressed forms of the file at `path`, or
 * returns null.
 */
export function openSidecar(
  files: FileCache,
  path: string,
  codings: readonly Coding[],
): Sidecar | null {
  for (const coding of codings) {
    const opened = files.open(path + EXTENSIONS[coding]);
    if (typeof opened === "number") continue;
    if (opened.kind !== "folder") return { opened, coding };
    opened[Symbol.dispose]();
  }
  return null;
}

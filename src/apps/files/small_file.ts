/**
 * A small file in memory.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { declareConstant } from "../../pagi/constant_bytes.ts";
import type { HeaderList } from "../../pagi/types.ts";
import { isSameVersion } from "../../system/file_look.ts";
import type { OpenedFile } from "./document_root.ts";
import type { FileVersion } from "./file_version.ts";

/** Up to this many bytes a file is small. */
export const SMALL = 128 * 1024;

/** What answers a GET that has no conditions and asks for no part. */
export interface WholeAnswer {
  readonly headers: HeaderList;
  /** Only if it has no `accept-encoding` either. */
  readonly uncodedOnly: boolean;
}

/** All of a file as it was at one moment; there is nothing to close. */
export class SmallFile implements Disposable {
  /** Tells it from files and folders that are open. */
  readonly kind = "small";
  /** What tells this version of the file from others, once that is known. */
  version: FileVersion | null = null;
  /** What answers a request for all of it, once that is known. */
  whole: WholeAnswer | null = null;
  #gzipped: Uint8Array | null = null;

  constructor(
    readonly info: Deno.FileInfo,
    readonly bytes: Uint8Array,
  ) {
    declareConstant(bytes);
  }

  /** The file compressed with gzip. */
  get gzipped(): Uint8Array {
    if (this.#gzipped === null) {
      this.#gzipped = new Uint8Array(gzipSync(this.bytes));
      declareConstant(this.#gzipped);
    }
    return this.#gzipped;
  }

  /** Does nothing, as for a file that is open. */
  [Symbol.dispose](): void {}
}

/**
 * Reads all of an open file, or returns null if it is too large or changes
 * meanwhile.
 */
export function readSmallFile({ file, info }: OpenedFile): SmallFile | null {
  if (info.size > SMALL) return null;
  const bytes = new Uint8Array(info.size);
  let filled = 0;
  while (filled < bytes.length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) return null;
    filled += count;
  }
  return isSameVersion(info, file.statSync())
    ? new SmallFile(info, bytes)
    : null;
}

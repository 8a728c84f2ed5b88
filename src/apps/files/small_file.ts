/**
 * A small file in memory.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { declareConstant } from "../../pagi/constant_bytes.ts";
import type { HeaderList } from "../../pagi/types.ts";
import { isSameVersion } from "../../system/file_look.ts";
import type { Departure } from "./departure.ts";
import type { OpenedFile } from "./document_root.ts";

/** Up to this many bytes a file is small. */
export const SMALL = 128 * 1024;

/** One version of a file, as header fields show it. */
export interface FileVersion {
  /** Its entity tag; null where nothing tells it from others. */
  readonly tag: string | null;
  /** Milliseconds in whole seconds; null where the time tells nothing. */
  readonly lastModified: number | null;
  /** What `last-modified` says, if anything. */
  readonly date: string | null;
}

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
  /** Its `content-type`, once that is known. */
  type: string | null = null;
  /** The file that this was last found to be a compressed copy of, or not. */
  copied: { of: SmallFile; same: boolean } | null = null;
  #gzipped: Uint8Array | null = null;

  /**
   * @param stable It did not change while it was read, and has as many bytes
   * as the system says.
   */
  constructor(
    readonly info: Deno.FileInfo,
    readonly bytes: Uint8Array,
    readonly stable: boolean = true,
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

/** How often a file that changes meanwhile is read again. */
const ATTEMPTS = 3;

/**
 * Reads all of an open file, or returns null if it is too large. A file that
 * changes all the time is what was read of it last. What /proc and /sys say of
 * sizes is no help: 0 bytes or a page, whatever there is.
 */
export function readSmallFile({ file, info }: OpenedFile): SmallFile | null {
  let before = info;
  for (let attempt = 1;; attempt++) {
    if (before.size > SMALL) return null;
    const buffer = new Uint8Array(before.size || SMALL + 1);
    const count = readAt(file, buffer, 0);
    // Nothing keeps a buffer that is longer than what was read.
    const bytes = count < buffer.length ? buffer.slice(0, count) : buffer;
    const after = file.statSync();
    if (isSameVersion(before, after)) {
      if (count > SMALL) return null;
      return new SmallFile(after, bytes, count === before.size);
    }
    if (attempt === ATTEMPTS) return new SmallFile(after, bytes, false);
    before = after;
  }
}

/** Reads of {@linkcode readSmallFileSlowly} that are under way. */
let slowReads = 0;
/**
 * How many there may be at a time: each takes one of the 32 threads that Deno
 * has for files until the system answers, even if its client has left.
 */
const MAX_SLOW_READS = 8;

/**
 * The same for a file whose read may block; what is too large leaves its first
 * bytes in `head`.
 *
 * @returns "busy" when too many such reads are under way; "left" when the
 * client left first: the file is closed when the read ends
 */
export async function readSmallFileSlowly(
  opened: OpenedFile,
  client: Departure,
): Promise<SmallFile | null | "busy" | "left"> {
  if (slowReads >= MAX_SLOW_READS) return "busy";
  const { file, info } = opened;
  const read = async () => {
    const buffer = new Uint8Array(SMALL + 1);
    let filled = 0;
    while (filled < buffer.length) {
      const count = await file.read(buffer.subarray(filled));
      if (count === null) break;
      filled += count;
      // What waits for events has no end.
      if (client.happened) return null;
    }
    if (filled > SMALL) {
      opened.head = buffer;
      return null;
    }
    const after = await file.stat();
    const stable = isSameVersion(info, after) && filled === info.size;
    return new SmallFile(after, buffer.slice(0, filled), stable);
  };
  slowReads++;
  const reading = read().finally(() => slowReads--);
  const close = () => opened[Symbol.dispose]();
  try {
    const small = await Promise.race([
      reading,
      client.promise.then(() => "left" as const),
    ]);
    if (small === "left") reading.then(close, close);
    return small;
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Fills `buffer` with what is at `position`, wherever the file stands.
 *
 * @returns The bytes read: fewer than asked for at the end of the file.
 */
export function readAt(
  file: Deno.FsFile,
  buffer: Uint8Array,
  position: number,
): number {
  file.seekSync(position, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < buffer.length) {
    const count = file.readSync(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return filled;
}

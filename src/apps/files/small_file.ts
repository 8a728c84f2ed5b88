/** The content of a small file: reading it, and what is made of it. */

import type { RequestReader } from "../disconnect.ts";
import type { OpenedFile } from "./document_root.ts";
import { gzipBytes } from "./gzip.ts";
import { markImmutable } from "../../pagi/constant_bytes.ts";
import type { ReadyAnswers } from "../../pagi/ready_answers.ts";
import { type FileStamp, isSameVersion } from "../../system/file_stamp.ts";

/** The largest file that is cached when it is first read, in bytes. */
export const MAX_CACHED_FILE_BYTES = 128 * 1024;

/** The validators of one version of a file. */
export interface FileVersion {
  /** Its entity tag; null if versions cannot be distinguished. */
  readonly tag: string | null;
  /** Milliseconds, in whole seconds; null if the time cannot be used. */
  readonly lastModified: number | null;
  /** The value of `last-modified`, if any. */
  readonly date: string | null;
}

/** The answers for clients that accept certain codings. */
export interface ReadyFile extends ReadyAnswers {
  /** What must not have changed either: the sidecar, and the folder of others. */
  readonly stamps: readonly FileStamp[];
}

/** The content of a file at one moment. */
export class SmallFile implements Disposable {
  readonly kind = "small";
  /** These are null until they are needed: its validators, … */
  version: FileVersion | null = null;
  /** … its `content-type`, … */
  type: string | null = null;
  /** … and whether it is a compressed copy of the last file compared to it. */
  copied: { of: SmallFile; same: boolean } | null = null;
  /** Its answers, by the codings that the client accepts: `FileCache.keepReady`. */
  readonly ready = new Map<string, ReadyFile>();
  /** True if they depend on those codings; otherwise there is one, for "". */
  varies = false;
  #gzipped: Promise<Uint8Array<ArrayBuffer>> | null = null;

  /**
   * @param stable It did not change while it was read, and has the size that
   * the system reports.
   */
  constructor(
    readonly info: Deno.FileInfo,
    readonly bytes: Uint8Array<ArrayBuffer>,
    readonly stable: boolean = true,
  ) {
    markImmutable(bytes);
  }

  /** The file compressed with gzip. */
  get gzipped(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#gzipped ??= gzipBytes(this.bytes).then((bytes) => {
      markImmutable(bytes);
      return bytes;
    });
  }

  /** Does nothing: unlike an open file, it need not be closed. */
  [Symbol.dispose](): void {}
}

/** Attempts to read a file that changes meanwhile. */
const MAX_ATTEMPTS = 3;

/**
 * Reads an open file; null if it has more than `most` bytes. If it keeps
 * changing, the last attempt counts. Sizes in /proc and /sys are ignored: they
 * are 0 or one page, whatever the content (proc(5)).
 */
export function readSmallFile(
  { file, info }: OpenedFile,
  most = MAX_CACHED_FILE_BYTES,
): SmallFile | null {
  let before = info;
  for (let attempt = 1;; attempt++) {
    if (before.size > most) return null;
    const buffer = new Uint8Array(before.size || most + 1);
    const count = readAt(file, buffer, 0);
    // A subarray would keep the whole buffer in memory.
    const bytes = count < buffer.length ? buffer.slice(0, count) : buffer;
    const after = file.statSync();
    if (isSameVersion(before, after)) {
      if (count > most) return null;
      return new SmallFile(after, bytes, count === before.size);
    }
    if (attempt === MAX_ATTEMPTS) return new SmallFile(after, bytes, false);
    before = after;
  }
}

/** Running calls of {@linkcode readSmallFileSlowly}. */
let slowReads = 0;
/**
 * Each one blocks one of Deno's 32 threads for files until the system answers,
 * even if the client has disconnected.
 */
const MAX_SLOW_READS = 8;

/**
 * The same for a file whose read may block. The first bytes of one that is too
 * large are stored in its `head`.
 *
 * @returns "busy" if too many such reads are running; "left" if the client left
 * first, in which case the file is closed when the read ends
 */
export async function readSmallFileSlowly(
  opened: OpenedFile,
  client: RequestReader,
): Promise<SmallFile | null | "busy" | "left"> {
  if (slowReads >= MAX_SLOW_READS) return "busy";
  const { file, info } = opened;
  const read = async () => {
    const buffer = new Uint8Array(MAX_CACHED_FILE_BYTES + 1);
    let filled = 0;
    while (filled < buffer.length) {
      const count = await file.read(buffer.subarray(filled));
      if (count === null) break;
      filled += count;
      // A file that delivers events has no end.
      if (client.disconnected) return null;
    }
    if (filled > MAX_CACHED_FILE_BYTES) {
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
      client.disconnect.then(() => "left" as const),
    ]);
    if (small === "left") reading.then(close, close);
    return small;
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Up to `length` bytes at `position`, fewer at the end of the file; null if
 * reading them may block.
 */
export function bytesAt(
  opened: OpenedFile | SmallFile,
  position: number,
  length: number,
): Uint8Array | null {
  const end = position + length;
  if (opened.kind === "small") return opened.bytes.subarray(position, end);
  if (opened.mayBlock) {
    const { head } = opened;
    return head && end <= head.length ? head.subarray(position, end) : null;
  }
  const buffer = new Uint8Array(length);
  return buffer.subarray(0, readAt(opened.file, buffer, position));
}

/** Fills `buffer` from `position` on; returns the number of bytes read. */
function readAt(
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

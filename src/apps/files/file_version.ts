/**
 * Entity tags and modification times: the validators of a file (RFC 9110, 8.8).
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import type { RequestReader } from "../disconnect.ts";
import type { OpenedFile } from "./document_root.ts";
import type { FileVersion, SmallFile } from "./file_cache.ts";
import { Abandoned } from "./time_slice.ts";
import {
  changeTag,
  contentTag,
  fileTag,
  formatHttpDate,
  isTelling,
  isWeak,
} from "../../http/etags.ts";

/**
 * The version of `opened`: from its modification time and size, or from its
 * content if there are `digests` or the time cannot be used (see
 * {@linkcode isTelling}). Then a large file is not read; its ctime is used.
 *
 * @param client Reading a large file ends when this client disconnects.
 * @returns null if it disconnected first
 */
export function versionOf(
  opened: OpenedFile | SmallFile,
  digests: ContentDigests | null,
  client: () => RequestReader,
): FileVersion | Promise<FileVersion | null> {
  const now = Date.now();
  const { info } = opened;
  if (opened.kind !== "small") {
    if (digests !== null) {
      return digests.of(opened, client()).then((digest) =>
        digest === null ? null : byDigest(digest, info, now)
      );
    }
    return byTime(info, now) ?? byChange(info, now);
  }
  if (opened.version !== null) return opened.version;
  const timed = digests === null && opened.bytes.length === info.size
    ? byTime(info, now)
    : null;
  const version = timed ?? byDigest(digestOf(opened.bytes), info, now);
  // A weak tag becomes strong in time.
  if (version.tag !== null && !isWeak(version.tag)) opened.version = version;
  return version;
}

function byTime(
  { size, mtime }: Deno.FileInfo,
  now: number,
): FileVersion | null {
  const modified = mtime?.getTime() ?? null;
  if (!isTelling(modified, now)) return null;
  const lastModified = modified - modified % 1000;
  return {
    tag: fileTag(size, modified, now),
    lastModified,
    date: formatHttpDate(lastModified),
  };
}

function byDigest(
  digest: string,
  info: Deno.FileInfo,
  now: number,
): FileVersion {
  const date = dateInFuture(info, now);
  return { tag: contentTag(digest), lastModified: null, date };
}

function byChange(info: Deno.FileInfo, now: number): FileVersion {
  const { size, ino, ctime } = info;
  const changed = ctime?.getTime() ?? null;
  const tag = isTelling(changed, now) && ino !== null
    ? changeTag(size, ino, changed, now)
    : null;
  return { tag, lastModified: null, date: dateInFuture(info, now) };
}

/**
 * A modification time in the future is replaced by the time of the response
 * (RFC 9110, 8.8.2.1), which does not identify a version.
 */
function dateInFuture({ mtime }: Deno.FileInfo, now: number): string | null {
  return mtime !== null && mtime.getTime() > now ? formatHttpDate(now) : null;
}

/** The most digests in the cache. */
const KEPT = 10_000;
/** Bytes per read. */
const CHUNK_BYTES = 256 * 1024;
/** Milliseconds after which a later write must have changed the times. */
const SETTLED = 2000;

/** A digest, made or being made. */
interface Digest {
  /** How many clients wait for it; the work stops at 0. */
  waiting: number;
  readonly text: Promise<string>;
}

/**
 * Digests of files, for entity tags where modification times are useless; cached
 * by device, inode, size and times.
 */
export class ContentDigests {
  readonly #known = new Map<string, Digest>();

  /**
   * The digest of an open file, up to the size in `info`: what was appended since
   * is not in the response either. Moves the position in the file.
   *
   * @returns null if the client disconnected first
   */
  async of(
    { file, info }: OpenedFile,
    client: RequestReader,
  ): Promise<string | null> {
    const { dev, ino, size, mtime, ctime } = info;
    const key = [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join();
    const known = this.#known.get(key);
    const digest = known ?? this.#begin(key, file, size);
    // Least recently used first.
    this.#known.delete(key);
    const now = Date.now();
    const changed = (ctime ?? mtime)?.getTime() ?? null;
    if (isTelling(changed, now) && now - changed > SETTLED) {
      this.#known.set(key, digest);
    }
    if (this.#known.size > KEPT) {
      this.#known.delete(this.#known.keys().next().value!);
    }
    digest.waiting++;
    try {
      return await Promise.race([digest.text, client.disconnect]) ?? null;
    } finally {
      digest.waiting--;
      // This request's file is being read; it must stay open until then.
      if (known === undefined) await digest.text.catch(() => {});
    }
  }

  #begin(key: string, file: Deno.FsFile, size: number): Digest {
    const forget = () => {
      if (this.#known.get(key) === digest) this.#known.delete(key);
    };
    const read = async () => {
      const hash = createHash("sha256");
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, size));
      file.seekSync(0, Deno.SeekMode.Start);
      for (let left = size; left > 0;) {
        const chunk = buffer.subarray(0, Math.min(left, buffer.length));
        const count = await file.read(chunk);
        if (digest.waiting === 0) {
          // Before another request can join.
          forget();
          throw new Abandoned();
        }
        if (count === null) break;
        hash.update(chunk.subarray(0, count));
        left -= count;
      }
      return textOf(hash);
    };
    const digest: Digest = {
      waiting: 0,
      text: Promise.resolve().then(read).catch((error) => {
        forget();
        throw error;
      }),
    };
    return digest;
  }
}

/** The digest of what a file contains. */
function digestOf(bytes: Uint8Array): string {
  return textOf(createHash("sha256").update(bytes));
}

function textOf(hash: Hash): string {
  // 22 characters have 132 bits, enough to rule out collisions.
  return hash.digest("base64url").slice(0, 22);
}

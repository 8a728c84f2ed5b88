/**
 * What tells versions of a file apart: its time and size, or its content.
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
 * The version that `opened` is: by its modification time and size, or by its
 * content if there are `digests` or the time tells nothing (see
 * {@linkcode isTelling}); a large file is not read for the latter, its time of
 * change tells.
 *
 * @param client Whose leaving ends the reading of a large file.
 * @returns null when the client left before
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
 * In place of a time in the future `last-modified` is the time of the response
 * (RFC 9110, 8.8.2.1), which tells no versions apart.
 */
function dateInFuture({ mtime }: Deno.FileInfo, now: number): string | null {
  return mtime !== null && mtime.getTime() > now ? formatHttpDate(now) : null;
}

/** How many digests are kept. */
const KEPT = 10_000;
/** Bytes that are read at a time. */
const CHUNK_BYTES = 256 * 1024;
/** Milliseconds after which another write cannot have left the same times. */
const SETTLED = 2000;

/** A digest that is made, or has been made. */
interface Digest {
  /** How many clients wait for it; it is given up when none does. */
  waiting: number;
  readonly text: Promise<string>;
}

/**
 * Digests of files, for entity tags where modification times mean nothing. A
 * digest is kept as long as the file at its place looks the same.
 */
export class ContentDigests {
  readonly #known = new Map<string, Digest>();

  /**
   * The digest of an open file, as far as the size goes that its head was read
   * with: what a log has gained since is not in the response either. The file
   * may then be read from anywhere else.
   *
   * @returns null when the client left before
   */
  async of(
    { file, info }: OpenedFile,
    client: RequestReader,
  ): Promise<string | null> {
    const { dev, ino, size, mtime, ctime } = info;
    const key = [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join();
    const known = this.#known.get(key);
    const digest = known ?? this.#begin(key, file, size);
    // The one used last is forgotten last.
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
      // The file of the request that began is read until nobody waits.
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
          // Before anybody can join it.
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
  // 128 bits tell any two files apart.
  return hash.digest("base64url").slice(0, 22);
}

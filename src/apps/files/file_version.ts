/**
 * Entity tags and modification times: the validators of a file (RFC 9110, 8.8).
 */

import type { RequestReader } from "../disconnect.ts";
import type { OpenedFile } from "./document_root.ts";
import {
  type FileVersion,
  MAX_CACHED_FILE_BYTES,
  type SmallFile,
} from "./small_file.ts";
import { Abandoned, SharedWork } from "./time_slice.ts";
import { node } from "../../std/node.ts";
import {
  changeTag,
  contentTag,
  fileTag,
  formatHttpDate,
  isTelling,
  isWeak,
} from "../../http/etags.ts";

/**
 * The version of `opened`: by its modification time and size, or by its content
 * if there are `digests` or the time is not {@linkcode isTelling}. In the
 * latter case a large file is not read; its ctime is used.
 *
 * @param client Reading a large file ends when this client disconnects.
 * @returns null if it disconnected first
 */
export async function versionOf(
  opened: OpenedFile | SmallFile,
  digests: ContentDigests | null,
  client: () => RequestReader,
): Promise<FileVersion | null> {
  const now = Date.now();
  const { info } = opened;
  if (opened.kind !== "small") {
    if (digests === null) return byTime(info, now) ?? byChange(info, now);
    const digest = await digests.of(opened, client());
    return digest === null ? null : byDigest(digest, info, now);
  }
  if (opened.version !== null) return opened.version;
  const isByTime = digests === null && opened.bytes.length === info.size;
  // A larger file has the same version while it is not in memory.
  const isRead = digests !== null ||
    opened.bytes.length <= MAX_CACHED_FILE_BYTES;
  const version = isByTime && byTime(info, now) ||
    (isRead
      ? byDigest(digestOf(opened.bytes), info, now)
      : byChange(info, now));
  // A weak tag becomes strong later.
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
  const date = formatHttpDate(lastModified);
  return { tag: fileTag(size, modified, now), lastModified, date };
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
 * The time of the response, if the modification time is in the future (RFC
 * 9110, 8.8.2.1). It does not identify a version.
 */
function dateInFuture({ mtime }: Deno.FileInfo, now: number): string | null {
  return mtime !== null && mtime.getTime() > now ? formatHttpDate(now) : null;
}

/** Digests in the cache. */
const MAX_DIGESTS = 10_000;
/** Bytes per read. */
const CHUNK_BYTES = 256 * 1024;
/** Milliseconds after which a later write must have changed the times. */
const SETTLED_MS = 2000;

/**
 * Digests of files, for entity tags where modification times are useless;
 * cached by device, inode, size and times.
 */
export class ContentDigests {
  /** The least recently used first. */
  readonly #cache = new Map<string, SharedWork<string>>();

  /**
   * The digest of an open file, up to the size in `info`: bytes appended since
   * are not in the response either. Moves the file's position.
   *
   * @returns null if the client disconnected first
   */
  async of(
    { file, info }: OpenedFile,
    client: RequestReader,
  ): Promise<string | null> {
    const { dev, ino, size, mtime, ctime } = info;
    const key = [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join();
    const cached = this.#cache.get(key);
    const digest = cached ?? this.#start(key, file, size);
    this.#cache.delete(key);
    const now = Date.now();
    const changed = (ctime ?? mtime)?.getTime() ?? null;
    if (isTelling(changed, now) && now - changed > SETTLED_MS) {
      this.#cache.set(key, digest);
    }
    if (this.#cache.size > MAX_DIGESTS) {
      this.#cache.delete(this.#cache.keys().next().value!);
    }
    try {
      return await digest.waitFor(client);
    } finally {
      // The file of this request is the one that is read: it must stay open.
      if (cached === undefined) await digest.result.catch(() => {});
    }
  }

  #start(key: string, file: Deno.FsFile, size: number): SharedWork<string> {
    const forget = () => {
      if (this.#cache.get(key) === digest) this.#cache.delete(key);
    };
    const digest = new SharedWork(async () => {
      const hash = node("node:crypto").createHash("sha256");
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, size));
      file.seekSync(0, Deno.SeekMode.Start);
      for (let left = size; left > 0;) {
        const chunk = buffer.subarray(0, Math.min(left, buffer.length));
        const count = await file.read(chunk);
        if (!digest.isWanted) {
          // At once, so that no other request joins.
          forget();
          throw new Abandoned();
        }
        if (count === null) break;
        hash.update(chunk.subarray(0, count));
        left -= count;
      }
      return shortened(hash.digest("base64url"));
    });
    digest.result.catch(forget);
    return digest;
  }
}

/** The digest of `bytes`, as it stands in entity tags. */
function digestOf(bytes: Uint8Array): string {
  const hash = node("node:crypto").createHash("sha256").update(bytes);
  return shortened(hash.digest("base64url"));
}

/** 22 characters have 132 bits, enough to rule out collisions. */
function shortened(digest: string): string {
  return digest.slice(0, 22);
}

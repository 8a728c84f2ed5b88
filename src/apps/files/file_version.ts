/**
 * What tells versions of a file apart.
 *
 * @module
 */

import { formatHttpDate } from "../../http/dates.ts";
import {
  changeTag,
  contentTag,
  fileTag,
  isTelling,
  isWeak,
} from "../../http/etags.ts";
import { digestOf } from "./content_digests.ts";
import type { ContentDigests } from "./content_digests.ts";
import type { Departure } from "./departure.ts";
import type { OpenedFile } from "./document_root.ts";
import type { FileVersion, SmallFile } from "./small_file.ts";

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
  client: () => Departure,
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
 * In place of a time in the future `last-modified` is the time of the answer
 * (RFC 9110, 8.8.2.1), which tells no versions apart.
 */
function dateInFuture({ mtime }: Deno.FileInfo, now: number): string | null {
  return mtime !== null && mtime.getTime() > now ? formatHttpDate(now) : null;
}

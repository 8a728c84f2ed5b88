/**
 * What tells versions of a file apart.
 *
 * @module
 */

import { formatHttpDate } from "../../http/dates.ts";
import { contentTag, fileTag, isWeak } from "../../http/etags.ts";
import { digestOf } from "./content_digests.ts";
import type { ContentDigests } from "./content_digests.ts";
import type { OpenedFile } from "./document_root.ts";
import type { SmallFile } from "./small_file.ts";

/** One version of a file, as header fields show it. */
export interface FileVersion {
  /** Its entity tag. */
  readonly tag: string;
  /** Milliseconds in whole seconds; null where the time is no help. */
  readonly lastModified: number | null;
  /** The same as a date. */
  readonly date: string | null;
}

/** The version that `opened` is, by its content if there are `digests`. */
export function versionOf(
  opened: OpenedFile | SmallFile,
  digests: ContentDigests | null,
): FileVersion | Promise<FileVersion> {
  if (opened.kind !== "small") {
    return digests === null
      ? byTime(opened.info)
      : digests.of(opened).then(byDigest);
  }
  if (opened.version !== null) return opened.version;
  const version = digests === null
    ? byTime(opened.info)
    : byDigest(digestOf(opened.bytes));
  // A weak tag becomes strong in time.
  if (!isWeak(version.tag)) opened.version = version;
  return version;
}

function byTime({ size, mtime }: Deno.FileInfo): FileVersion {
  const now = Date.now();
  const modified = mtime?.getTime() ?? null;
  // A time that cannot be true is no help (RFC 9110, 8.8.2.1).
  const lastModified = modified !== null && modified > 0 && modified <= now
    ? modified - modified % 1000
    : null;
  return {
    tag: fileTag(size, modified, now),
    lastModified,
    date: lastModified === null ? null : formatHttpDate(lastModified),
  };
}

/** Where content tells, times are known to mean nothing. */
function byDigest(digest: string): FileVersion {
  return { tag: contentTag(digest), lastModified: null, date: null };
}

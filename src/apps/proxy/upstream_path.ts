/** The path and query of requests to a target. */

import { byteLength } from "../../http/headers.ts";
import { readPath } from "../../http/target.ts";
import type { NetScope } from "../../pagi/types.ts";

/**
 * The path of `scope` below its mount, as the client wrote it where that is
 * known: the target interprets escapes, `//` and dots. "" for the mount itself
 * without a final slash.
 */
export function requestPath({ path, raw_path, root_path }: NetScope): string {
  const raw = rawPathBelow(raw_path ?? "", root_path, path) ?? encodeURI(
    path.toWellFormed(),
  ).replace(/[?#]/g, encodeURIComponent);
  const safe = encodeBytes(raw);
  return safe.startsWith("/") || safe === "" && root_path !== ""
    ? safe
    : `/${safe}`;
}

/** The query with its "?", or "". */
export function requestQuery(scope: NetScope): string {
  const { query_string } = scope;
  return query_string === "" && !scope["pagi.empty_query"]
    ? ""
    : `?${encodeBytes(query_string)}`;
}

/**
 * The suffix of `raw` that decodes to `path`, where the rest decodes to a suffix
 * of `root`: mounts take their prefix from the decoded path only, and `raw`
 * never contains `--root-path`. Null where they do not fit, as after a
 * middleware has rewritten the path. "" for a mount itself, whose path is "/".
 */
function rawPathBelow(raw: string, root: string, path: string): string | null {
  if (raw === path && !raw.includes("%")) return raw;
  const { path: whole, isUtf8 } = readPath(raw);
  if (whole === path) return raw;
  if (path === "/" && !whole.endsWith("/")) {
    return root.endsWith(whole) ? "" : null;
  }
  const before = whole.slice(0, whole.length - path.length);
  if (!whole.endsWith(path) || !root.endsWith(before)) return null;
  if (whole === raw) return path;
  let left = isUtf8 ? byteLength(before) : before.length;
  let end = 0;
  // Each byte is either an escape or a character.
  for (; left > 0; left--) end += isEscape(raw, end) ? 3 : 1;
  // The slash behind the mount's prefix may be escaped.
  return isEscape(raw, end) ? path[0] + raw.slice(end + 3) : raw.slice(end);
}

const ESCAPE = /%[0-9A-Fa-f]{2}/y;

function isEscape(raw: string, at: number): boolean {
  ESCAPE.lastIndex = at;
  return ESCAPE.test(raw);
}

const VISIBLE = /^[\x21-\x7e]*$/;

/** Percent-encodes bytes that a request line cannot contain. */
export function encodeBytes(text: string): string {
  return VISIBLE.test(text) ? text : text.replace(
    /[^\x21-\x7e]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

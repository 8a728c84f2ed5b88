/**
 * The path that a target is asked for.
 *
 * @module
 */

import { byteLength } from "../../http/byte_length.ts";
import { decodePath, readPath } from "../../http/target.ts";
import type { NetScope } from "../../pagi/types.ts";

/**
 * The path of `scope` below its mount, as the client wrote it where that is
 * known: its escapes, `//` and dots are the target's to make sense of.
 */
export function requestPath({ path, raw_path, root_path }: NetScope): string {
  const raw = rawPathBelow(raw_path ?? "", root_path, path) ?? encodeURI(
    path.toWellFormed(),
  ).replace(/[?#]/g, encodeURIComponent);
  const safe = encodeBytes(raw);
  return safe.startsWith("/") ? safe : `/${safe}`;
}

/** The query with its "?", or "". */
export function requestQuery({ query_string }: NetScope): string {
  return query_string === "" ? "" : `?${encodeBytes(query_string)}`;
}

/**
 * Tells whether `path` names something above its beginning in the eyes of any
 * target: some take `\` for `/`, or decode `%2f` first, or drop what follows a
 * `;`.
 */
export function climbs(path: string): boolean {
  let depth = 0;
  for (const segment of decodePath(path).split(/[/\\]/)) {
    const [name] = segment.split(";", 1);
    if (name === "..") depth--;
    else if (name !== "" && name !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}

/**
 * The end of `raw` that means `path`, where what stands before it means the
 * end of `root`: a mount takes its prefix from the decoded path only, and what
 * `--root-path` says never was in `raw`. Null where the three do not fit, as
 * when a middleware has rewritten the path.
 */
function rawPathBelow(raw: string, root: string, path: string): string | null {
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
  // Each byte is an escape or a character.
  for (; left > 0; left--) end += isEscape(raw, end) ? 3 : 1;
  return raw.slice(end);
}

const ESCAPE = /%[0-9A-Fa-f]{2}/y;

function isEscape(raw: string, at: number): boolean {
  ESCAPE.lastIndex = at;
  return ESCAPE.test(raw);
}

/** Percent-encodes what cannot stand in a request line. */
function encodeBytes(text: string): string {
  return text.replace(
    /[^\x21-\x7e]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

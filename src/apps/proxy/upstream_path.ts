/**
 * The path that a target is asked for.
 *
 * @module
 */

import { decodePath } from "../../http/target.ts";
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
  if (decodePath(raw) === path) return raw;
  for (let at = 1; at <= raw.length; at++) {
    // A mount ends before a slash, which may be written as %2F.
    if (at < raw.length && raw[at] !== "/" && raw[at] !== "%") continue;
    const rest = raw.slice(at);
    if (
      (decodePath(rest) || "/") === path &&
      root.endsWith(decodePath(raw.slice(0, at)))
    ) return rest;
  }
  return null;
}

/** Percent-encodes what cannot stand in a request line. */
function encodeBytes(text: string): string {
  return text.replace(
    /[^\x21-\x7e]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

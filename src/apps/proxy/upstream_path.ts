/**
 * The path that a target is asked for.
 *
 * @module
 */

import { byteLength } from "../../http/byte_length.ts";
import { readPath } from "../../http/target.ts";
import type { NetScope } from "../../pagi/types.ts";

/**
 * The path of `scope` below its mount, as the client wrote it where that is
 * known: its escapes, `//` and dots are the target's to make sense of. "" where
 * the client asked for the mount itself, without a slash.
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
 * Tells whether `path` names something above its beginning in the eyes of any
 * target. Some take `\` for `/`, or decode twice, or read overlong UTF-8, or
 * drop what follows a `;` or a NUL; so the worst counts that a segment can
 * mean, and one that goes up takes nobody down.
 */
export function climbs(path: string): boolean {
  let depth = 0;
  for (const segment of path.split("/")) {
    let up = 0;
    let named = false;
    for (const part of decodeAll(segment).split(/[/\\]/)) {
      const name = nameIn(part);
      if (name === "..") up++;
      else named ||= name !== "" && name !== ".";
    }
    depth += up > 0 ? -up : named ? 1 : 0;
    if (depth < 0) return true;
  }
  return false;
}

/** What ends a name for some: parameters, the end of a C string, a query. */
const END = /[;\0?#]/;
/** URL parsers drop these, and Windows spaces at the end. */
const DROPPED = /[\t\n\r]/g;

function nameIn(part: string): string {
  const end = part.search(END);
  return (end < 0 ? part : part.slice(0, end)).replace(DROPPED, "").trimEnd();
}

/** Overlong forms of `.`, `/` and `\` (RFC 3629, section 10). */
const OVERLONG = /\xc0([\xae\xaf])|\xe0\x80([\xae\xaf])|\xc1\x9c/g;

/**
 * `segment` with all its escapes decoded, those that come of others too, and
 * `%u002e` as old servers have it; one code unit per byte. It is read once,
 * however deep the escapes are.
 */
function decodeAll(segment: string): string {
  if (!segment.includes("%")) return segment;
  const bytes: number[] = [];
  for (let i = 0; i < segment.length; i++) {
    bytes.push(segment.charCodeAt(i));
    while (endEscape(bytes));
  }
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text.replace(
    OVERLONG,
    (_, two, three) => {
      const last = two ?? three;
      return last === "\xae" ? "." : last === "\xaf" ? "/" : "\\";
    },
  );
}

/** Decodes the escape that `units` end with; false where they end with none. */
function endEscape(units: number[]): boolean {
  const { length } = units;
  const [start, digits] = units[length - 3] === PERCENT
    ? [length - 3, 2]
    : units[length - 6] === PERCENT && (units[length - 5] | 0x20) === SMALL_U
    ? [length - 6, 4]
    : [-1, 0];
  if (start < 0) return false;
  let value = 0;
  for (let i = length - digits; i < length; i++) {
    const digit = hexValue(units[i]);
    if (digit < 0) return false;
    value = value * 16 + digit;
  }
  units.length = start;
  units.push(value);
  return true;
}

const PERCENT = 0x25;
const SMALL_U = 0x75;

function hexValue(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  const small = unit | 0x20;
  return small >= 0x61 && small <= 0x66 ? small - 0x61 + 10 : -1;
}

/**
 * The end of `raw` that means `path`, where what stands before it means the
 * end of `root`: a mount takes its prefix from the decoded path only, and what
 * `--root-path` says never was in `raw`. Null where the three do not fit, as
 * when a middleware has rewritten the path. A mount's own address has the path
 * "/" and nothing behind the prefix: that is "".
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

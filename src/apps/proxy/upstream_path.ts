/**
 * The path that a target is asked for.
 *
 * @module
 */

import { byteLength } from "../../http/headers.ts";
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
 * normalise full-width dots, or drop a NUL or what follows a `;` or a NUL; so
 * the worst counts that a segment can mean, and one that goes up takes nobody
 * down.
 */
export function escapesRoot(path: string): boolean {
  let depth = 0;
  for (const segment of path.split("/")) {
    let up = 0;
    let named = false;
    for (const part of decodeAll(segment).split(/[/\\]/)) {
      const name = nameIn(part);
      if (goesUp(part)) up++;
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

/** Tells whether `part` is `..` to those who end it at a NUL, or drop that. */
function goesUp(part: string): boolean {
  return nameIn(part) === ".." ||
    part.includes("\0") && nameIn(part.replaceAll("\0", "")) === "..";
}

function nameIn(part: string): string {
  const end = part.search(END);
  return (end < 0 ? part : part.slice(0, end)).replace(DROPPED, "").trimEnd();
}

/**
 * `segment` with all its escapes decoded, those that come of others too, and
 * `%u002e` as old servers have it; one code unit per byte, and one for a
 * character of several bytes, overlong or not. It is read once, however deep
 * the escapes are.
 */
function decodeAll(segment: string): string {
  if (!segment.includes("%")) return segment;
  const units: number[] = [];
  for (let i = 0; i < segment.length; i++) {
    units.push(segment.charCodeAt(i));
    while (endEscape(units) || endCharacter(units));
  }
  let text = "";
  for (const unit of units) text += String.fromCharCode(unit);
  return text.replace(LOOKALIKES, (unit) => LOOKALIKE.get(unit)!);
}

/** Characters that Unicode's NFKC makes dots and slashes of. */
const LOOKALIKE: ReadonlyMap<string, string> = new Map([
  ["\uff0e", "."],
  ["\ufe52", "."],
  ["\u2024", "."],
  ["\u2025", ".."],
  ["\uff0f", "/"],
  ["\uff3c", "\\"],
  ["\ufe68", "\\"],
]);
const LOOKALIKES = /[\uff0e\ufe52\u2024\u2025\uff0f\uff3c\ufe68]/g;

/**
 * Decodes the character of up to six bytes that `units` end with (RFC 2279;
 * RFC 3629, section 10, on overlong ones); false where they end with none.
 */
function endCharacter(units: number[]): boolean {
  let start = units.length - 1;
  let value = 0;
  for (let shift = 0; shift < 30; shift += 6, start--) {
    if ((units[start] & ~0x3f) !== 0x80) break;
    value += (units[start] & 0x3f) << shift;
  }
  const count = units.length - start;
  // The first byte has as many leading ones as there are bytes.
  const mask = 0x7f >> count;
  const first = units[start];
  if (count < 2 || (first & ~mask) !== (0xff & ~mask << 1)) return false;
  value += (first & mask) << 6 * (count - 1);
  if (value > 0xffff) return false;
  units.length = start;
  units.push(value);
  return true;
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
  // The slash that ends the mount's prefix may be an escape.
  return isEscape(raw, end) ? path[0] + raw.slice(end + 3) : raw.slice(end);
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

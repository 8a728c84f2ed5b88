/** Conditional requests (RFC 9110, 13) and ranges (14). */

import {
  equalStrongly,
  equalWeakly,
  isWeak,
  parseHttpDate,
  parseTags,
} from "./etags.ts";
import type { Fields } from "./headers.ts";

/** The bytes from `start` to `end`, both included. */
export interface ByteRange {
  start: number;
  end: number;
}

const BYTES = /^bytes=(.*)$/i;
const RANGE = /^(?:(\d+)-(\d*)|-(\d+))$/;
/** Ranges of one request; more look like an attack (RFC 9110, 17.15). */
const MAX_RANGES = 32;
/** Bytes between two ranges that cost less than another part does. */
const PART_OVERHEAD = 100;

/**
 * The ranges that a `range` field selects from `size` bytes, in the order of
 * the field, or `unsatisfiable` (status 416). Null if all is to be sent: for
 * unknown units, anything invalid and too many ranges, and for an empty
 * resource, as in Go and nginx, since programs that always ask for ranges take
 * a 416 for an error. Ranges that overlap or nearly touch become one (RFC 9110,
 * 15.3.7.2), so that no byte is sent twice.
 */
export function parseRanges(
  field: string,
  size: number,
): ByteRange[] | "unsatisfiable" | null {
  const specs = BYTES.exec(field)?.[1].split(",", 4 * MAX_RANGES)
    .map((spec) => spec.trim()).filter((spec) => spec !== "") ?? [];
  if (specs.length === 0 || specs.length > MAX_RANGES || size === 0) {
    return null;
  }
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseRange(spec, size);
    if (range === null) return null;
    if (range !== "unsatisfiable") merge(ranges, range);
  }
  return ranges.length === 0 ? "unsatisfiable" : ranges;
}

function parseRange(
  spec: string,
  size: number,
): ByteRange | "unsatisfiable" | null {
  const match = RANGE.exec(spec);
  if (match === null) return null;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), size);
    if (length === 0) return "unsatisfiable";
    return { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return null;
  if (start >= size) return "unsatisfiable";
  return {
    start,
    end: last === "" ? size - 1 : Math.min(Number(last), size - 1),
  };
}

/** Adds `range` to `ranges`, in place of those that it nearly touches. */
function merge(ranges: ByteRange[], range: ByteRange): void {
  for (let i = 0; i < ranges.length; i++) {
    const other = ranges[i];
    if (
      other.start > range.end + PART_OVERHEAD ||
      range.start > other.end + PART_OVERHEAD
    ) continue;
    ranges.splice(i, 1);
    merge(ranges, {
      start: Math.min(other.start, range.start),
      end: Math.max(other.end, range.end),
    });
    return;
  }
  ranges.push(range);
}

/** The fields that make a request conditional, and `range`. */
type Conditions = Partial<
  Record<
    | "if-match"
    | "if-unmodified-since"
    | "if-none-match"
    | "if-modified-since"
    | "if-range"
    | "range",
    string
  >
>;

/** The same object for all requests that have none. */
export const NO_CONDITIONS: Readonly<Conditions> = {};

/** The conditions among `fields`, with equal names joined by ", ". */
export function readConditions(fields: Fields): Readonly<Conditions> {
  let found: Conditions | null = null;
  for (const [name, value] of fields) {
    switch (name) {
      case "if-match":
      case "if-unmodified-since":
      case "if-none-match":
      case "if-modified-since":
      case "if-range":
      case "range": {
        found ??= {};
        const earlier = found[name];
        found[name] = earlier === undefined ? value : `${earlier}, ${value}`;
      }
    }
  }
  return found ?? NO_CONDITIONS;
}

/** The validators of the current version of a resource. */
export interface Validators {
  etag: string | null;
  /** Milliseconds, in whole seconds as in `last-modified`. */
  lastModified: number | null;
}

/**
 * The status for a GET or HEAD request whose conditions are not met, in the
 * order of RFC 9110, 13.2.2; null if the content is to be sent.
 */
export function checkConditions(
  conditions: Readonly<Conditions>,
  { etag, lastModified }: Validators,
): 304 | 412 | null {
  if (conditions === NO_CONDITIONS) return null;
  const ifMatch = conditions["if-match"];
  if (ifMatch !== undefined) {
    const tags = parseTags(ifMatch);
    if (tags !== "*" && !includesTag(tags, etag, equalStrongly)) return 412;
  } else {
    const since = dateOf(conditions["if-unmodified-since"]);
    if (since !== null && lastModified !== null && lastModified > since) {
      return 412;
    }
  }
  const ifNoneMatch = conditions["if-none-match"];
  if (ifNoneMatch !== undefined) {
    // As browsers send it.
    if (ifNoneMatch === etag) return 304;
    const tags = parseTags(ifNoneMatch);
    return tags === "*" || includesTag(tags, etag, equalWeakly) ? 304 : null;
  }
  const since = dateOf(conditions["if-modified-since"]);
  return since !== null && lastModified !== null && lastModified <= since
    ? 304
    : null;
}

/**
 * The `range` field unless `if-range` is not exactly the current version (RFC
 * 9110, 13.1.5); null to send all.
 */
export function rangeToHonour(
  conditions: Readonly<Conditions>,
  { etag, lastModified }: Validators,
): string | null {
  const { range, "if-range": ifRange } = conditions;
  if (range === undefined) return null;
  if (ifRange === undefined) return range;
  const matches = etag !== null &&
    (ifRange.includes('"')
      ? equalStrongly(ifRange.trim(), etag)
      // The date is a strong validator only where the tag is.
      : !isWeak(etag) && lastModified !== null &&
        dateOf(ifRange) === lastModified);
  return matches ? range : null;
}

function includesTag(
  tags: readonly string[],
  etag: string | null,
  equal: (a: string, b: string) => boolean,
): boolean {
  return etag !== null && tags.some((tag) => equal(tag, etag));
}

function dateOf(field: string | undefined): number | null {
  return field === undefined ? null : parseHttpDate(field.trim());
}

/**
 * Conditional requests (RFC 9110, 13) and ranges (14).
 *
 * @module
 */

import {
  equalStrongly,
  equalWeakly,
  isWeak,
  parseHttpDate,
  parseTags,
} from "./etags.ts";
import type { Fields } from "./headers.ts";

/** The bytes from `start` to `end`, both included. */
interface ByteRange {
  start: number;
  end: number;
}

const BYTES = /^bytes=(.*)$/i;
const RANGE = /^(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * What a `range` field asks for of `size` bytes: one range, clipped to the
 * size; or `unsatisfiable` (status 416); or null where the whole is the answer:
 * unknown units, several ranges, and anything that cannot be understood. Of an
 * empty resource, too: programs that always ask for parts take a 416 for an
 * error, and a part of nothing is nothing (as Go's and nginx's servers do).
 */
export function parseRange(
  field: string,
  size: number,
): ByteRange | "unsatisfiable" | null {
  const specs = BYTES.exec(field)?.[1].split(",").map((spec) => spec.trim())
    .filter((spec) => spec !== "");
  if (specs?.length !== 1) return null;
  const match = RANGE.exec(specs[0]);
  if (match === null) return null;
  if (size === 0) return null;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), size);
    if (Number(suffix) === 0) return "unsatisfiable";
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

/** Those of a request that has none: this very object. */
export const NO_CONDITIONS: Readonly<Conditions> = {};

/**
 * The conditions among `fields`, whose names are lower case as in a scope.
 * Equal names are joined by ", ".
 */
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

/** What is known of the current version of a resource. */
export interface Validators {
  /** Null where there is none. */
  etag: string | null;
  /** Milliseconds in whole seconds, as `last-modified` shows it; or null. */
  lastModified: number | null;
}

/**
 * The status that answers a GET or HEAD request before its content is looked
 * at: 304, 412, or null to go on. In the order of RFC 9110, 13.2.2.
 */
export function checkConditions(
  conditions: Readonly<Conditions>,
  { etag, lastModified }: Validators,
): 304 | 412 | null {
  if (conditions === NO_CONDITIONS) return null;
  const ifMatch = conditions["if-match"];
  if (ifMatch !== undefined) {
    const tags = parseTags(ifMatch);
    if (tags !== "*" && !namesTag(tags, etag, equalStrongly)) {
      return 412;
    }
  } else {
    const since = dateOf(conditions["if-unmodified-since"]);
    if (since !== null && lastModified !== null && lastModified > since) {
      return 412;
    }
  }
  const ifNoneMatch = conditions["if-none-match"];
  if (ifNoneMatch !== undefined) {
    const tags = parseTags(ifNoneMatch);
    return tags === "*" || namesTag(tags, etag, equalWeakly) ? 304 : null;
  }
  const since = dateOf(conditions["if-modified-since"]);
  return since !== null && lastModified !== null && lastModified <= since
    ? 304
    : null;
}

/**
 * The `range` to be honoured, or null: an `if-range` that does not name the
 * current version exactly asks for the whole instead (RFC 9110, 13.1.5).
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

function namesTag(
  tags: readonly string[],
  etag: string | null,
  equal: (a: string, b: string) => boolean,
): boolean {
  return etag !== null && tags.some((tag) => equal(tag, etag));
}

function dateOf(field: string | undefined): number | null {
  return field === undefined ? null : parseHttpDate(field.trim());
}

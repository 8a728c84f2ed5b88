/**
 * Conditional requests (RFC 9110, section 13).
 *
 * @module
 */

import { parseHttpDate } from "./dates.ts";
import { equalStrongly, equalWeakly, isWeak, parseTags } from "./etags.ts";
import type { Fields } from "./headers.ts";

/** The fields that make a request conditional, and `range`. */
export type Conditions = Partial<
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

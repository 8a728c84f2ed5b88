/**
 * Content negotiation (RFC 9110, section 12.5.1).
 *
 * @module
 */

import { accepts } from "../std/http.ts";

/**
 * The media type to answer with: one of `others` where `accept` names it (a
 * wildcard is not enough) and does not prefer `usual`; else `usual`.
 */
export function preferredType(
  accept: string | null,
  usual: string,
  others: readonly string[],
): string {
  const field = (accept ?? "").toLowerCase();
  const named = others.filter((type) => field.includes(type));
  if (named.length === 0) return usual;
  // Among equals, what the client names first.
  if (field.includes(usual)) named.push(usual);
  named.sort((a, b) => field.indexOf(a) - field.indexOf(b));
  const request = { headers: { get: () => accept } };
  return accepts(request, ...new Set([...named, usual])) ?? named[0];
}

/** Tells whether `accept` names `type`, which a wildcard does not. */
export function namesType(accept: string | null, type: string): boolean {
  return accept !== null && accept.toLowerCase().includes(type);
}

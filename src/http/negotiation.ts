/** Content negotiation: media types and content codings (RFC 9110, 12.5). */

import { accepts } from "../std/http.ts";
import { memo } from "./memo.ts";

/**
 * The media type of the response: one of `others` if `accept` names it (not by
 * a wildcard) and does not prefer `usual`; otherwise `usual`.
 */
export function preferredType(
  accept: string | null,
  usual: string,
  others: readonly string[],
): string {
  const field = (accept ?? "").toLowerCase();
  const named = others.filter((type) => field.includes(type));
  if (named.length === 0) return usual;
  // Of equal ones, the one that the client names first.
  if (field.includes(usual)) named.push(usual);
  named.sort((a, b) => field.indexOf(a) - field.indexOf(b));
  const request = { headers: { get: () => accept } };
  return accepts(request, ...new Set([...named, usual])) ?? named[0];
}

/** Whether `accept` names `type` (not by a wildcard). */
export function namesType(accept: string | null, type: string): boolean {
  return accept !== null && accept.toLowerCase().includes(type);
}

const ITEM = /^([^\s;]+)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/;

/**
 * The codings in `available` that the client prefers to none, by its field
 * `accept-encoding`: the preferred ones first, equal ones in the order of
 * `available`. Invalid items are ignored.
 */
export function preferredCodings<C extends string>(
  field: string | null,
  available: readonly C[],
): C[] {
  if (field === null) return [];
  const weights = weightsIn(field);
  // Unless it is named, "identity" is the last choice.
  const least = weights.get("identity") ?? 0;
  const weightOf = (coding: string) =>
    weights.get(coding) ?? weights.get("*") ?? 0;
  return available
    .filter((coding) => weightOf(coding) > 0 && weightOf(coding) >= least)
    .sort((a, b) => weightOf(b) - weightOf(a));
}

/** The weight of each coding in a field. */
const weightsIn = memo(readWeights, { entries: 100 });

function readWeights(field: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const item of field.toLowerCase().split(",")) {
    const match = ITEM.exec(item.trim());
    if (match === null) continue;
    const name = match[1] === "x-gzip" ? "gzip" : match[1];
    weights.set(name, Number(match[2] ?? 1));
  }
  return weights;
}

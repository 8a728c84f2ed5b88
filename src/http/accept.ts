/**
 * Content negotiation (RFC 9110, section 12.5.1).
 *
 * @module
 */

import { accepts } from "../std/http.ts";

/**
 * Tells whether a client wants `type` and not `usual`: its `accept` must name
 * `type` (a wildcard is not enough) and not prefer `usual`.
 */
export function prefers(
  accept: string | null,
  type: string,
  usual: string,
): boolean {
  if (accept === null || !accept.toLowerCase().includes(type)) return false;
  return accepts({ headers: { get: () => accept } }, type, usual) !== usual;
}

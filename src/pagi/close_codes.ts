/**
 * What may stand in a WebSocket Close frame (RFC 6455, section 7.4).
 *
 * @module
 */

import { exceeds } from "../http/byte_length.ts";

/** The longest close reason, in bytes of UTF-8 (RFC 6455, section 5.5). */
export const MAX_CLOSE_REASON_BYTES = 123;

/**
 * Tells whether `code` may stand in a Close frame, from either side:
 * 1000–1003, 1007–1014 and 3000–4999 (PAGI.md 3.4). 1012 to 1014 were assigned
 * after RFC 6455, in the IANA registry of close codes: service restart, try
 * again later, bad gateway. The others are unassigned,
 * or, like 1005 and 1006, stand for an ending that has no frame.
 */
export function isCloseCode(code: number): boolean {
  return Number.isInteger(code) &&
    (code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 ||
      code >= 3000 && code <= 4999);
}

/** Tells whether `reason` fits in a Close frame. */
export function isCloseReason(reason: string): boolean {
  return !exceeds(reason, MAX_CLOSE_REASON_BYTES);
}

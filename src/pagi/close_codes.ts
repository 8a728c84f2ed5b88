/**
 * What may stand in a WebSocket Close frame (RFC 6455, section 7.4).
 *
 * @module
 */

/** The longest close reason, in bytes of UTF-8 (RFC 6455, section 5.5). */
export const MAX_CLOSE_REASON_BYTES = 123;

/**
 * Tells whether `code` may stand in a Close frame, from either side:
 * 1000–1003, 1007–1011 and 3000–4999 (PAGI.md 3.4). The others are unassigned,
 * or, like 1005 and 1006, stand for an ending that has no frame.
 */
export function isCloseCode(code: number): boolean {
  return Number.isInteger(code) &&
    (code >= 1000 && code <= 1003 || code >= 1007 && code <= 1011 ||
      code >= 3000 && code <= 4999);
}

/** Tells whether `reason` fits in a Close frame. */
export function isCloseReason(reason: string): boolean {
  // One UTF-16 code unit becomes at most three bytes, so that short reasons
  // need no encoding.
  return reason.length * 3 <= MAX_CLOSE_REASON_BYTES ||
    new TextEncoder().encode(reason).length <= MAX_CLOSE_REASON_BYTES;
}

/**
 * The longest beginning of `reason` that fits in a Close frame; no character
 * is cut in two.
 */
export function clipCloseReason(reason: string): string {
  if (isCloseReason(reason)) return reason;
  const room = new Uint8Array(MAX_CLOSE_REASON_BYTES);
  const { read } = new TextEncoder().encodeInto(reason, room);
  return reason.slice(0, read);
}

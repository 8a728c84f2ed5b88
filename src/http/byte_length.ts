/**
 * How long a body is.
 *
 * @module
 */

/** The bytes of a body; a string counts as UTF-8, and is not encoded for it. */
export function byteLength(body: string | Uint8Array | ArrayBuffer): number {
  if (typeof body !== "string") return body.byteLength;
  let length = body.length;
  for (let i = 0; i < body.length; i++) {
    const unit = body.charCodeAt(i);
    if (unit <= 0x7f) continue;
    length += unit > 0x7ff ? 2 : 1;
    // Both halves of a surrogate pair are counted: four bytes in all.
    if (unit >= 0xd800 && unit <= 0xdbff && isLow(body.charCodeAt(i + 1))) i++;
  }
  return length;
}

/** Tells whether a body is longer than `limit`; mostly there is no counting. */
export function exceeds(
  body: string | Uint8Array | ArrayBuffer,
  limit: number,
): boolean {
  // A UTF-16 code unit becomes at most three bytes.
  if (typeof body === "string" && body.length * 3 <= limit) return false;
  return byteLength(body) > limit;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

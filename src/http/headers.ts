/**
 * What may stand in a header field (RFC 9110, section 5).
 *
 * @module
 */

/** Header fields in order; strings hold one byte per code unit. */
export type Fields = readonly (readonly [name: string, value: string])[];

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const UNSAFE_VALUE = /[\0\r\n\u0100-\uffff]/;

/** Tells whether `text` is a token (RFC 9110, section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * Tells whether `value` can stand in a header field: no CR, LF or NUL, and
 * nothing above 0xFF (PAGI.md 3.1, checklist 8).
 */
export function isSafeFieldValue(value: string): boolean {
  return !UNSAFE_VALUE.test(value);
}

/** The first value of the field called `name` (lower case), or null. */
export function fieldValue(fields: Fields, name: string): string | null {
  for (const [key, value] of fields) {
    if (key === name || key.toLowerCase() === name) return value;
  }
  return null;
}

/**
 * What may stand in a header field (RFC 9110, section 5).
 *
 * @module
 */

/** Header fields in order; strings hold one byte per code unit. */
export type Fields = readonly (readonly [name: string, value: string])[];

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible characters, space, tab, and obs-text (RFC 9110, section 5.5). */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Tells whether `text` is a token (RFC 9110, section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * Tells whether `value` can stand in a header field: no control character but
 * the tab, and nothing above 0xFF (PAGI.md 3.1, checklist 8). Deno 2.9 ends
 * the process when it is given any other, so nothing may pass by this.
 */
export function isSafeFieldValue(value: string): boolean {
  return FIELD_VALUE.test(value);
}

/** The first value of the field called `name` (lower case), or null. */
export function fieldValue(fields: Fields, name: string): string | null {
  for (const [key, value] of fields) {
    if (
      key === name ||
      key.length === name.length && key.toLowerCase() === name
    ) return value;
  }
  return null;
}

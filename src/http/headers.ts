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

/**
 * `value` without the whitespace around it, which is not part of it (RFC 9110,
 * section 5.5). A pattern such as `/[\t ]+$/` takes a time that grows with the
 * square of the whitespace within.
 */
export function trimWhitespace(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isWhitespace(value.charCodeAt(start))) start++;
  while (start < end && isWhitespace(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isWhitespace(unit: number): boolean {
  return unit === 0x20 || unit === 0x09;
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

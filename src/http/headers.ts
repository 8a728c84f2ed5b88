/** The syntax of header fields, and rules for status codes and bodies. */

import { STATUS_TEXT } from "../std/http.ts";

/** The reason phrase of `status`; "" for an unregistered code. */
export function reasonPhrase(status: number): string {
  return STATUS_TEXT[status] ?? "";
}

/** False for 204, 205 and 304 (RFC 9110, sections 15.3.5, 15.3.6, 15.4.5). */
export function hasBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

/**
 * False for 204 (RFC 9110, section 8.6) and 205, which have no body: in HTTP/2,
 * a length without a body is a stream error (RFC 9113, 8.1.1). A 304 may have
 * the length of the body of a 200.
 */
export function hasLength(status: number): boolean {
  return status !== 204 && status !== 205;
}

/** Characters from which on the engine counts faster than a loop does. */
const LONG = 128;
const ENCODER = new TextEncoder();
let scratch: Uint8Array<ArrayBuffer> | null = null;

/** The bytes of a long string, which are written to nowhere. */
function encodedLength(text: string): number {
  scratch ??= new Uint8Array(32_768);
  let length = 0;
  for (let rest = text; rest !== "";) {
    const { read, written } = ENCODER.encodeInto(rest, scratch);
    length += written;
    rest = rest.slice(read);
  }
  return length;
}

/** The last text, if it is not long: many bodies are the one before. */
let lastText = "";
let lastLength = 0;

/** The length of a body in bytes; a string is counted as UTF-8. */
export function byteLength(body: string | Uint8Array | ArrayBuffer): number {
  if (typeof body !== "string") return body.byteLength;
  if (body === lastText) return lastLength;
  if (body.length > 65_536) return encodedLength(body);
  lastText = body;
  return lastLength = body.length > LONG
    ? encodedLength(body)
    : utf8Length(body);
}

function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit <= 0x7f) continue;
    length += unit > 0x7ff ? 2 : 1;
    // A surrogate pair has four bytes.
    if (unit >= 0xd800 && unit <= 0xdbff && isLow(text.charCodeAt(i + 1))) i++;
  }
  return length;
}

/** Whether a body has more than `limit` bytes, mostly without counting. */
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

/**
 * The `content-disposition` for saving a body as `name`: in the encoding of RFC
 * 8187 if it is not ASCII, and in ASCII for clients that do not support that.
 */
export function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/gu, "_");
  const exact = encodeURIComponent(name.toWellFormed())
    .replace(
      /['()*]/g,
      (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  return plain === name
    ? `attachment; filename="${plain}"`
    : `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}

/** Header fields in order; strings have one byte per code unit. */
export type Fields = readonly (readonly [name: string, value: string])[];

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible characters, space, tab, and obs-text (RFC 9110, section 5.5). */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether `text` is a token (RFC 9110, section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * Whether `value` is valid in a header field: no control character but
 * the tab, and nothing above 0xFF (PAGI.md 3.1, checklist 8). Any other value
 * makes Deno 2.9 exit, so all values must be checked.
 */
export function isSafeFieldValue(value: string): boolean {
  return FIELD_VALUE.test(value);
}

/**
 * `value` without surrounding whitespace, which is not part of it (RFC 9110,
 * section 5.5), in linear time: `/[\t ]+$/` would take quadratic time.
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

/**
 * Whether bodies of the media type `type` are event streams, which may
 * be silent for long and have no end of their own (HTML standard, "Server-sent
 * events").
 */
export function isEventStream(type: string): boolean {
  return /^text\/event-stream[ \t]*(?:;|$)/i.test(type);
}

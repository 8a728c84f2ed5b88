/** Header fields and complete bodies of responses, as they go to the client. */

import { exceeds, type Fields, trimWhitespace } from "../../http/headers.ts";
import { isImmutable } from "../../pagi/constant_bytes.ts";
import { describeValue } from "../../pagi/event_checks.ts";
import type { FindReady, ReadyAnswer } from "../../pagi/ready_answers.ts";
import type { HeaderList } from "../../pagi/types.ts";

/**
 * The fields without those that are the server's: framing and connection
 * (PAGI.md 3.3). They are copied: what the app does to its own list after the
 * event was checked cannot reach the engine.
 */
export function stripHopByHop(headers: HeaderList): HeaderList {
  const fields: HeaderList = [];
  for (let i = 0; i < headers.length; i++) {
    const name = headers[i][0];
    if (!isHopByHop(name)) fields.push([name, trimWhitespace(headers[i][1])]);
  }
  return fields;
}

/** True if a field is about the connection, which only the server may set. */
export function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 10:
      return name.toLowerCase() === "connection" ||
        name.toLowerCase() === "keep-alive";
    case 17:
      return name.toLowerCase() === "transfer-encoding";
    default:
      return false;
  }
}

/**
 * The fields of a response, and those of the `added` ones (lower-case names)
 * that it lacks; null adds none. The engine adds its own later, so it leaves
 * out the `content-type` or `date` that stands here.
 */
export function withDefaultHeaders(
  headers: HeaderList,
  added: Fields | null,
): HeaderList {
  if (added === null) return headers;
  const present = new Set(headers.map(([name]) => name.toLowerCase()));
  const all = headers.slice();
  for (const [name, value] of added) {
    // Against the response's own: one name may be added twice, as with `link`.
    if (!present.has(name)) all.push([name, value]);
  }
  return all;
}

/** The same for what `find` finds. */
export function withAddedFields(
  find: FindReady | null,
  added: Fields | null,
): FindReady | null {
  if (find === null || added === null) return find;
  const made = new WeakMap<ReadyAnswer, ReadyAnswer>();
  return (request, rootPath) => {
    const answer = find(request, rootPath);
    if (answer === null) return null;
    let all = made.get(answer);
    if (all === undefined) {
      const fields = withDefaultHeaders(answer.fields, added);
      const sized = withDefaultHeaders(answer.sized, added);
      made.set(answer, all = { ...answer, fields, sized });
    }
    return all;
  };
}

const ENCODER = new TextEncoder();

function isContentLength(name: string): boolean {
  return name.length === 14 && name.toLowerCase() === "content-length";
}

/**
 * Bytes that `content-length` announces; null without one.
 *
 * @throws {TypeError} When there is more than one, or one that is no number.
 */
export function announcedLength(headers: HeaderList): number | null {
  let announced: number | null = null;
  for (let i = 0; i < headers.length; i++) {
    const field = headers[i];
    if (!isContentLength(field[0])) continue;
    const value = field[1];
    if (announced !== null || !/^\d{1,15}$/.test(value)) {
      throw new TypeError(
        `A response was started with content-length ${describeValue(value)}${
          announced === null ? "" : ` after content-length ${announced}`
        }; content-length must be one number of bytes (RFC 9110, section 8.6).`,
      );
    }
    announced = Number(value);
  }
  return announced;
}

/** Says that a body of `sent` bytes is not as long as announced. */
export function wrongLength(sent: number, announced: number): string {
  return sent < announced
    ? `the app sent ${sent} of ${announced} bytes that its content-length announced.`
    : `the app sent ${sent} bytes, more than the ${announced} that its content-length announced.`;
}

/**
 * Removes `content-length`. The engine adds it to a complete body by itself, and
 * is fastest with a response whose only field is `content-type`.
 */
export function removeContentLength(headers: HeaderList): void {
  const at = headers.findIndex(([name]) => isContentLength(name));
  if (at >= 0) headers.splice(at, 1);
}

/**
 * Bytes that stay as they are: a copy, as the app may reuse its buffer once
 * `send` has resolved, unless they are constant.
 */
export function lastingBytes(
  body: Uint8Array | string,
): Uint8Array<ArrayBuffer> {
  return typeof body === "string"
    ? ENCODER.encode(body)
    : isImmutable(body)
    ? body as Uint8Array<ArrayBuffer>
    : new Uint8Array(body);
}

/**
 * Bytes of the buffer that complete bodies share; a client that reads nothing
 * keeps one in memory. Of chunks it would keep hundreds, each with a buffer.
 */
const SHARED = 8192;
/** Bytes: V8 keeps shorter arrays on its heap, and few longer ones would fit. */
const [MIN_SHARED, MAX_SHARED] = [65, 2048];
let shared = new Uint8Array(SHARED);
let used = 0;

/** A copy; short ones share a buffer, since one for each takes 0.7 µs. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = bytes;
  if (length < MIN_SHARED || length > MAX_SHARED) return new Uint8Array(bytes);
  if (used + length > SHARED) {
    shared = new Uint8Array(SHARED);
    used = 0;
  }
  const copy = shared.subarray(used, used += length);
  copy.set(bytes);
  return copy;
}

/**
 * UTF-16 units: a longer string is encoded by the engine faster than its bytes
 * are counted here.
 */
const MAX_COUNTED = 1024;

/**
 * A complete body as the engine takes it, which encodes strings itself.
 *
 * @param counted Whether the bytes will be counted: long strings are encoded
 *   for that.
 */
export function toPayload(
  body: Uint8Array | string,
  counted: boolean,
): Uint8Array<ArrayBuffer> | string {
  if (typeof body === "string") {
    return counted && body.length > MAX_COUNTED ? ENCODER.encode(body) : body;
  }
  return isImmutable(body) ? body as Uint8Array<ArrayBuffer> : copyOf(body);
}

/** Largest body that the engine writes together with the head (bytes). */
const MAX_AT_ONCE = 8192;

/** True if the engine writes a body together with its head. */
export function isShort(body: Uint8Array | string | null): boolean {
  return body === null || !exceeds(body, MAX_AT_ONCE);
}

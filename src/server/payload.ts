/**
 * What a response has for a body, as the engine takes it.
 *
 * @module
 */

import { byteLength } from "../http/byte_length.ts";
import { fieldValue } from "../http/headers.ts";
import { isConstant } from "../pagi/constant_bytes.ts";
import type { HeaderList } from "../pagi/types.ts";

const ENCODER = new TextEncoder();

/** What a response's body is: whole, or in pieces. */
export type Payload =
  | string
  | Uint8Array<ArrayBuffer>
  | ReadableStream<Uint8Array<ArrayBuffer>>;

/** 204, 205 and 304 have no body (RFC 9110, sections 15.3.5, 15.3.6, 15.4.5). */
export function hasBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

/** Bytes that `content-length` announces; null without a valid one. */
export function announcedLength(headers: HeaderList): number | null {
  const value = fieldValue(headers, "content-length");
  return value !== null && /^\d+$/.test(value) ? Number(value) : null;
}

/** Longer strings are not worth counting. */
const MOST_COUNTED = 1024;

/**
 * Removes the `content-length` of a whole body, if it is right: the engine says
 * it by itself, and its shortest way is the one for a type alone.
 */
export function removeOwnLength(
  headers: HeaderList,
  body: Uint8Array | string,
): void {
  if (typeof body === "string" && body.length > MOST_COUNTED) return;
  for (let i = 0; i < headers.length; i++) {
    const [name, value] = headers[i];
    if (name.length !== 14 || name.toLowerCase() !== "content-length") continue;
    if (value === String(byteLength(body))) headers.splice(i, 1);
    return;
  }
}

/** The app may reuse its buffer once `send` has resolved, so copy it. */
export function ownBytes(body: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return typeof body === "string" ? ENCODER.encode(body) : new Uint8Array(body);
}

/**
 * A body in one piece. The engine encodes a string by itself; bytes are the
 * server's own, or constant.
 */
export function wholePayload(
  body: Uint8Array | string,
): Uint8Array<ArrayBuffer> | string {
  return typeof body === "string" || isConstant(body)
    ? body as string | Uint8Array<ArrayBuffer>
    : ownBytes(body);
}

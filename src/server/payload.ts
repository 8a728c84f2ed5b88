/**
 * The bytes of a body, as the engine takes them.
 *
 * @module
 */

import type { HeaderList } from "../pagi/types.ts";

const ENCODER = new TextEncoder();

/** The app may reuse its buffer once `send` has resolved, so copy it. */
export function ownBytes(body: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return typeof body === "string" ? ENCODER.encode(body) : new Uint8Array(body);
}

/**
 * A body that is sent in one piece. The engine encodes a string by itself,
 * but names a type for it where `headers` name none.
 */
export function wholePayload(
  body: Uint8Array | string,
  headers: HeaderList,
): Uint8Array<ArrayBuffer> | string {
  return typeof body === "string" && hasContentType(headers)
    ? body
    : ownBytes(body);
}

function hasContentType(headers: HeaderList): boolean {
  for (const [name] of headers) {
    if (name.length === 12 && name.toLowerCase() === "content-type") {
      return true;
    }
  }
  return false;
}

/**
 * The answer of an app that declines a stream or a WebSocket.
 *
 * @module
 */

import type { HeaderList } from "../pagi/types.ts";
import { fieldValue } from "../http/headers.ts";
import { endToEnd } from "./end_to_end.ts";

const ENCODER = new TextEncoder();

/** A piece that the app may change without harm. */
export function copyOf(piece: Uint8Array | string): Uint8Array | string {
  return typeof piece === "string" ? piece : piece.slice();
}

/** The gathered pieces of a body as one. */
export function joinPieces(
  pieces: readonly (Uint8Array | string)[],
): Uint8Array<ArrayBuffer> {
  const bytes = pieces.map((piece) =>
    typeof piece === "string" ? ENCODER.encode(piece) : piece
  );
  const whole = new Uint8Array(
    bytes.reduce((length, piece) => length + piece.byteLength, 0),
  );
  let at = 0;
  for (const piece of bytes) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

/** Such an answer has a `content-length`, except 204 and 304 (PAGI.md 3.5). */
export function declineHead(
  status: number,
  headers: HeaderList,
  length: number,
): HeaderList {
  const fields = endToEnd(headers);
  if (
    status === 204 || status === 304 ||
    fieldValue(fields, "content-length") !== null
  ) return fields;
  return [...fields, ["content-length", String(length)]];
}

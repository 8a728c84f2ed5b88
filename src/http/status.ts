/**
 * Status codes: their words, and which of them have no body (RFC 9110,
 * section 15).
 *
 * @module
 */

import { STATUS_TEXT } from "../std/http.ts";

/** The reason phrase of `status`, or "" when the code is not registered. */
export function reasonPhrase(status: number): string {
  return STATUS_TEXT[status] ?? "";
}

/** False of 204, 205 and 304 (RFC 9110, sections 15.3.5, 15.3.6, 15.4.5). */
export function hasBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

/**
 * False of 204 (RFC 9110, section 8.6) and 205, which has no body to announce;
 * by HTTP/2 a length without a body is an error of the stream (RFC 9113,
 * 8.1.1). A 304 may say how long the body of a 200 would be.
 */
export function hasLength(status: number): boolean {
  return status !== 204 && status !== 205;
}

/**
 * Status codes in words (RFC 9110, section 15).
 *
 * @module
 */

import { STATUS_TEXT } from "../std/http.ts";

/** The reason phrase of `status`, or "" when the code is not registered. */
export function reasonPhrase(status: number): string {
  return STATUS_TEXT[status] ?? "";
}

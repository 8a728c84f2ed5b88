/**
 * Header fields that concern one connection only (RFC 9110, section 7.6.1).
 *
 * @module
 */

import { trimWhitespace } from "../../http/headers.ts";
import { memo } from "../../http/memo.ts";
import type { HeaderList } from "../../pagi/types.ts";

/** Also those of old clients, and what frames a message or asks for a 100. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Tells whether the field called `name` (canonical) belongs to one connection,
 * or to the framing of its messages, and is never passed on as it came.
 */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/**
 * A name to compare by: lower case, with `-` for `_`. Where the target runs
 * apps as CGI does, `x_forwarded_for` and `x-forwarded-for` are the same.
 */
export const canonicalName: (name: string) => string = memo((name) =>
  name.toLowerCase().replaceAll("_", "-")
);

/** The values of the fields called `name` (canonical). */
export function fieldValues(headers: HeaderList, name: string): string[] {
  const values: string[] = [];
  for (const [key, value] of headers) {
    if (canonicalName(key) === name) values.push(value);
  }
  return values;
}

/** The items of comma-separated fields, in lower case. */
export function listItems(headers: HeaderList, name: string): string[] {
  const values = fieldValues(headers, name);
  return values.length === 0
    ? values
    : values.join(",").toLowerCase().split(",").map(trimWhitespace);
}

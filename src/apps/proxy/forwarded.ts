/**
 * Header fields that a proxy drops, keeps or makes anew (RFC 9110, section 7.6).
 *
 * @module
 */

import { fieldValue, trimWhitespace } from "../../http/headers.ts";
import { memo } from "../../http/memo.ts";
import type { HeaderList, NetScope } from "../../pagi/types.ts";

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

const OWN: ReadonlySet<string> = new Set([
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-prefix",
  "x-forwarded-proto",
]);

/**
 * Tells whether the client's field called `name` (canonical) stays behind: it
 * is made anew, or could make the target believe that somebody else asks.
 */
export function isReplaced(name: string, trust: boolean): boolean {
  return OWN.has(name) ||
    !trust && (name === "x-real-ip" || name.startsWith("x-forwarded-"));
}

/**
 * The fields that tell of the client of `scope`. With `trust` they continue
 * what the client said: it is another proxy, and its client the real one.
 */
export function forwardedFields(
  scope: NetScope & { scheme: string },
  trust: boolean,
): HeaderList {
  const { client, headers, root_path } = scope;
  const address = client?.[0] ?? null;
  const host = fieldValue(headers, "host");
  const scheme = /^(https|wss)$/.test(scope.scheme) ? "https" : "http";
  const said = (name: string): string[] =>
    trust ? fieldValues(headers, name) : [];

  const fields: HeaderList = [];
  const add = (name: string, values: string[]): void => {
    if (values.length > 0) fields.push([name, values.join(", ")]);
  };
  const otherwise = (name: string, value: string | null): void => {
    const first = said(name);
    add(name, first.length > 0 ? first : value ? [value] : []);
  };
  add("x-forwarded-for", [
    ...said("x-forwarded-for"),
    ...address === null ? [] : [address],
  ]);
  otherwise("x-forwarded-proto", scheme);
  otherwise("x-forwarded-host", host);
  // What a proxy before this one takes off stands before what we take off.
  const [above = ""] = said("x-forwarded-prefix");
  const prefix = above.replace(/\/+$/, "") +
    encodeURI(root_path.toWellFormed());
  add("x-forwarded-prefix", prefix === "" ? [] : [prefix]);
  add("forwarded", [
    ...said("forwarded"),
    forwardedElement(address, host, scheme),
  ]);
  return fields;
}

/** One element of `forwarded` (RFC 7239, sections 4 to 6). */
function forwardedElement(
  address: string | null,
  host: string | null,
  scheme: string,
): string {
  const node = address === null
    ? "unknown"
    : address.includes(":")
    ? `"[${address}]"`
    : address;
  const named = host === null
    ? ""
    : `;host="${host.replace(/["\\]/g, "\\$&")}"`;
  return `for=${node}${named};proto=${scheme}`;
}

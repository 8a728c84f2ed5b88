/**
 * Header fields that a proxy drops, keeps or replaces (RFC 9110, section 7.6).
 */

import { fieldValue, trimWhitespace } from "../../http/headers.ts";
import { memo } from "../../http/memo.ts";
import type { HeaderList, NetScope } from "../../pagi/types.ts";

/** With those of old clients, framing fields, and `expect`. */
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

/** Whether the field `name` (canonical) is hop-by-hop or frames a message. */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/**
 * A field name in lower case, with `-` for `_`: targets that follow CGI do not
 * distinguish `x_forwarded_for` from `x-forwarded-for`.
 */
export const canonicalName: (name: string) => string = memo((name) =>
  name.toLowerCase().replaceAll("_", "-")
);

/** The values of the fields `name` (canonical). */
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

/** Fields that the proxy writes itself. */
const OWN: ReadonlySet<string> = new Set([
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-prefix",
  "x-forwarded-proto",
]);

/**
 * Whether the client's field `name` (canonical) is dropped: the proxy replaces
 * it, or it could disguise the client.
 */
export function isReplaced(name: string, trust: boolean): boolean {
  return OWN.has(name) ||
    !trust && (name === "x-real-ip" || name.startsWith("x-forwarded-"));
}

/** One list field of two, each of which may be empty. */
export function joinLists(first: string, second: string): string {
  return first === "" || second === "" ? first + second : `${first}, ${second}`;
}

/**
 * Adds the fields that describe the client of `scope`. With `trust` its own are
 * kept in them: it is another proxy then.
 */
export function pushForwarded(
  fields: HeaderList,
  scope: NetScope & { scheme: string },
  trust: boolean,
): void {
  const { client, headers, root_path } = scope;
  const address = client?.[0] ?? "";
  const host = fieldValue(headers, "host") ?? "";
  const scheme = scope.scheme === "https" || scope.scheme === "wss"
    ? "https"
    : "http";
  const prefix = root_path === "" ? "" : encodeURI(root_path.toWellFormed());
  const element = forwardedElement(address, host, scheme);
  if (!trust) {
    push(fields, "x-forwarded-for", address);
    push(fields, "x-forwarded-proto", scheme);
    push(fields, "x-forwarded-host", host);
    push(fields, "x-forwarded-prefix", prefix);
    push(fields, "forwarded", element);
    return;
  }
  const received = (name: string) => fieldValues(headers, name).join(", ");
  const addresses = joinLists(received("x-forwarded-for"), address);
  push(fields, "x-forwarded-for", addresses);
  push(fields, "x-forwarded-proto", received("x-forwarded-proto") || scheme);
  push(fields, "x-forwarded-host", received("x-forwarded-host") || host);
  // The prefix of the proxy before this one comes first.
  const [above = ""] = fieldValues(headers, "x-forwarded-prefix");
  push(fields, "x-forwarded-prefix", above.replace(/\/+$/, "") + prefix);
  push(fields, "forwarded", joinLists(received("forwarded"), element));
}

function push(fields: HeaderList, name: string, value: string): void {
  if (value !== "") fields.push([name, value]);
}

/** One element of `forwarded` (RFC 7239, sections 4 to 6). */
function forwardedElement(
  address: string,
  host: string,
  scheme: string,
): string {
  const node = address === ""
    ? "unknown"
    : address.includes(":")
    ? `"[${address}]"`
    : address;
  const named = host === "" ? "" : `;host="${escapeQuoted(host)}"`;
  return `for=${node}${named};proto=${scheme}`;
}

const escapeQuoted = memo((text) => text.replace(/["\\]/g, "\\$&"));

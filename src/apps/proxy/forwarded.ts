/**
 * What the target is told of the client: `forwarded` (RFC 7239) and the older
 * `x-forwarded-*`.
 *
 * @module
 */

import { fieldValue } from "../../http/headers.ts";
import type { HeaderList, NetScope } from "../../pagi/types.ts";
import { fieldValues } from "./hop_by_hop.ts";

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

/**
 * The header fields of an answer as the client gets them.
 *
 * @module
 */

import type { HeaderList } from "../../pagi/types.ts";
import { isHopByHop, listItems } from "./hop_by_hop.ts";
import type { ResponseHead } from "./response_head.ts";
import type { Target } from "./target.ts";

/**
 * Drops what concerns the connection to the target, and turns a `location`
 * that leads to the target into one that leads to the proxy, mounted at
 * `rootPath`. All others stay as they are, in order.
 */
export function responseFields(
  { status, headers }: ResponseHead,
  target: Target,
  rootPath: string,
): HeaderList {
  const options = new Set(listItems(headers, "connection"));
  const fields: HeaderList = [];
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    const drop = lower === "content-length"
      ? status === 204 || status === 205 // They have no body to measure.
      : isHopByHop(lower);
    if (drop || options.has(lower)) continue;
    fields.push([
      lower,
      lower === "location" ? clientLocation(value, target, rootPath) : value,
    ]);
  }
  return fields;
}

/** As it was, where it leads elsewhere or is relative. */
function clientLocation(
  location: string,
  { secure, host, basePath }: Target,
  rootPath: string,
): string {
  const origin = `${secure ? "https" : "http"}://${host}`;
  const prefix = (location.startsWith("/") ? "" : origin) + basePath;
  const below = location.slice(prefix.length);
  if (!location.startsWith(prefix) || !/^([/?#]|$)/.test(below)) {
    return location;
  }
  const moved = encodeURI(rootPath.toWellFormed()) +
    (below.startsWith("/") ? below : `/${below}`);
  // Two slashes would lead to another host.
  return /^\/[/\\]/.test(moved) ? location : moved;
}

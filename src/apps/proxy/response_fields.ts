/**
 * The header fields of an answer as the client gets them.
 *
 * @module
 */

import type { HeaderList } from "../../pagi/types.ts";
import { isHopByHop, listItems } from "./hop_by_hop.ts";
import type { Target } from "./target.ts";

/**
 * Drops what concerns the connection to the target, and turns a `location`
 * that leads to the target into one that leads to the proxy, mounted at
 * `rootPath`. All others stay as they are, in order.
 */
export function responseFields(
  headers: HeaderList,
  target: Target,
  rootPath: string,
): HeaderList {
  const options = new Set(listItems(headers, "connection"));
  const fields: HeaderList = [];
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    const drop = options.has(lower) ||
      isHopByHop(lower) && lower !== "content-length";
    if (drop) continue;
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
  const path = location.startsWith(origin)
    ? location.slice(origin.length)
    : location;
  const below = path.slice(basePath.length);
  const isBelow = path.startsWith(basePath) && /^([/?#]|$)/.test(below);
  if (!isBelow || path === "" && location === "") return location;
  const moved = encodeURI(rootPath.toWellFormed()) +
    below.replace(/^(?!\/)/, "/");
  // Two slashes would lead to another host.
  return /^\/[/\\]/.test(moved) ? location : moved;
}

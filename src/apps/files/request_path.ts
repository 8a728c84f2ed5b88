/** The path of a request beneath the root. */

import { encodeSegment, pathSegments, readPath } from "../../http/target.ts";
import type { HeaderList } from "../../pagi/types.ts";
import { fieldValue } from "../../http/headers.ts";
import { decodeByteString } from "../../system/file_names.ts";
import { isHidden, isUnfinished } from "./document_root.ts";

const ASCII = /^[\0-\x7f]*$/;

/** Whether `path` means the same as text and as bytes. */
export function isAscii(path: string): boolean {
  return ASCII.test(path);
}

/**
 * The path of a request as in file_names.ts. If the target is not UTF-8, `path`
 * has its bytes as code units (PAGI.md 3.1), so that `/caf%E9` and `/caf%C3%A9`
 * look the same there but are different files.
 */
export function requestPath({ path, raw_path }: Address): string {
  if (isAscii(path) || raw_path === undefined) return path;
  const { path: whole, isUtf8 } = readPath(raw_path);
  // A mount removes the beginning; middleware may have replaced the path.
  return isUtf8 || !whole.endsWith(path) ? path : decodeByteString(path);
}

/**
 * Aliases of files on Windows: short names (`GIT~1`), streams of a file,
 * devices, and trailing characters that it ignores.
 */
const ALIAS =
  /~\d|:|[. ]$|^(?:aux|con|conin\$|conout\$|nul|prn|com.|lpt.)(?:\.|$)/i;

/**
 * The parts of `path`, without empty ones and dot segments (RFC 3986, 5.2.4);
 * or a status: 400 for NUL, 403 if `..` leads out of the root, for hidden parts
 * unless `showHidden`, and for aliases on Windows. `\` counts as `/`.
 */
export function pathParts(
  path: string,
  showHidden: boolean,
  windows: boolean = Deno.build.os === "windows",
): string[] | 400 | 403 {
  if (path.includes("\0")) return 400;
  const parts = pathSegments(path);
  if (parts === null) return 403;
  if (windows && parts.some((part) => ALIAS.test(part))) return 403;
  const joined = parts.join("/");
  return (showHidden ? isUnfinished(joined) : isHidden(joined)) ? 403 : parts;
}

/** An escaped slash, which browsers do not treat as one. */
const ENCODED_SLASH = /%(?:2f|5c)/i;

/** The parts of a scope that make the address of a request. */
export interface Address {
  root_path: string;
  path: string;
  raw_path?: string;
  query_string: string;
}

/**
 * The address of the directory of `parts` at which relative links in it work;
 * null if the request used that one.
 */
export function directoryLocation(
  address: Address,
  parts: readonly string[],
): string | null {
  const path = requestPath(address);
  const { raw_path = path } = address;
  const canonical = parts.map((part) => `/${part}`).join("") + "/";
  if (
    (path === canonical
      ? raw_path.endsWith("/")
      : isSameBase(path, canonical)) &&
    !ENCODED_SLASH.test(raw_path)
  ) return null;
  const location = locationOf({ ...address, query_string: "" }, parts, true);
  return location === raw_path ? null : locationOf(address, parts, true);
}

/**
 * Whether relative links work at `path` as they do at `canonical`: dot
 * segments do not matter (RFC 3986, 5.2.4), except for `..` at the end.
 */
function isSameBase(path: string, canonical: string): boolean {
  if (!/\/\.?$/.test(path)) return false;
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") kept.pop();
    else if (part !== ".") kept.push(part);
  }
  return kept.join("/") + (path.endsWith(".") ? "/" : "") === canonical;
}

/**
 * The address of the file or, with `isDirectory`, the directory of `parts`, with
 * the query of `address`. It cannot begin with `//`, which would lead to another
 * host, since no part is empty.
 */
export function locationOf(
  { root_path, query_string }: Address,
  parts: readonly string[],
  isDirectory: boolean,
): string {
  const mount = root_path.split("/").filter((part) => part !== "");
  const all = [...mount, ...parts].map((part) => `/${encodeSegment(part)}`);
  const location = all.join("") + (isDirectory ? "/" : "");
  return query_string === "" ? location : `${location}?${query_string}`;
}

/** What addresses in header fields are relative to. */
export function baseOf({ headers }: { headers: HeaderList }): string {
  return `http://${fieldValue(headers, "host") ?? "localhost"}`;
}

/** The path of an address beneath the mount; null if it is not there. */
export function pathHere(
  { headers, root_path }: { headers: HeaderList; root_path: string },
  url: URL | null,
): string | null {
  const host = fieldValue(headers, "host");
  if (
    url === null ||
    host !== null && url.host !== URL.parse(`${url.protocol}//${host}`)?.host
  ) return null;
  const { path } = readPath(url.pathname);
  return path.startsWith(`${root_path}/`) ? path.slice(root_path.length) : null;
}

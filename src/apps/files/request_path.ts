/**
 * What a request's path names beneath the root.
 *
 * @module
 */

import { encodeSegment, pathSegments, readPath } from "../../http/target.ts";
import { decodeByteString } from "../../system/file_names.ts";
import { isHidden } from "./document_root.ts";

const ASCII = /^[\0-\x7f]*$/;

/** Tells whether `path` means the same as text and as bytes. */
export function isAscii(path: string): boolean {
  return ASCII.test(path);
}

/**
 * The path of a request as a name of files: where the target was not UTF-8,
 * `path` holds its bytes (PAGI.md 3.1), so that `/caf%E9` and `/caf%C3%A9` are
 * the same there, and name different files.
 */
export function requestPath({ path, raw_path }: Address): string {
  if (isAscii(path) || raw_path === undefined) return path;
  const { path: whole, isUtf8 } = readPath(raw_path);
  // A mount takes off the beginning; a middleware may have written another.
  return isUtf8 || !whole.endsWith(path) ? path : decodeByteString(path);
}

/**
 * What Windows takes for another name: short forms (`GIT~1`), streams of a
 * file, devices, and an end that it leaves off.
 */
const OTHER_NAME =
  /~\d|:|[. ]$|^(?:aux|con|conin\$|conout\$|nul|prn|com.|lpt.)(?:\.|$)/i;

/**
 * The parts of `path`, without empty ones and dot segments (RFC 3986, 5.2.4);
 * or the status that refuses it: 400 for NUL, 403 where `..` leads out of the
 * root, for a part that begins with a dot unless `showHidden`, and on Windows
 * for another name of a file than its own. `\` counts as `/`.
 */
export function pathParts(
  path: string,
  showHidden: boolean,
  windows: boolean = Deno.build.os === "windows",
): string[] | 400 | 403 {
  if (path.includes("\0")) return 400;
  const parts = pathSegments(path);
  if (parts === null) return 403;
  if (windows && parts.some((part) => OTHER_NAME.test(part))) return 403;
  return !showHidden && isHidden(parts.join("/")) ? 403 : parts;
}

/** A slash that a client wrote as an escape: no browser takes it for one. */
const ENCODED_SLASH = /%(?:2f|5c)/i;

/** What the address of a request is made of. */
export interface Address {
  root_path: string;
  path: string;
  raw_path?: string;
  query_string: string;
}

/**
 * Where the folder of `parts` should have been asked for, so that relative
 * links in it work; null if that is where it was asked for.
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
 * Tells whether relative links in a folder's page at `path` lead where they do
 * at `canonical`: dot segments change nothing (RFC 3986, 5.2.4), but for `..`
 * at the end.
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
 * The address of the file or, with `isDirectory`, the folder of `parts`, with the
 * query of `address`. It always stays on this host: no part is empty, so it
 * cannot begin with `//`.
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

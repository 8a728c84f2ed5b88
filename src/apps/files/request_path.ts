/**
 * What a request's path names beneath the root.
 *
 * @module
 */

import { encodeSegment } from "../../http/target.ts";

/**
 * What Windows takes for another name: short forms (`GIT~1`), streams of a
 * file, devices, and an end that it leaves off.
 */
const OTHER_NAME =
  /~\d|:|[. ]$|^(?:aux|con|conin\$|conout\$|nul|prn|com.|lpt.)(?:\.|$)/i;

/**
 * The parts of `path`, a decoded path as a scope has it, without empty ones; or
 * the status that refuses it: 400 for NUL, 403 for a part that begins with a
 * dot or, with `showHidden`, for `..` (PAGI.md 7), and on Windows for another
 * name of a file than its own. `\` counts as `/`.
 */
export function pathParts(
  path: string,
  showHidden: boolean,
  windows: boolean = Deno.build.os === "windows",
): string[] | 400 | 403 {
  if (path.includes("\0")) return 400;
  const parts = path.split(/[/\\]/).filter((part) => part !== "");
  for (const part of parts) {
    if (showHidden ? part === ".." : part.startsWith(".")) return 403;
    if (windows && part !== "." && OTHER_NAME.test(part)) return 403;
  }
  return showHidden ? parts.filter((part) => part !== ".") : parts;
}

/** Tells whether a decoded path names a folder. */
export function namesFolder(path: string): boolean {
  return path === "" || path.endsWith("/") || path.endsWith("\\");
}

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
export function folderLocation(
  address: Address,
  parts: readonly string[],
): string | null {
  const { path, raw_path = path } = address;
  const canonical = parts.map((part) => `/${part}`).join("") + "/";
  return path === canonical && raw_path.endsWith("/")
    ? null
    : locationOf(address, parts, true);
}

/**
 * The address of the file or, with `isFolder`, the folder of `parts`, with the
 * query of `address`. It always stays on this host: no part is empty, so it
 * cannot begin with `//`.
 */
export function locationOf(
  { root_path, query_string }: Address,
  parts: readonly string[],
  isFolder: boolean,
): string {
  const mount = root_path.split("/").filter((part) => part !== "");
  const all = [...mount, ...parts].map((part) => `/${encodeSegment(part)}`);
  const location = all.join("") + (isFolder ? "/" : "");
  return query_string === "" ? location : `${location}?${query_string}`;
}

/**
 * From a request's path to what is there.
 *
 * @module
 */

import { fieldValue } from "../../http/headers.ts";
import { namesType } from "../../http/accept.ts";
import type { RequestScope } from "../reply.ts";
import type { DocumentRoot, OpenedFolder } from "./document_root.ts";
import type { FileCache } from "./file_cache.ts";
import { folderLocation, locationOf, namesFolder } from "./request_path.ts";
import type { FoundFile } from "./send_file.ts";

/** How files are found. */
export interface FindSettings {
  readonly root: DocumentRoot;
  readonly files: FileCache;
  /** The names of files that stand for their folder, the best one first. */
  readonly index: readonly string[];
  /** `/about` is `about.html`, and `/about.html` moves there. */
  readonly cleanUrls: boolean;
  /** Pages that are not found are the root's index file. */
  readonly spa: boolean;
  /** Find folders that have no index file. */
  readonly findFolders: boolean;
}

/** What was found; a status that says why not; or where it is instead. */
export type Found = FoundFile | FoundFolder | FoundElsewhere | 403 | 404;

/** A folder without an index file. */
export interface FoundFolder {
  readonly opened: OpenedFolder;
}

/** A better address of the same. */
export interface FoundElsewhere {
  readonly location: string;
}

const HTML = ".html";

/**
 * Finds what a request for `parts` is about: a file or folder, which the
 * caller closes; or a better address of it; or 403 or 404.
 */
export function findFile(
  scope: RequestScope,
  parts: readonly string[],
  settings: FindSettings,
): Found {
  const { root, files, index, cleanUrls, spa, findFolders } = settings;

  function openFile(path: string): FoundFile | 403 | 404 {
    const opened = files.open(path);
    if (typeof opened === "number") return opened;
    if (opened.kind !== "folder") return { opened, path };
    opened[Symbol.dispose]();
    return 404;
  }

  function openFolder(path: string): FoundFolder | 404 | 403 {
    const opened = root.open(path);
    if (typeof opened === "number") return opened;
    if (opened.kind === "folder") return { opened };
    opened[Symbol.dispose]();
    return 404;
  }

  /** The index file of a folder, whose path is empty or ends with a slash. */
  function openIndex(folder: string): FoundFile | 403 | 404 {
    for (const name of index) {
      const found = openFile(folder + name);
      if (found !== 404) return found;
    }
    return 404;
  }

  function isFile(path: string): boolean {
    const found = openFile(path);
    if (typeof found === "number") return false;
    found.opened[Symbol.dispose]();
    return true;
  }

  /** Where the page at `path` is with clean URLs, or null if it is there. */
  function cleanLocation(path: string): string | null {
    if (!path.endsWith(HTML)) return null;
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    const first = index.find((name) => isFile(folder + name));
    if (first !== undefined && path === folder + first) {
      return locationOf(scope, parts.slice(0, -1), true);
    }
    const clean = path.slice(0, -HTML.length);
    if (clean === folder || isFile(clean)) return null;
    return locationOf(scope, [
      ...parts.slice(0, -1),
      clean.slice(folder.length),
    ], false);
  }

  function find(): Found {
    if (!namesFolder(scope.path) && parts.length > 0) {
      const path = parts.join("/");
      const found = openFile(path);
      if (typeof found === "object") {
        const location = cleanUrls ? cleanLocation(path) : null;
        if (location === null) return found;
        found.opened[Symbol.dispose]();
        return { location };
      }
      if (found === 403) return 403;
      const page = cleanUrls ? openFile(path + HTML) : 404;
      if (page !== 404) return page;
    }
    const folder = parts.map((part) => `${part}/`).join("");
    const file = openIndex(folder);
    const found = file === 404 && findFolders ? openFolder(folder) : file;
    if (typeof found === "number") return found;
    const location = folderLocation(scope, parts);
    if (location === null) return found;
    found.opened[Symbol.dispose]();
    return { location };
  }

  const found = find();
  if (found !== 404 || !spa) return found;
  if (!namesType(fieldValue(scope.headers, "accept"), "text/html")) return 404;
  const page = openIndex("");
  return typeof page === "number" ? page : { ...page, vary: ["accept"] };
}

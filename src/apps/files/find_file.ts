/** From the path of a request to a file or directory. */

import { fieldValue } from "../../http/headers.ts";
import { namesType } from "../../http/negotiation.ts";
import { isDirectoryPath } from "../../http/target.ts";
import type { RequestScope } from "../reply.ts";
import type { DocumentRoot, OpenedDirectory } from "./document_root.ts";
import type { FileCache } from "./file_cache.ts";
import { directoryLocation, locationOf, requestPath } from "./request_path.ts";
import type { FoundFile } from "./send_file.ts";

/** How files are found. */
export interface FindSettings {
  readonly root: DocumentRoot;
  readonly files: FileCache;
  /** Names of index files, in the order of preference. */
  readonly index: readonly string[];
  /** Serve `about.html` as `/about`, and redirect `/about.html` there. */
  readonly cleanUrls: boolean;
  /** Serve the root's index file for pages that are not found. */
  readonly spa: boolean;
  /** Find directories that have no index file. */
  readonly findDirectories: boolean;
}

/** What was found; the status that says why not; or a better address. */
export type Found = FoundFile | FoundDirectory | Redirect | 403 | 404;

/** A directory without an index file. */
interface FoundDirectory {
  readonly opened: OpenedDirectory;
}

interface Redirect {
  readonly location: string;
}

/** The extension that clean URLs lack. */
export const HTML = ".html";

/**
 * Finds what a request for `parts` asks for: a file or directory, which the
 * caller closes; or its better address; or 403 or 404.
 */
export function findFile(
  scope: RequestScope,
  parts: readonly string[],
  settings: FindSettings,
): Found {
  const { root, files, index, cleanUrls, spa, findDirectories } = settings;
  const isDirectory = isDirectoryPath(requestPath(scope));

  function openFile(path: string): FoundFile | 403 | 404 {
    const opened = files.open(path);
    if (typeof opened === "number") return opened;
    if (opened.kind !== "directory") return { opened, path };
    opened[Symbol.dispose]();
    return 404;
  }

  function openDirectory(path: string): FoundDirectory | 404 | 403 {
    const opened = root.open(path);
    if (typeof opened === "number") return opened;
    if (opened.kind === "directory") return { opened };
    opened[Symbol.dispose]();
    return 404;
  }

  /**
   * The index file of a directory, whose path is empty or ends with a slash. If
   * one exists and cannot be served, the directory is not shown instead (403).
   */
  function openIndex(directory: string): FoundFile | 403 | 404 {
    if (!root.has(directory)) return 404;
    const paths = index.map((name) => directory + name);
    for (const [i, path] of paths.entries()) {
      const found = openFile(path);
      if (found === 403) return 403;
      if (found !== 404) {
        const alias = { address: directory, before: paths.slice(0, i) };
        return { ...found, alias };
      }
      if (root.reasonFor(path, true) === 403) return 403;
    }
    return 404;
  }

  function isFile(path: string): boolean {
    const found = openFile(path);
    if (typeof found === "number") return false;
    found.opened[Symbol.dispose]();
    return true;
  }

  /** The address of the directory, if `path` is that of its index file. */
  function indexLocation(path: string): string | null {
    const directory = path.slice(0, path.lastIndexOf("/") + 1);
    const first = index.find((name) => isFile(directory + name));
    return first !== undefined && path === directory + first
      ? locationOf(scope, parts.slice(0, -1), true)
      : null;
  }

  /** The clean URL of the page at `path`; null if that is its address. */
  function cleanLocation(path: string): string | null {
    if (!path.endsWith(HTML)) return null;
    const location = indexLocation(path);
    if (location !== null) return location;
    const clean = path.slice(0, -HTML.length);
    const name = clean.slice(clean.lastIndexOf("/") + 1);
    return name === "" || isFile(clean)
      ? null
      : locationOf(scope, [...parts.slice(0, -1), name], false);
  }

  function orRedirect(
    found: FoundFile | FoundDirectory,
    location: string | null,
  ): Found {
    if (location === null) return found;
    found.opened[Symbol.dispose]();
    return { location };
  }

  function find(): Found {
    const path = parts.join("/");
    const hasPages = cleanUrls && path !== "";
    if (!isDirectory && path !== "") {
      const found = openFile(path);
      if (typeof found === "object") {
        return orRedirect(found, hasPages ? cleanLocation(path) : null);
      }
      if (found === 403) return 403;
      const page = hasPages ? openFile(path + HTML) : 404;
      if (typeof page === "object") {
        // Whether an index file is at its clean URL depends on the others.
        const alias = index.includes(`${parts.at(-1)}${HTML}`)
          ? undefined
          : { address: path, before: [path] };
        return orRedirect({ ...page, alias }, indexLocation(path + HTML));
      }
      if (page === 403) return 403;
    }
    const directory = path === "" ? "" : `${path}/`;
    const file = openIndex(directory);
    const found = file === 404 && findDirectories
      ? openDirectory(directory)
      : file;
    // The page is at /about, not at /about/.
    if (found === 404 && isDirectory && hasPages && isFile(path + HTML)) {
      return { location: locationOf(scope, parts, false) };
    }
    if (found === 404) return root.reasonFor(path);
    if (found === 403) return 403;
    return orRedirect(found, directoryLocation(scope, parts));
  }

  const found = find();
  if (found !== 404 || !spa) return found;
  if (!namesType(fieldValue(scope.headers, "accept"), "text/html")) return 404;
  const page = openIndex("");
  return typeof page === "number" ? page : { ...page, vary: ["accept"] };
}

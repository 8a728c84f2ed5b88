/**
 * What the apps File and Directory have in common: from a request to a file.
 *
 * @module
 */

import type { PagiApp, Send } from "../../pagi/types.ts";
import { assertRequest, reply, replyStatus } from "../reply.ts";
import type { RequestScope } from "../reply.ts";
import type { DocumentRoot, Opened, OpenedFolder } from "./document_root.ts";
import { folderLocation, namesFolder, pathParts } from "./request_path.ts";
import { sendFile } from "./send_file.ts";
import type { FileSettings } from "./send_file.ts";

/** Answers a request for a folder that has no index file. */
export type SendFolder = (
  scope: RequestScope,
  send: Send,
  folder: OpenedFolder,
  parts: readonly string[],
) => Promise<void>;

/** How a tree of files is served. */
export interface TreeSettings extends FileSettings {
  readonly root: DocumentRoot;
  /** The names of files that stand for their folder, the best one first. */
  readonly index: readonly string[];
  /** Serve names that begin with a dot. */
  readonly showHidden: boolean;
  /** Without it, a folder that has no index file is not found. */
  readonly sendFolder?: SendFolder;
}

/** The app called `appName` that serves a tree of files (PAGI.md 7). */
export function serveTree(appName: string, settings: TreeSettings): PagiApp {
  const { root, index, sendFolder } = settings;

  function openIndex(folder: string): { opened: Opened; name: string } {
    for (const name of index) {
      const opened = root.open(`${folder}${name}`);
      if (opened === 404) continue;
      if (opened === 403 || opened.kind === "file") return { opened, name };
      opened[Symbol.dispose]();
    }
    return { opened: sendFolder ? root.open(folder) : 404, name: "" };
  }

  return async (scope, _receive, send) => {
    assertRequest(scope, appName);
    if (scope.method !== "GET" && scope.method !== "HEAD") {
      return await replyStatus(send, 405, [["allow", "GET, HEAD"]]);
    }
    const parts = pathParts(scope.path, settings.showHidden);
    if (typeof parts === "number") return await replyStatus(send, parts);

    if (!namesFolder(scope.path) && parts.length > 0) {
      const opened = root.open(parts.join("/"));
      if (typeof opened === "number") return await replyStatus(send, opened);
      using found = opened;
      if (found.kind === "file") {
        return await sendFile(scope, send, found, parts.at(-1)!, settings);
      }
    }

    const folder = parts.map((part) => `${part}/`).join("");
    const { opened, name } = openIndex(folder);
    if (typeof opened === "number") return await replyStatus(send, opened);
    using found = opened;
    const location = folderLocation(scope, parts);
    if (location !== null) {
      return await reply(send, 301, [["location", location]], "");
    }
    if (found.kind === "file") {
      return await sendFile(scope, send, found, name, settings);
    }
    await sendFolder?.(scope, send, found, parts);
  };
}

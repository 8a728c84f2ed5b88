/**
 * What the apps File and Directory have in common: from a request to a file.
 *
 * @module
 */

import type { PagiApp, Receive, Send } from "../../pagi/types.ts";
import { assertRequest, reply, replyStatus } from "../reply.ts";
import type { RequestScope } from "../reply.ts";
import type { OpenedFolder } from "./document_root.ts";
import { isCurrent } from "./file_cache.ts";
import { findFile } from "./find_file.ts";
import type { FindSettings } from "./find_file.ts";
import { pathParts, requestPath } from "./request_path.ts";
import { sendFile, sendWhole, wholeAnswer } from "./send_file.ts";
import type { FileSettings } from "./send_file.ts";

/** Answers a request for a folder that has no index file. */
export type SendFolder = (
  scope: RequestScope,
  receive: Receive,
  send: Send,
  folder: OpenedFolder,
  parts: readonly string[],
) => Promise<void>;

/** How a tree of files is served. */
export interface TreeSettings
  extends FileSettings, Omit<FindSettings, "findFolders"> {
  /** Serve names that begin with a dot. */
  readonly showHidden: boolean;
  /** Without it, a folder that has no index file is not found. */
  readonly sendFolder?: SendFolder;
}

/** The app called `appName` that serves a tree of files (PAGI.md 7). */
export function serveTree(appName: string, settings: TreeSettings): PagiApp {
  const { showHidden, sendFolder, files, cleanUrls } = settings;
  const finding = { ...settings, findFolders: sendFolder !== undefined };

  async function serve(
    scope: RequestScope,
    receive: Receive,
    send: Send,
  ): Promise<void> {
    if (scope.method !== "GET" && scope.method !== "HEAD") {
      return await replyStatus(send, 405, [["allow", "GET, HEAD"]]);
    }
    const parts = pathParts(requestPath(scope), showHidden);
    if (typeof parts === "number") return await replyStatus(send, parts);

    const found = findFile(scope, parts, finding);
    if (typeof found === "number") {
      const depends = found === 404 && settings.spa;
      return await replyStatus(
        send,
        found,
        depends ? [["vary", "accept"]] : [],
      );
    }
    if ("location" in found) {
      return await reply(send, 301, [["location", found.location]], "");
    }
    using _opened = found.opened;
    await ("path" in found
      ? sendFile(scope, receive, send, found, settings)
      : sendFolder?.(scope, receive, send, found.opened, parts));
  }

  return async (scope, receive, send) => {
    assertRequest(scope, appName);
    const kept = cleanUrls ? null : files.kept(scope.path);
    const answer = kept && wholeAnswer(scope, kept.file);
    await (answer && isCurrent(kept)
      ? sendWhole(send, answer, kept.file)
      : serve(scope, receive, send));
  };
}

/**
 * What the apps File and Directory have in common: from a request to a file.
 */

import { type FindReady, withReadyAnswers } from "../../pagi/ready_answers.ts";
import type { HeaderList, PagiApp, Receive, Send } from "../../pagi/types.ts";
import { explainable } from "../explain.ts";
import { RequestReader } from "../disconnect.ts";
import {
  assertRequest,
  reply,
  replyStatus,
  type RequestScope,
} from "../reply.ts";
import { explainTree } from "./explain_tree.ts";
import { findFile, type FindSettings, HTML } from "./find_file.ts";
import { isMarkdown, type MarkdownPages } from "./markdown.ts";
import { pathParts, requestPath } from "./request_path.ts";
import { findReady, readyRequestOf, sendReady } from "./ready_file.ts";
import { type FileSettings, sendFile, sendNotFoundPage } from "./send_file.ts";

/** Answers a request for a directory that has no index file. */
export type SendDirectory = (
  scope: RequestScope,
  receive: Receive,
  send: Send,
  parts: readonly string[],
) => Promise<void>;

/** How a tree of files is served. */
export interface TreeSettings
  extends FileSettings, Omit<FindSettings, "findDirectories"> {
  /** Serve names that begin with a dot. */
  readonly showHidden: boolean;
  /** The path of the file that is sent with status 404; "" for none. */
  readonly notFound: string;
  /** Without it, a directory that has no index file is answered with 404. */
  readonly sendDirectory?: SendDirectory;
  /** Finds answers that {@linkcode sendDirectory} has kept ready. */
  readonly findReadyListing?: FindReady;
  /** Renders Markdown; without it, its source is sent. */
  readonly markdown?: MarkdownPages;
  /** Serves the methods besides GET and HEAD; without it they get 405. */
  readonly serveChange?: (
    scope: RequestScope,
    receive: Receive,
    send: Send,
  ) => Promise<void>;
}

/** The app called `appName` that serves a tree of files (PAGI.md 7). */
export function serveTree(appName: string, settings: TreeSettings): PagiApp {
  const { showHidden, sendDirectory, serveChange, files, cleanUrls } = settings;
  const { findReadyListing } = settings;
  const finding = { ...settings, findDirectories: sendDirectory !== undefined };

  const find: FindReady = (request, rootPath) => {
    // It redirects to its clean URL.
    if (cleanUrls && request.path.endsWith(HTML)) return null;
    return findReady(files, request) ??
      findReadyListing?.(request, rootPath) ?? null;
  };

  async function serve(
    scope: RequestScope,
    receive: Receive,
    send: Send,
  ): Promise<void> {
    if (scope.method !== "GET" && scope.method !== "HEAD") {
      if (serveChange !== undefined) {
        return await serveChange(scope, receive, send);
      }
      return await replyStatus(send, 405, [["allow", "GET, HEAD"]]);
    }
    const parts = pathParts(requestPath(scope), showHidden);
    if (typeof parts === "number") return await replyStatus(send, parts);

    const found = findFile(scope, parts, finding);
    if (found === 404) return await sendNotFound(scope, send);
    if (found === 403) return await replyStatus(send, 403);
    if ("location" in found) {
      return await reply(send, 301, [["location", found.location]], "");
    }
    if (!("path" in found)) {
      found.opened[Symbol.dispose]();
      return await sendDirectory?.(scope, receive, send, parts);
    }
    let reader: RequestReader | null = null;
    const client = () => reader ??= RequestReader.watch(receive);
    let { opened } = found;
    if (opened.kind === "file" && opened.mayBlock) {
      const read = await files.readSlowly(found.path, opened, client());
      if (read === "left") return;
      if (read !== opened) opened[Symbol.dispose]();
      if (read === "busy") {
        return await replyStatus(send, 503, [["retry-after", "5"]]);
      }
      opened = read;
    }
    using _opened = opened;
    const file = opened === found.opened ? found : { ...found, opened };
    if (settings.markdown === undefined || !isMarkdown(file.path)) {
      return await sendFile(scope, client, send, file, settings);
    }
    if (await settings.markdown.send(scope, client, send, file)) return;
    const vary = [...file.vary ?? [], "accept"];
    await sendFile(scope, client, send, { ...file, vary }, settings);
  }

  async function sendNotFound(scope: RequestScope, send: Send): Promise<void> {
    const vary: HeaderList = settings.spa ? [["vary", "accept"]] : [];
    const path = settings.notFound;
    const opened = path === "" ? 404 : files.open(path);
    if (typeof opened === "number") return await replyStatus(send, 404, vary);
    using _opened = opened;
    if (
      opened.kind === "directory" || opened.kind === "file" && opened.mayBlock
    ) {
      return await replyStatus(send, 404, vary);
    }
    await sendNotFoundPage(scope, send, { opened, path }, settings, vary);
  }

  const app: PagiApp = async (scope, receive, send) => {
    assertRequest(scope, appName);
    const ready = find(readyRequestOf(scope), scope.root_path);
    await (ready === null
      ? serve(scope, receive, send)
      : sendReady(send, ready));
  };
  const explaining = { ...finding, showHidden };
  const explained = explainable(
    app,
    (scope) => explainTree(app, scope, explaining),
  );
  return withReadyAnswers(explained, find);
}

/** What File and Directory find for a request, and why they serve it or not. */

import { pathSegments } from "../../http/target.ts";
import { quote } from "../../options/option_error.ts";
import type { PagiApp } from "../../pagi/types.ts";
import {
  type ConnectionScope,
  explainByStart,
  type Explanation,
} from "../explain.ts";
import type { RequestScope } from "../reply.ts";
import { type DocumentRoot, isDenial, isHidden } from "./document_root.ts";
import { findFile, type FindSettings } from "./find_file.ts";
import { pathParts, requestPath } from "./request_path.ts";

/** Explains what `app`, which serves a tree of files, does with a request. */
export async function explainTree(
  app: PagiApp,
  scope: ConnectionScope,
  settings: FindSettings & {
    readonly showHidden: boolean;
    readonly serveChange?: unknown;
  },
): Promise<Explanation> {
  const isRead = scope.type !== "websocket" &&
    (scope.method === "GET" || scope.method === "HEAD");
  if (
    scope.type !== "websocket" && !isRead && settings.serveChange !== undefined
  ) {
    const line =
      `${scope.method} does what the options of ${settings.root.directory} allow (upload, mkdir, rename, delete, webdav); it was not run, as it may change something`;
    return { lines: [line], status: null };
  }
  const answer = await explainByStart(app, scope);
  const lines = isRead ? onDisk(scope, settings) : [];
  return { ...answer, lines: [...lines, ...answer.lines] };
}

/** What is there, in sentences. */
function onDisk(
  scope: RequestScope,
  settings: FindSettings & { readonly showHidden: boolean },
): string[] {
  const { root, index, findDirectories, showHidden, spa } = settings;
  const path = requestPath(scope);
  const parts = pathParts(path, showHidden);
  if (typeof parts === "number") return [whyRefused(path)];
  const whole = root.pathOf(parts.join("/"));
  const found = findFile(scope, parts, settings);
  if (typeof found === "number") {
    return [
      whyNot(root, whole, index),
      ...spa ? ["spa: the request does not accept text/html"] : [],
    ];
  }
  if ("location" in found) {
    return [`${whole} is served at ${found.location}`];
  }
  using opened = found.opened;
  if (!("path" in found)) {
    return [
      `${whole} is a directory without an index file (${index.join(", ")})`,
      findDirectories ? "it is listed" : "it is not listed",
    ];
  }
  const file = root.pathOf(found.path);
  const { size, mtime } = "info" in opened ? opened.info : Deno.statSync(file);
  const instead = file === whole ? [] : [`${whole} stands for its file`];
  return [
    ...instead,
    `file ${file}, ${size} bytes, modified ${mtime?.toISOString() ?? "never"}`,
  ];
}

/** Why a path is refused before anything is looked up. */
function whyRefused(path: string): string {
  if (path.includes("\0")) return "the path has a NUL character";
  const parts = pathSegments(path);
  if (parts === null) return "the path leads out of the root with ..";
  const hidden = parts.find((_, index) =>
    isHidden(parts.slice(0, index + 1).join("/"))
  );
  return hidden === undefined
    ? "the path is another name that Windows has for a file"
    : `${quote(hidden)} is hidden, as names with a dot in front and ` +
      "pagi-server.toml are (Directory serves them with show_hidden=1)";
}

/** Why what is at `whole` is not served. */
function whyNot(
  root: DocumentRoot,
  whole: string,
  index: readonly string[],
): string {
  try {
    const { isSymlink } = Deno.lstatSync(whole);
    const real = Deno.realPathSync(whole);
    if (!root.contains(real)) {
      return isSymlink || real !== whole
        ? `${whole} is, or lies below, a link to ${real}, which is outside the root or hidden`
        : `${whole} is hidden`;
    }
    const { isDirectory, isFile, mode } = Deno.statSync(whole);
    if (isDirectory) {
      return `${whole} is a directory without an index file that can be served (${
        index.join(", ")
      })`;
    }
    return isFile
      ? `${whole} cannot be read by this user; its mode is ${
        ((mode ?? 0) & 0o777).toString(8).padStart(4, "0")
      }`
      : `${whole} is not a regular file`;
  } catch (error) {
    if (isDenial(error)) {
      return `${whole} is in a directory closed to this user`;
    }
    return isLink(whole)
      ? `${whole} is a link that leads nowhere`
      : `there is nothing at ${whole}`;
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

/**
 * Scopes for tests that call an app by themselves.
 *
 * @module
 */

import { decodePath, splitTarget } from "../../src/http/target.ts";
import type {
  HttpScope,
  PagiConnection,
  SseScope,
} from "../../src/pagi/types.ts";
import type { AppRequest } from "./run_app.ts";

/** The scope of `request` as the server would make it. */
export function requestScope(request: AppRequest = {}): HttpScope | SseScope {
  const { rawPath, queryString } = splitTarget(request.target ?? "/");
  const { type = "http", method = "GET", rootPath = "" } = request;
  const { headers = {} } = request;
  return {
    type,
    pagi: { version: "0.3" },
    http_version: "1.1",
    method,
    scheme: "http",
    path: decodePath(rawPath).slice(rootPath.length) ||
      (rootPath === "" ? "" : "/"),
    raw_path: rawPath,
    query_string: queryString,
    root_path: rootPath,
    headers: Array.isArray(headers) ? headers : Object.entries(headers),
    client: ["127.0.0.1", 50000],
    server: ["127.0.0.1", 5000],
    state: {},
    extensions: {},
    ...type === "http" ? { "pagi.connection": OPEN } : {},
  } as HttpScope | SseScope;
}

/** A connection on which nothing goes wrong. */
const OPEN: PagiConnection = {
  isConnected: () => true,
  disconnectReason: () => null,
  onDisconnect: () => {},
  onComplete: () => {},
  responseStarted: () => false,
  responseComplete: () => false,
  disconnected: new Promise(() => {}),
};

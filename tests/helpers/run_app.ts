/**
 * Runs an app on one request without any server.
 *
 * @module
 */

import { decodePath, splitTarget } from "../../src/http/target.ts";
import { fieldValue } from "../../src/http/headers.ts";
import type {
  FileHandle,
  HeaderList,
  HttpScope,
  PagiApp,
  PagiConnection,
  ReceiveEvent,
  Scope,
  SendEvent,
  SseScope,
} from "../../src/pagi/types.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";

/** A request for {@linkcode runApp}; everything has a default. */
export interface AppRequest {
  type?: "http" | "sse";
  /** `GET`. */
  method?: string;
  /** As it stands in the request line, still encoded; `/`. */
  target?: string;
  /** Lower-case names. */
  headers?: Record<string, string> | HeaderList;
  /** Where the app is mounted; `target` holds it too, `path` does not. */
  rootPath?: string;
  /** The body; empty. */
  body?: string | Uint8Array;
  /** Overrides anything in the scope. */
  scope?: Record<string, unknown>;
}

/** What an app answered. */
export interface AppResponse {
  status: number;
  headers: HeaderList;
  /** The first value of a field, lower-case name, or null. */
  header(name: string): string | null;
  body: Uint8Array;
  text: string;
  /** All events in order, as the app sent them. */
  events: SendEvent[];
}

/**
 * Runs `app` on `request` and collects its response; `file` and `fh` are read
 * while the app waits, as a server does. Fails if the app announces another
 * `content-length` than it sends, or does not finish its response.
 */
export async function runApp(
  app: PagiApp,
  request: AppRequest = {},
): Promise<AppResponse> {
  const scope = requestScope(request);
  const events: SendEvent[] = [];
  const chunks: Uint8Array[] = [];
  let head: { status: number; headers?: HeaderList } | null = null;
  let complete = false;

  await app(scope as Scope, receiver(request), async (event) => {
    events.push(event);
    if (event.type === "http.response.start") {
      assert(head === null, "the app started its response twice");
      head = event;
    } else if (event.type === "http.response.body") {
      assert(head !== null && !complete, "a body event at the wrong moment");
      chunks.push(await bodyOf(event));
      complete = !("more" in event && event.more);
    } else {
      throw new Error(`the app sent ${event.type}`);
    }
  });

  assert(head !== null && complete, "the app did not finish its response");
  const { status, headers = [] } = head as {
    status: number;
    headers?: HeaderList;
  };
  const body = new Uint8Array(
    await new Blob(chunks as BlobPart[]).arrayBuffer(),
  );
  const length = fieldValue(headers, "content-length");
  if (length !== null && scope.method !== "HEAD" && status !== 304) {
    assertEquals(body.length, Number(length), "content-length is wrong");
  }
  return {
    status,
    headers,
    header: (name) => fieldValue(headers, name),
    body,
    text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(body),
    events,
  };
}

/** The scope of `request` as the server would make it. */
export function requestScope(request: AppRequest = {}): HttpScope | SseScope {
  const { rawPath, queryString } = splitTarget(request.target ?? "/");
  const rootPath = request.rootPath ?? "";
  const { headers = {} } = request;
  const type = request.type ?? "http";
  return {
    type,
    pagi: { version: "0.3" },
    http_version: "1.1",
    method: request.method ?? "GET",
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
    ...request.scope,
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

function receiver({ type = "http", body = "" }: AppRequest) {
  let given = false;
  return (): Promise<ReceiveEvent> => {
    if (given) return new Promise(() => {});
    given = true;
    return Promise.resolve({
      type: `${type}.request`,
      body: typeof body === "string" ? new TextEncoder().encode(body) : body,
      more: 0,
    });
  };
}

async function bodyOf(
  event: Extract<SendEvent, { type: "http.response.body" }>,
): Promise<Uint8Array> {
  if ("fh" in event) return await readHandle(event.fh, event);
  if ("file" in event) {
    using file = await Deno.open(event.file);
    return await readHandle(file, event);
  }
  const { body = "" } = event;
  return typeof body === "string" ? new TextEncoder().encode(body) : body;
}

async function readHandle(
  handle: FileHandle,
  { offset = 0, length = Infinity }: { offset?: number; length?: number },
): Promise<Uint8Array> {
  await handle.seek?.(offset, 0);
  const parts: Uint8Array[] = [];
  let left = length;
  while (left > 0) {
    const buffer = new Uint8Array(Math.min(left, 65536));
    const count = await handle.read(buffer);
    if (count === null) break;
    parts.push(buffer.subarray(0, count));
    left -= count;
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

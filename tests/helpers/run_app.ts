/**
 * Runs an app on one request by the test client, for tests that look at what
 * the app sends more than at what arrives.
 *
 * @module
 */

import { fieldValue } from "../../src/http/headers.ts";
import type { HeaderList, PagiApp, SendEvent } from "../../src/pagi/types.ts";
import { TestClient, type TestRequestOptions } from "../../testing/mod.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { requestScope } from "./request_scope.ts";

/** A request for {@linkcode runApp}; everything has a default. */
export interface AppRequest extends TestRequestOptions {
  type?: "http" | "sse";
  /** As it stands in the request line, still encoded; `/`. */
  target?: string;
  /** Where the app is mounted; `target` holds it too, `path` does not. */
  rootPath?: string;
}

/** What an app answered. */
export interface AppResponse {
  status: number;
  /** As the app sent them. */
  headers: HeaderList;
  /** The first value of a field, lower-case name, or null. */
  header(name: string): string | null;
  body: Uint8Array;
  text: string;
  /** All events in order, as the app sent them. */
  events: readonly SendEvent[];
}

/**
 * Runs `app` on `request` and collects its response. Fails if the app starts
 * it twice, sends something at a wrong moment, announces another
 * `content-length` than it sends, or does not finish.
 */
export async function runApp(
  app: PagiApp,
  request: AppRequest = {},
): Promise<AppResponse> {
  // The scope is the test's, hostile as it may be; the server would refuse
  // some requests that would make it.
  const { "pagi.connection": _, ...scope } = requestScope(request);
  const { type, method, body: sent } = request;
  const client = new TestClient(app, { settings: { maxBodySize: 0 } });
  const { status, body, text, events } = await client.request("/", {
    method,
    body: sent,
    headers: type === "sse" ? { accept: "text/event-stream" } : {},
    scope: { ...scope, ...request.scope },
  });
  assertWellOrdered(events);
  const [start] = events;
  assert(start.type === "http.response.start", `the app sent ${start.type}`);
  const { headers = [] } = start;
  const length = fieldValue(headers, "content-length");
  if (length !== null && request.method !== "HEAD" && status !== 304) {
    assertEquals(bytesSent(events) ?? body.length, Number(length));
  }
  return {
    status,
    headers,
    header: (name) => fieldValue(headers, name),
    body,
    text,
    events,
  };
}

/** What the server would ignore is a mistake of the app all the same. */
function assertWellOrdered(events: readonly SendEvent[]): void {
  const shape = events.map((event) => {
    if (event.type === "http.response.start") return "s";
    if (event.type !== "http.response.body") return event.type;
    return "file" in event || "fh" in event || !event.more ? "e" : "b";
  }).join("");
  assert(/^sb*e$/.test(shape), `the app sent its events as ${shape}`);
}

/** Bytes of the body's events; null where a file is among them. */
function bytesSent(events: readonly SendEvent[]): number | null {
  let sum = 0;
  for (const event of events) {
    if (event.type !== "http.response.body") continue;
    if ("file" in event || "fh" in event) return null;
    const { body = "" } = event;
    sum += new Blob([body as BlobPart]).size;
  }
  return sum;
}

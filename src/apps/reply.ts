/**
 * Whole replies of the bundled apps.
 *
 * @module
 */

import { reasonPhrase } from "../http/status.ts";
import type {
  BytesIn,
  HeaderList,
  HttpScope,
  Scope,
  Send,
  SseScope,
} from "../pagi/types.ts";
import { UnsupportedScope } from "../pagi/unsupported_scope.ts";

/** A scope that a plain HTTP response can answer (PAGI.md 3.5). */
export type RequestScope = HttpScope | SseScope;

/** Throws on any scope that is not a request, as PAGI.md 1.7 asks. */
export function assertRequest(
  scope: Scope,
  appName: string,
): asserts scope is RequestScope {
  if (scope.type !== "http" && scope.type !== "sse") {
    throw new UnsupportedScope(appName, scope.type);
  }
}

const encoder = new TextEncoder();

/** Sends a response whose body is at hand; `content-length` is added. */
export async function reply(
  send: Send,
  status: number,
  headers: HeaderList,
  body: BytesIn,
): Promise<void> {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  await send({
    type: "http.response.start",
    status,
    headers: [...headers, ["content-length", String(bytes.length)]],
  });
  await send({ type: "http.response.body", body: bytes });
}

/** Sends the reason phrase of `status` as plain text (PAGI.md 7). */
export function replyStatus(
  send: Send,
  status: number,
  headers: HeaderList = [],
): Promise<void> {
  return reply(
    send,
    status,
    [["content-type", "text/plain"], ...headers],
    reasonPhrase(status),
  );
}

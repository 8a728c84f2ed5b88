/** Complete responses, and types of option values, for the bundled apps. */

import { isSafeFieldValue, reasonPhrase } from "../http/headers.ts";
import { defineType, text, type ValueType } from "../options/value_types.ts";
import type {
  BytesIn,
  HeaderList,
  HttpScope,
  Scope,
  Send,
  SseScope,
  WebSocketScope,
} from "../pagi/types.ts";
import { UnsupportedScope } from "../pagi/unsupported_scope.ts";

/** A scope that a plain HTTP response can answer (PAGI.md 3.5). */
export type RequestScope = HttpScope | SseScope;

/** Throws on any scope that is not a request (PAGI.md 1.7). */
export function assertRequest(
  scope: Scope,
  appName: string,
): asserts scope is RequestScope {
  if (scope.type !== "http" && scope.type !== "sse") {
    throw new UnsupportedScope(appName, scope.type);
  }
}

const encoder = new TextEncoder();

/** Sends a whole response; `content-length` is added. */
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

/** Sends a response without a body, as to HEAD or with the status 204. */
export async function replyBare(
  send: Send,
  status: number,
  headers: HeaderList,
): Promise<void> {
  await send({ type: "http.response.start", status, headers });
  await send({ type: "http.response.body" });
}

/** Denies a WebSocket, with a response if the server can send one. */
export async function denyWebSocket(
  { extensions }: WebSocketScope,
  send: Send,
  status: number,
  headers: HeaderList,
  body: BytesIn,
): Promise<void> {
  if (extensions["websocket.http.response"] === undefined) {
    return await send({ type: "websocket.close" });
  }
  await send({ type: "websocket.http.response.start", status, headers });
  await send({ type: "websocket.http.response.body", body });
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

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+ *(;.*)?$/;

/** A media type, with parameters or without. */
export const mediaType: ValueType<string> = defineType({
  placeholder: "TYPE",
  allowed: 'a media type, as in "text/plain"',
  parse: (given) =>
    MEDIA_TYPE.test(given) && isSafeFieldValue(given) ? given : undefined,
});

/** The name of a character encoding, or "" for none. */
export const charset: ValueType<string> = defineType({
  placeholder: "CHARSET",
  allowed: 'a charset, as in "windows-1252", or nothing',
  parse: (given) => /^[\w.:+-]*$/.test(given) ? given : undefined,
});

/** The value of a header field. */
export const fieldText: ValueType<string> = defineType({
  placeholder: text.placeholder,
  allowed: "what can stand in a header field",
  parse: (given) => given !== "" && isSafeFieldValue(given) ? given : undefined,
});

/** A text; in code also a function of the scope that gives one. */
export function textOr<F extends (...given: never[]) => unknown>(): ValueType<
  string | F
> {
  return defineType<string | F>({
    placeholder: text.placeholder,
    allowed: "a text or, in code, a function",
    parse: text.parse,
    is: (value): value is F => typeof value === "function",
  });
}

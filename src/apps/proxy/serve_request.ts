/** Passes on requests of `http` and `sse` scopes, and their responses. */

import { fieldValue, isEventStream } from "../../http/headers.ts";
import type {
  HeaderList,
  HttpScope,
  Receive,
  Send,
  SseScope,
} from "../../pagi/types.ts";
import { replyStatus } from "../reply.ts";
import { ClientGone, RequestReader } from "../disconnect.ts";
import {
  type ProxyContext,
  refusalStatus,
  responseFields,
} from "./client_uri.ts";
import type { UpstreamResponse } from "./upstreams.ts";
import { requestBody } from "./request_body.ts";
import { retryFields, UpstreamError } from "./connection.ts";
import { isIdempotent, upstreamRequest } from "./upstream_request.ts";

/**
 * Serves one request. Throws when a target fails in the middle of its response,
 * so that the server cuts off the client's response as well.
 */
export async function serveRequest(
  context: ProxyContext,
  scope: HttpScope | SseScope,
  receive: Receive,
  send: Send,
): Promise<void> {
  const request = upstreamRequest(scope, context.rules);
  const refusal = refusalStatus(context, scope, request);
  if (refusal !== null) return await replyStatus(send, refusal);
  const client = new RequestReader(
    receive,
    scope.type === "http" ? scope["pagi.connection"] : undefined,
  );
  try {
    const first = await client.next();
    const body = requestBody(client, first, request.method, scope.headers);
    const response = await context.upstreams.request({
      request,
      body,
      repeatable: client.complete && first.byteLength === 0 &&
        isIdempotent(request),
      upgrade: false,
    }, client);
    const headers = responseFields(context, response, scope, request);
    await passOn(context, response, headers, client, send);
  } catch (error) {
    if (error instanceof ClientGone) return;
    if (!(error instanceof UpstreamError) || client.responseStarted) {
      throw error;
    }
    client.served();
    await replyStatus(send, error.status, retryFields(error));
  }
}

/** Streams the target's response to the client, with backpressure. */
async function passOn(
  { limits }: ProxyContext,
  { upstream, connection, head, body, requestSent }: UpstreamResponse,
  headers: HeaderList,
  client: RequestReader,
  send: Send,
): Promise<void> {
  const type = fieldValue(head.headers, "content-type") ?? "";
  const idleTimeout = isEventStream(type) ? 0 : limits.idleTimeout;
  try {
    client.responseStarted = true;
    await send({
      type: "http.response.start",
      status: head.status,
      headers,
    });
    for (let first = true;; first = false) {
      let chunk = body.take();
      if (chunk === null && !body.done) {
        // Sends the head without waiting for the body.
        if (first) await send({ type: "http.response.body", more: true });
        await body.fill(idleTimeout);
        chunk = body.take();
      }
      if (body.done) client.served();
      await send({
        type: "http.response.body",
        body: chunk ?? undefined,
        more: !body.done,
      });
      if (body.done) break;
    }
  } catch (error) {
    connection.close();
    throw error;
  }
  const reusable = body.isReusable && head.keepsAlive && requestSent();
  if (reusable) upstream.keep(connection);
  else connection.close();
}

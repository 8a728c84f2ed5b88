/**
 * Where a request comes in: admitted, read, and handed to its room.
 *
 * @module
 */

import type { AccessRecord } from "../log/access_format.ts";
import { peerKey } from "../guard/address.ts";
import type { ListenerContext } from "./context.ts";
import { serveHttp } from "./http/exchange.ts";
import { Refusal } from "./refusal.ts";
import { readHead, type RequestHead, targetOf } from "./request_head.ts";
import { serveSse } from "./sse/exchange.ts";
import { serveWebSocket } from "./websocket/exchange.ts";

const FULL = new Refusal(503, "The server is at its limit of connections.", [
  ["retry-after", "5"],
]);

/** Answers one request. This is the handler of `Deno.serve`. */
export function dispatch(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
): Response | Promise<Response> {
  const { guard, settings } = listener.worker;
  if (guard !== null && !guard.admit(info, listener.server[1] ?? 0)) {
    return refuse(listener, request, info, FULL);
  }
  if (--listener.worker.requestsLeft === 0) listener.worker.onWorn();
  let head: RequestHead;
  try {
    head = readHead(request, settings, listener.secure);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refuse(listener, request, info, error);
  }
  switch (head.kind) {
    case "http":
      return serveHttp(listener, request, info, head);
    case "sse":
      return serveSse(listener, request, info, head);
    case "websocket":
      return serveWebSocket(listener, request, info, head);
  }
}

/** Answers without the app, and ends the connection. */
function refuse(
  { worker, server, findClient, addedHeaders }: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  refusal: Refusal,
): Response {
  const address = info.remoteAddr;
  worker.guard?.endConnection(peerKey(address, server[1] ?? 0));
  const told = findClient?.(address, [...request.headers])?.client;
  const own = "hostname" in address ? address.hostname : "unix";
  worker.accessLog?.(refusedRecord(request, told?.[0] ?? own, refusal));
  return refusal.toResponse(addedHeaders);
}

function refusedRecord(
  request: Request,
  host: string,
  refusal: Refusal,
): AccessRecord {
  const method = request.method.toUpperCase();
  const { rawPath, queryString } = targetOf(request.url);
  return {
    host,
    method,
    rawPath,
    query: queryString,
    httpVersion: "1.1",
    status: refusal.status,
    bodyBytes: method === "HEAD" ? 0 : refusal.message.length + 1,
    startedAt: Date.now(),
    durationMs: 0,
    header: (name) => request.headers.get(name),
  };
}

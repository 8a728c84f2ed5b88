/**
 * The handler of `Deno.serve`: a request is admitted, its head is read, and the
 * exchange of its kind serves it.
 */

import type { AccessRecord } from "../log/access_format.ts";
import { engineResponse, isPlain } from "../engine/response.ts";
import { log } from "../log/log.ts";
import { kindIndex } from "../metrics/counters.ts";
import { currentSpan } from "../metrics/tracing.ts";
import { peerKey } from "../guard/address.ts";
import { noteRequest } from "../guard/idle_timeouts.ts";
import type { FindReady } from "../pagi/ready_answers.ts";
import type { ListenerContext } from "./context.ts";
import { callHandler, serveFetch } from "./fetch.ts";
import { countPlain, serveUnwatched } from "./unwatched_answers.ts";
import { serveHttp, serveReady } from "./http.ts";
import { Refusal, RETRY_SOON } from "./response/plain_answer.ts";
import { readHead, type RequestHead, targetOf } from "./request/head.ts";
import { serveSse } from "./sse.ts";
import { serveWebSocket } from "./websocket/exchange.ts";

const AT_CONNECTION_LIMIT = new Refusal(
  503,
  "The server is at its limit of connections.",
  [[...RETRY_SOON]],
  "--max-connections, or the limit of open files",
);

const TOO_MANY_STREAMS = new Refusal(
  503,
  "Too many requests of this connection are still running.",
  [],
  "1000 for one HTTP/2 connection",
);

/** UTF-16 units. */
const MAX_LOGGED_PATH = 100;

/** Answers one request. This is the handler of `Deno.serve`. */
export function dispatch(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
): Response | Promise<Response> {
  const { counters, guard, settings } = listener.worker;
  if (guard !== null && !guard.admit(info, listener.name)) {
    return refuse(listener, request, info, AT_CONNECTION_LIMIT);
  }
  if (--listener.worker.requestsLeft === 0) listener.worker.onMaxRequests();
  const { checkHost, direct, findClient, plainHeads } = listener;
  /** The result of the fetch handler, if it was called before the head was read. */
  let given: unknown;
  /** Milliseconds since 1970; 0 where this one is not timed. */
  let began = 0;
  const fields = plainHeads?.fieldsOf(request) ?? undefined;
  if (fields !== undefined) {
    if (counters !== null) began = counters.begin();
    given = callHandler(direct!, request, info);
    if (listener.worker.leavingSince === null) {
      if (isPlain(given)) {
        if (counters !== null) countPlain(listener, given, began);
        return given;
      }
      const answer = serveUnwatched(
        listener,
        request,
        info,
        fields,
        given,
        began,
      );
      if (answer !== null) return answer;
    }
  }
  let head: RequestHead;
  try {
    head = readHead(
      request,
      settings,
      listener.secure,
      info,
      listener.http2,
      fields,
    );
    const forwarded = findClient?.(info.remoteAddr, head.headers) ?? null;
    if (forwarded !== null) head.takeForwarded(forwarded);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refuse(listener, request, info, error);
  }
  if (checkHost !== null) {
    const refusal = checkHost(head);
    if (refusal !== null) return refuse(listener, request, info, refusal);
  }
  if (head.http2?.isCrowded) {
    dropCrowded(listener, info);
    return refuse(listener, request, info, TOO_MANY_STREAMS);
  }
  if (direct !== null) {
    plainHeads?.learn(head);
    return serveFetch(listener, request, info, head, direct, given, began);
  }
  if (listener.findReady !== null) {
    const ready = answerReady(
      listener,
      request,
      info,
      head,
      listener.findReady,
    );
    if (ready !== null) return ready;
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

/**
 * Answers with what the app keeps ready for a request. Most of it is given to the
 * engine whole and at once, so that nothing has to be watched or timed.
 *
 * @returns null where there is no such answer
 */
function answerReady(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  head: RequestHead,
  findReady: FindReady,
): Response | Promise<Response> | null {
  const { worker, secure } = listener;
  const { accessLog, counters } = worker;
  if (head.kind === "websocket" || worker.leavingSince !== null) return null;
  const { http2 } = head;
  const startedAt = accessLog === null ? counters?.begin() ?? 0 : worker.now();
  const answer = findReady(head, worker.settings.rootPath);
  if (answer === null) return null;
  const { status, fields, sized, body } = answer;
  if (http2 !== null) {
    if (body !== null && http2.needsExchange(body.length)) {
      return serveReady(listener, request, info, head, answer);
    }
    const { address } = http2;
    if ("port" in address) noteRequest(address.port, Date.now());
  }
  const { method, kind, forwarded } = head;
  const bodyBytes = body?.length ?? 0;
  counters?.add(
    kindIndex(kind),
    method,
    status,
    forwarded?.secure ?? secure,
    http2 !== null,
    startedAt,
    0,
    bodyBytes,
    true,
  );
  accessLog?.write({
    host: forwarded?.client?.[0] ?? hostOf(info),
    method,
    rawPath: head.rawPath,
    query: head.query,
    httpVersion: http2 === null ? "1.1" : "2",
    status,
    bodyBytes,
    startedAt,
    durationMs: Math.max(0, worker.now() - startedAt),
    headers: accessLog.usesHeaders ? head.headers : [],
    span: currentSpan(),
  });
  return engineResponse(body, status, http2 === null ? fields : sized);
}

function hostOf({ remoteAddr }: Deno.ServeHandlerInfo): string {
  return "hostname" in remoteAddr ? remoteAddr.hostname : "unix";
}

/**
 * Drops an HTTP/2 connection that has reached its limit of requests in flight:
 * the client resets streams faster than the app ends (CVE-2023-44487).
 */
function dropCrowded(
  { worker, name }: ListenerContext,
  info: Deno.ServeHandlerInfo,
): void {
  const peer = peerKey(info.remoteAddr, name);
  log.debug(() =>
    `Dropped the connection of ${peer}: it has too many requests in flight.`
  );
  worker.guard?.dropConnection({ peerKey: peer, age: 0, info });
}

/** Responds without the app, and closes the connection, or the HTTP/2 stream. */
function refuse(
  { worker, name, secure, http2: connections, findClient, addedHeaders }:
    ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  refusal: Refusal,
): Response {
  const address = info.remoteAddr;
  const { headers } = request;
  // An HTTP/2 request that has a `host` field is taken for HTTP/1.
  const http2 = !headers.has("host") && !headers.has("upgrade") &&
    connections.of(info) !== null;
  if (!http2 || refusal === AT_CONNECTION_LIMIT) {
    worker.guard?.endConnection({
      peerKey: peerKey(address, name),
      age: 0,
      info,
    });
  }
  const forwarded = findClient?.(address, [...headers])?.client;
  const client = forwarded?.[0] ?? hostOf(info);
  const record = refusedRecord(request, client, http2, refusal);
  worker.accessLog?.write(record);
  const { method, bodyBytes } = record;
  const { status } = refusal;
  worker.counters?.add(0, method, status, secure, http2, 0, 0, bodyBytes);
  refusal.log(
    () =>
      `${record.method} ${
        record.rawPath.slice(0, MAX_LOGGED_PATH)
      } from ${client}`,
  );
  return refusal.toResponse(addedHeaders);
}

function refusedRecord(
  request: Request,
  host: string,
  http2: boolean,
  refusal: Refusal,
): AccessRecord {
  const { method } = request;
  const { rawPath, queryString } = targetOf(request.url);
  return {
    host,
    method,
    rawPath,
    query: queryString,
    httpVersion: http2 ? "2" : "1.1",
    status: refusal.status,
    bodyBytes: method === "HEAD" ? 0 : refusal.message.length + 1,
    startedAt: Date.now(),
    durationMs: 0,
    headers: [...request.headers],
    span: currentSpan(),
  };
}

/** A fetch handler, such as a Hono app, as a PAGI app. */

import {
  bodyOf,
  isDecoded,
  isUsed,
  OF_CODED_BODY,
} from "../engine/response.ts";
import { knowUpgrade, replaceUpgrade } from "../engine/upgrade.ts";
import {
  checkResponse,
  type FetchHandler,
  type FetchInfo,
  upgradingOf,
  withDirect,
} from "../pagi/fetch.ts";
import type {
  HeaderList,
  NetScope,
  PagiApp,
  Receive,
  Send,
  WebSocketScope,
} from "../pagi/types.ts";
import { UnsupportedScope } from "../pagi/unsupported_scope.ts";
import { Inbound, type RequestScope, webRequest } from "./web_request.ts";

export type { FetchHandler, FetchInfo };

/**
 * Makes `handler` an app for `http` scopes and for `sse` scopes, which it
 * answers like any other request (PAGI.md 3.5), and for WebSockets. A server
 * that has the app as it is calls the handler itself; this is the way from
 * within another app, which may have changed the scope.
 */
export function fetchApp(handler: FetchHandler): PagiApp {
  replaceUpgrade();
  const app: PagiApp = (scope, receive, send) => {
    switch (scope.type) {
      case "http":
      case "sse":
        return answer(handler, scope, receive, send);
      case "websocket":
        return openWebSocket(handler, scope, send);
      default:
        return Promise.reject(
          new UnsupportedScope("A fetch handler", scope.type),
        );
    }
  };
  return withDirect(app, { handler, errorPage: null });
}

async function answer(
  handler: FetchHandler,
  scope: RequestScope,
  receive: Receive,
  send: Send,
): Promise<void> {
  const inbound = new Inbound(scope, receive);
  const { signal } = inbound;
  const { promise: completed, resolve, reject } = Promise.withResolvers<void>();
  completed.catch(() => {}); // Few handlers look at it.
  try {
    const request = webRequest(scope, inbound);
    const response = request === null
      ? new Response("Bad Request\n", { status: 400 })
      : await handler.fetch(request, {
        remoteAddr: remoteAddr(scope),
        completed,
      });
    await respond(response, scope.method === "HEAD", signal, send);
    if (signal.aborted) reject(signal.reason);
    else resolve();
  } catch (error) {
    reject(error);
    // Stopping because the client has left is no fault of the app.
    if (!signal.aborted || error !== signal.reason) throw error;
  } finally {
    inbound.end();
  }
}

/** Sends `response`, its body chunk by chunk as fast as `send` takes it. */
async function respond(
  response: Response,
  isHead: boolean,
  signal: AbortSignal,
  send: Send,
): Promise<void> {
  checkResponse(response, isUsed);
  const { status } = response;
  const headers = headersOf(response);
  const body = bodyOf(response);
  if (!(body instanceof ReadableStream)) {
    await send({ type: "http.response.start", status, headers });
    return await send(
      body === null
        ? { type: "http.response.body" }
        : { type: "http.response.body", body },
    );
  }
  const reader = body.getReader();
  const cancel = (): void => {
    reader.cancel(signal.reason).catch(() => {});
  };
  try {
    await send({ type: "http.response.start", status, headers });
    if (isHead || signal.aborted) {
      cancel();
      return await send({ type: "http.response.body" });
    }
    signal.addEventListener("abort", cancel);
    await sendBody(reader, send);
  } catch (error) {
    cancel();
    throw error;
  }
}

/**
 * The fields of a response as they are sent.
 *
 * A response of `fetch` has the fields of its upstream, but a body that the
 * engine has decoded (denoland/deno#20548): fields of the encoded body are left
 * out, as by `Deno.serve`.
 */
function headersOf(response: Response): HeaderList {
  const decoded = isDecoded(response);
  const headers: HeaderList = [];
  response.headers.forEach((value, name) => {
    if (!decoded || !OF_CODED_BODY.has(name)) headers.push([name, value]);
  });
  return headers;
}

async function sendBody(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  send: Send,
): Promise<void> {
  let ready = false;
  let closed = false;
  reader.closed.then(() => closed = true, () => {});
  let reading = reader.read();
  reading.then(() => ready = true, () => ready = true);
  // The head need not wait for the first chunk of a stream.
  await null;
  if (!ready) await send({ type: "http.response.body", more: true });
  for (let more = true; more;) {
    const { done, value } = await reading;
    more = !done && !closed;
    await send({ type: "http.response.body", body: value, more });
    if (more) reading = reader.read();
  }
}

/**
 * Has the handler make a WebSocket of the request, or deny it with another
 * response.
 */
async function openWebSocket(
  handler: FetchHandler,
  scope: WebSocketScope,
  send: Send,
): Promise<void> {
  const scheme = scope.scheme === "wss" ? "https" : "http";
  const request = webRequest({ ...scope, scheme, method: "GET" }, {
    body: null,
    signal: new AbortController().signal,
  });
  if (request === null) {
    return await deny(new Response("Bad Request\n", { status: 400 }), send);
  }
  const upgrading = upgradingOf(scope);
  let upgraded = false;
  if (upgrading !== null) {
    knowUpgrade(request, {
      upgrade(options) {
        upgraded = true;
        return upgrading.upgrade(options);
      },
      respondUpgrade() {},
    });
  }
  const response = await handler.fetch(request, {
    remoteAddr: remoteAddr(scope),
    completed: Promise.resolve(),
  });
  if (upgraded) upgrading!.respondUpgrade(response);
  else await deny(response, send);
}

/** RFC 6455, section 4.2.2: any status but 101 is a refusal. */
async function deny(response: Response, send: Send): Promise<void> {
  checkResponse(response, isUsed);
  await send({
    type: "websocket.http.response.start",
    status: response.status,
    headers: headersOf(response),
  });
  await send({
    type: "websocket.http.response.body",
    body: new Uint8Array(await response.arrayBuffer()),
  });
}

function remoteAddr({ client, server }: NetScope): FetchInfo["remoteAddr"] {
  if (client === undefined) {
    return { transport: "unix", path: server?.[0] ?? "" };
  }
  return { transport: "tcp", hostname: client[0], port: client[1] };
}

/**
 * A fetch handler, such as a Hono app, as a PAGI app.
 *
 * @module
 */

import { isDecoded } from "../engine/response.ts";
import { quote } from "../options/quote.ts";
import type { HeaderList, PagiApp, Receive, Send } from "../pagi/types.ts";
import { UnsupportedScope } from "../pagi/unsupported_scope.ts";
import { Inbound } from "./inbound.ts";
import type { RequestScope } from "./inbound.ts";
import { webRequest } from "./web_request.ts";

/** What a handler is told besides the request, as by `Deno.serve`. */
export interface FetchInfo {
  readonly remoteAddr: Deno.NetAddr | Deno.UnixAddr;
  /** Settles with the answer; rejects when the handler or its body failed. */
  readonly completed: Promise<void>;
}

/** The default export that `deno serve` and others run. */
export interface FetchHandler {
  fetch(request: Request, info: FetchInfo): Response | Promise<Response>;
}

/**
 * Makes `handler` an app for `http` scopes and for `sse` scopes, which it
 * answers like any other request (PAGI.md 3.5). WebSockets are denied.
 */
export function fetchApp(handler: FetchHandler): PagiApp {
  return (scope, receive, send) => {
    switch (scope.type) {
      case "http":
      case "sse":
        return answer(handler, scope, receive, send);
      case "websocket":
        return denyWebSocket(send);
      default:
        return Promise.reject(
          new UnsupportedScope("A fetch handler", scope.type),
        );
    }
  };
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
    resolve();
  } catch (error) {
    reject(error);
    // Giving up because the client left is no fault of the app.
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
  if (!(response instanceof Response)) {
    throw new TypeError(
      `The fetch handler gave no Response but ${quote(response)}.`,
    );
  }
  const { status, body } = response;
  if (status === 0) {
    throw new TypeError("The fetch handler gave Response.error().");
  }
  if (body?.locked) {
    throw new TypeError(
      "The fetch handler gave a Response whose body was read before; Response.clone() makes a second one.",
    );
  }
  const reader = body?.getReader();
  const cancel = (): void => {
    reader?.cancel(signal.reason).catch(() => {});
  };
  try {
    await send({
      type: "http.response.start",
      status,
      headers: headersOf(response),
    });
    if (reader === undefined || isHead || signal.aborted) {
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
 * The fields of a response as they go out.
 *
 * What `fetch` gave has the fields of its upstream, but a body that the engine
 * has decoded (denoland/deno#20548): what tells of the coded one is left out,
 * as `Deno.serve` does.
 */
function headersOf(response: Response): HeaderList {
  const decoded = isDecoded(response);
  const headers: HeaderList = [];
  response.headers.forEach((value, name) => {
    if (!decoded || !OF_CODED_BODY.has(name)) headers.push([name, value]);
  });
  return headers;
}

const OF_CODED_BODY: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
  "transfer-encoding",
]);

async function sendBody(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  send: Send,
): Promise<void> {
  let ready = false;
  let closed = false;
  reader.closed.then(() => closed = true, () => {});
  let reading = reader.read();
  reading.then(() => ready = true, () => ready = true);
  // A body that is no stream is read and closed by now, so that one event will
  // do. The head of any other need not wait for its first chunk.
  await null;
  if (!ready) await send({ type: "http.response.body", more: true });
  for (let more = true; more;) {
    const { done, value } = await reading;
    more = !done && !closed;
    await send({ type: "http.response.body", body: value, more });
    if (more) reading = reader.read();
  }
}

/** RFC 6455, section 4.2.2, names 403 for a server that will not accept. */
async function denyWebSocket(send: Send): Promise<void> {
  await send({
    type: "websocket.http.response.start",
    status: 403,
    headers: [["content-type", "text/plain; charset=utf-8"]],
  });
  await send({
    type: "websocket.http.response.body",
    body:
      "This application is a fetch handler, which gets HTTP requests only here: Deno.upgradeWebSocket() is not reached. WebSockets take an app of scope, receive and send.\n",
  });
}

function remoteAddr({ client, server }: RequestScope): FetchInfo["remoteAddr"] {
  if (client === undefined) {
    return { transport: "unix", path: server?.[0] ?? "" };
  }
  return { transport: "tcp", hostname: client[0], port: client[1] };
}

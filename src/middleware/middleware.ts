/**
 * What middleware is: it makes an app of an app.
 *
 * @module
 */

import { appOf, type AppPart } from "../apps/composing.ts";
import { type Explain, explainable, nameApp } from "../apps/explain.ts";
import type { HeaderList, PagiApp, Scope, Send } from "../pagi/types.ts";

export type { AppPart };

/** Makes an app that does more than the one it is given. */
export type Middleware = (app: AppPart) => PagiApp;

/** The scopes of connections. */
export type ConnectionScope = Exclude<Scope, { type: "lifespan" }>;

/**
 * Middleware called `name` for `--explain`; lifespan passes it by.
 *
 * @param wrap Makes the app for connections, and what explains it.
 */
export function defineMiddleware(
  name: string,
  wrap: (app: PagiApp) => { serve: PagiApp; explain: Explain },
): Middleware {
  return (part) => {
    const app = appOf(part);
    const { serve, explain } = wrap(app);
    const wrapped: PagiApp = (scope, receive, send) =>
      (scope.type === "lifespan" ? app : serve)(scope, receive, send);
    nameApp(wrapped, name);
    return explainable(wrapped, explain);
  };
}

/** A `send` that changes the header fields of every response. */
export function withHeaders(
  send: Send,
  change: (headers: HeaderList) => HeaderList,
): Send {
  return (event) => {
    switch (event.type) {
      case "http.response.start":
      case "sse.start":
      case "sse.http.response.start":
      case "websocket.http.response.start":
        return send({ ...event, headers: change(event.headers ?? []) });
      default:
        return send(event);
    }
  };
}

/** Answers a connection of any kind with a whole response; a WebSocket by a denial. */
export async function refuse(
  scope: ConnectionScope,
  send: Send,
  status: number,
  headers: HeaderList,
  text: string,
): Promise<void> {
  if (scope.type !== "websocket") {
    const body = new TextEncoder().encode(text);
    const length = String(body.length);
    await send({
      type: "http.response.start",
      status,
      headers: [...headers, ["content-length", length]],
    });
    await send({ type: "http.response.body", body });
  } else if (scope.extensions["websocket.http.response"] === undefined) {
    await send({ type: "websocket.close" });
  } else {
    await send({ type: "websocket.http.response.start", status, headers });
    await send({ type: "websocket.http.response.body", body: text });
  }
}

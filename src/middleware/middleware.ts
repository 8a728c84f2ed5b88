/** Middleware: functions from an app to an app. */

import { appOf, type AppPart } from "../apps/composing.ts";
import {
  type ConnectionScope,
  type Explain,
  explainable,
  explainApp,
  nameApp,
} from "../apps/explain.ts";
import { denyWebSocket, reply } from "../apps/reply.ts";
import { fieldValue } from "../http/headers.ts";
import type { HeaderList, PagiApp, Receive, Send } from "../pagi/types.ts";

export type { AppPart, ConnectionScope };

/** Wraps an app. */
export type Middleware = (app: AppPart) => PagiApp;

/** An app for connections only. */
type Serve = (
  scope: ConnectionScope,
  receive: Receive,
  send: Send,
) => Promise<void>;

/**
 * Makes middleware with a `name` for `--explain`. The app itself gets the
 * lifespan scope.
 *
 * @param wrap Makes what serves connections and what explains it; without
 * them, the app does.
 */
export function defineMiddleware(
  name: string,
  wrap: (app: PagiApp) => { serve?: Serve; explain?: Explain },
): Middleware {
  return (part) => {
    const app = appOf(part);
    const {
      serve = app,
      explain = (scope: ConnectionScope) => explainApp(app, scope),
    } = wrap(app);
    const wrapped: PagiApp = (scope, receive, send) =>
      scope.type === "lifespan"
        ? app(scope, receive, send)
        : serve(scope, receive, send);
    nameApp(wrapped, name);
    return explainable(wrapped, explain);
  };
}

/** Whether a request is a CORS preflight (Fetch standard, 3.3.2). */
export function isPreflight(scope: ConnectionScope): boolean {
  return scope.type !== "websocket" && scope.method === "OPTIONS" &&
    fieldValue(scope.headers, "origin") !== null &&
    fieldValue(scope.headers, "access-control-request-method") !== null;
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

/** Sends a whole response; a WebSocket is denied with it. */
export async function refuse(
  scope: ConnectionScope,
  send: Send,
  status: number,
  headers: HeaderList,
  text: string,
): Promise<void> {
  if (scope.type === "websocket") {
    await denyWebSocket(scope, send, status, headers, text);
  } else await reply(send, status, headers, text);
}

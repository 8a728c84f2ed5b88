/** Functions from app to app: what all requests need, written once. */

import type { PagiApp, SendEvent } from "@pagi/server/types";

type Middleware = (app: PagiApp) => PagiApp;

/** Adds a header field to a response that starts. */
function withHeader(event: SendEvent, name: string, value: string): SendEvent {
  if (event.type !== "http.response.start") return event;
  return { ...event, headers: [...event.headers ?? [], [name, value]] };
}

/** Says in `server-timing` how long the app took to start its response. */
const timing: Middleware = (app) => (scope, receive, send) => {
  const start = performance.now();
  return app(scope, receive, (event) => {
    const duration = (performance.now() - start).toFixed(1);
    return send(withHeader(event, "server-timing", `app;dur=${duration}`));
  });
};

/** Gives each request an id: the app finds it in the scope, the client too. */
const requestId: Middleware = (app) => (scope, receive, send) => {
  if (scope.type === "lifespan") return app(scope, receive, send);
  const id = crypto.randomUUID();
  // A copy, since the scope belongs to whoever called us.
  return app(
    { ...scope, "example.request_id": id },
    receive,
    (event) => send(withHeader(event, "x-request-id", id)),
  );
};

const hello: PagiApp = async (scope, _receive, send) => {
  if (scope.type !== "http") throw new Error(`No support for ${scope.type}`);
  await send({
    type: "http.response.start",
    status: 200,
    headers: [["content-type", "text/plain; charset=utf-8"]],
  });
  await send({
    type: "http.response.body",
    body: `This is request ${scope["example.request_id"]}\n`,
  });
};

export default timing(requestId(hello));

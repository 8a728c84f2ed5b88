/**
 * One small app in the three ways by which a request reaches it: as an app of
 * the protocol, as a fetch handler, and as one behind a mount, which gets a
 * scope like any other app.
 *
 * @module
 */

import { UrlMapApp } from "../../src/apps/url_map.ts";
import { fetchApp } from "../../src/loader/fetch_app.ts";
import type { FetchHandler } from "../../src/pagi/fetch.ts";
import type {
  HttpScope,
  PagiApp,
  Receive,
  Send,
  WebSocketScope,
} from "../../src/pagi/types.ts";
import { delay } from "./wait.ts";
import { readBody, reply } from "./http_app.ts";

/** What a way is called, and how its app is made. */
export interface Way {
  readonly name: string;
  /** @param told Is told when a client is seen leaving: "left /path". */
  app(told?: (what: string) => void): PagiApp;
}

const PIECE = new Uint8Array(4096).fill(65);

/**
 * `/hello`; `/echo`; `/late`, after 100 ms; `/never`; `/throw`; `/pieces`, three
 * of them; `/at-once`, three that are there from the start; `/endless`; `/events`, one event and silence; `/broken`, after one
 * piece; and a WebSocket that echoes.
 */
export const WAYS: readonly Way[] = [
  { name: "an app", app: (told = () => {}) => pagiApp(told) },
  {
    name: "a fetch handler",
    app: (told = () => {}) => fetchApp(handler(told)),
  },
  {
    name: "a mounted fetch handler",
    app: (told = () => {}) =>
      new UrlMapApp().mount("/", fetchApp(handler(told))).toApp(),
  },
];

function pagiApp(told: (what: string) => void): PagiApp {
  return async (scope, receive, send) => {
    if (scope.type === "websocket") return await echo(scope, receive, send);
    if (scope.type !== "http") throw new Error(`no ${scope.type}`);
    await serve(scope, receive, send, told);
  };
}

async function serve(
  scope: HttpScope,
  receive: Receive,
  send: Send,
  told: (what: string) => void,
): Promise<void> {
  const { path } = scope;
  scope["pagi.connection"].onDisconnect(() => told(`left ${path}`));
  const start = (type: string) =>
    send({
      type: "http.response.start",
      status: 200,
      headers: [["content-type", type]],
    });
  switch (path) {
    case "/hello":
      return await reply(send, "hello", [["content-type", "text/plain"]]);
    case "/echo":
      return await reply(send, await readBody(receive));
    case "/late":
      await delay(100);
      return await reply(send, "late");
    case "/never":
      await scope["pagi.connection"].disconnected;
      return;
    case "/throw":
      throw new Error("secret");
    case "/at-once":
      await start("text/plain");
      for (const more of [true, true, false]) {
        void send({ type: "http.response.body", body: PIECE, more });
      }
      return;
    case "/pieces":
    case "/endless":
      await start("text/plain");
      for (let i = 0; path === "/endless" || i < 3; i++) {
        if (!scope["pagi.connection"].isConnected()) return;
        await send({ type: "http.response.body", body: PIECE, more: true });
        await delay(1);
      }
      return await send({ type: "http.response.body" });
    case "/events":
      await start("text/event-stream");
      await send({
        type: "http.response.body",
        body: "data: one\n\n",
        more: true,
      });
      await scope["pagi.connection"].disconnected;
      return;
    case "/broken":
      await start("text/plain");
      await send({ type: "http.response.body", body: PIECE, more: true });
      await delay(50);
      throw new Error("secret");
  }
  await reply(send, "nothing", [], 404);
}

async function echo(
  _scope: WebSocketScope,
  receive: Receive,
  send: Send,
): Promise<void> {
  await receive();
  await send({ type: "websocket.accept" });
  for (;;) {
    const event = await receive();
    if (event.type !== "websocket.receive") return;
    if (event.text === undefined) {
      await send({ type: "websocket.send", bytes: event.bytes! });
    } else await send({ type: "websocket.send", text: event.text });
  }
}

/** The same as a fetch handler. */
export function handler(told: (what: string) => void): FetchHandler {
  return {
    fetch(request) {
      const path = new URL(request.url).pathname;
      const left = () => told(`left ${path}`);
      const stream = (
        type: string,
        pull: (
          controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
        ) => Promise<void> | void,
      ) =>
        new Response(new ReadableStream({ pull, cancel: left }), {
          headers: { "content-type": type },
        });
      let pieces = 0;
      switch (path) {
        case "/hello":
          return new Response("hello", {
            headers: { "content-type": "text/plain" },
          });
        case "/echo":
          return request.text().then((text) => new Response(text));
        case "/late":
          return delay(100).then(() => new Response("late"));
        case "/never":
          return new Promise((_, reject) => {
            request.signal.addEventListener("abort", () => {
              left();
              reject(request.signal.reason);
            });
          });
        case "/throw":
          throw new Error("secret");
        case "/at-once":
          return new Response(
            new ReadableStream({
              start(controller) {
                for (let i = 0; i < 3; i++) controller.enqueue(PIECE.slice());
                controller.close();
              },
            }),
          );
        case "/pieces":
        case "/endless":
          return stream("text/plain", async (controller) => {
            if (path === "/pieces" && pieces++ === 3) return controller.close();
            controller.enqueue(PIECE.slice());
            await delay(1);
          });
        case "/events":
          return stream("text/event-stream", (controller) => {
            if (pieces++ > 0) return new Promise(() => {});
            controller.enqueue(new TextEncoder().encode("data: one\n\n"));
          });
        case "/broken":
          return stream("text/plain", async (controller) => {
            if (pieces++ === 0) return controller.enqueue(PIECE.slice());
            await delay(50);
            throw new Error("secret");
          });
      }
      if (request.headers.get("upgrade") === "websocket") {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.binaryType = "arraybuffer";
        socket.onmessage = ({ data }) => socket.send(data);
        socket.onclose = left;
        return response;
      }
      return new Response("nothing", { status: 404 });
    },
  };
}

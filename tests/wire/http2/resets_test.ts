/**
 * Streams that the client resets, in each phase of a request (PAGI.md 3.3:
 * a reset is a disconnect, of that stream alone).
 *
 * @module
 */

import { fetchApp } from "../../../src/loader/fetch_app.ts";
import { assert, assertEquals } from "../../../src/std/assert.ts";
import type { HttpScope, PagiApp } from "../../../src/pagi/types.ts";
import {
  httpApp,
  linesOf,
  reply,
  type ServeHttp,
} from "../../helpers/http_app.ts";
import {
  block,
  FLAG,
  frame,
  get,
  post,
  SETTING,
  text,
  TYPE,
  words,
} from "../../helpers/http2_frames.ts";
import { Http2Peer } from "../../helpers/http2_peer.ts";
import { delay } from "../../helpers/wait.ts";
import { withServer } from "../../helpers/with_server.ts";

/** Serves "/other" at once, and one other request with `serve`. */
function beside<Result>(
  serve: (...app: Parameters<ServeHttp>) => Promise<Result>,
): { app: PagiApp; result: Promise<Result>; entered: Promise<void> } {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const entered = Promise.withResolvers<void>();
  const app = httpApp(async (scope, receive, send) => {
    if (scope.path === "/other") return await reply(send, "other");
    entered.resolve();
    await serve(scope, receive, send).then(resolve, reject);
  });
  return { app, result: promise, entered: entered.promise };
}

function reasonOf(scope: HttpScope): string | null {
  return scope["pagi.connection"].disconnectReason();
}

async function assertGoesOn(peer: Http2Peer): Promise<void> {
  assertEquals(await peer.ask(99, get("/other")), {
    outcome: "200",
    body: "other",
  });
}

Deno.test("a reset before the response is a disconnect (PAGI.md 24)", async () => {
  const { app, result, entered } = beside(async (scope, receive, send) => {
    await receive();
    const event = await receive();
    await reply(send, "too late");
    return [event.type, reasonOf(scope)];
  });
  const log = await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, get("/"));
    await entered;
    await peer.reset(1);
    assertEquals(await result, ["http.disconnect", "client_closed"]);
    await assertGoesOn(peer);
    assertEquals(peer.status(1), null);
  });
  assertEquals(linesOf("error", log), []);
});

for (const steps of [0, 1, 100]) {
  Deno.test(`a reset that came before the app asked is told all the same, after ${steps} steps of the app`, async () => {
    const wasReset = Promise.withResolvers<void>();
    const { app, result, entered } = beside(async (scope, receive) => {
      for (let i = 0; i < steps; i++) await null;
      await wasReset.promise;
      const connected = scope["pagi.connection"].isConnected();
      const types = [(await receive()).type, (await receive()).type];
      return [connected, reasonOf(scope), ...types];
    });
    await withServer(app, {}, async ({ port }) => {
      await using peer = await Http2Peer.open(port);
      await peer.request(1, get("/"));
      await entered;
      await peer.reset(1);
      await assertGoesOn(peer);
      wasReset.resolve();
      assertEquals(await result, [
        false,
        "client_closed",
        "http.disconnect",
        "http.disconnect",
      ]);
    });
  });
}

Deno.test("of many requests that come at once, each that is reset while its app waits is told", async () => {
  const streams = Array.from({ length: 32 }, (_, i) => 2 * i + 1);
  const wasReset = Promise.withResolvers<void>();
  const connected: Record<string, boolean> = {};
  const came = Promise.withResolvers<void>();
  let waiting = 0;
  const app = httpApp(async (scope, _receive, send) => {
    // Every other one is answered at once.
    const stream = Number(scope.path.slice(1));
    if (stream % 4 === 1) return await reply(send, "at once");
    if (++waiting === streams.length / 2) came.resolve();
    await wasReset.promise;
    connected[stream] = scope["pagi.connection"].isConnected();
    await reply(send, "late");
  });
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await Promise.all(streams.map((id) => peer.request(id, get(`/${id}`))));
    await came.promise;
    for (const id of [3, 63]) await peer.reset(id);
    assertEquals((await peer.ask(99, get("/1"))).body, "at once");
    wasReset.resolve();
    for (const id of streams.filter((id) => id !== 3 && id !== 63)) {
      const { body } = await peer.answer(id);
      assertEquals(body, id % 4 === 1 ? "at once" : "late");
    }
  });
  assertEquals(
    Object.keys(connected).filter((id) => !connected[id]),
    ["3", "63"],
  );
});

for (const when of ["before", "after"]) {
  Deno.test(`a fetch handler that asks for its signal ${when} a reset is told of it, once it waits`, async () => {
    const entered = Promise.withResolvers<void>();
    const wasReset = Promise.withResolvers<void>();
    const states: boolean[] = [];
    const told = Promise.withResolvers<void>();
    const app = fetchApp({
      async fetch(request) {
        if (request.url.endsWith("/other")) return new Response("other");
        // The server watches the client from the next turn on.
        await delay(0);
        entered.resolve();
        if (when === "after") await wasReset.promise;
        const { signal } = request;
        states.push(signal.aborted);
        if (!signal.aborted) {
          await new Promise((aborted) =>
            signal.addEventListener("abort", aborted)
          );
        }
        told.resolve();
        return new Response();
      },
    });
    await withServer(app, {}, async ({ port }) => {
      await using peer = await Http2Peer.open(port);
      await peer.request(1, get("/"));
      await entered.promise;
      await peer.ping();
      await peer.reset(1);
      await assertGoesOn(peer);
      wasReset.resolve();
      await told.promise;
    });
    assertEquals(states, [when === "after"]);
  });
}

Deno.test("a mounted fetch handler whose answer is reset sees `completed` reject", async () => {
  const rejected = Promise.withResolvers<void>();
  const handler = fetchApp({
    fetch(_request, info) {
      info.completed.then(
        () => rejected.reject(new Error("It resolved.")),
        () => rejected.resolve(),
      );
      return new Response(new ReadableStream());
    },
  });
  const app = httpApp((scope, receive, send) =>
    scope.path === "/other"
      ? reply(send, "other")
      : handler(scope, receive, send)
  );
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, get("/"));
    await peer.first(({ type, stream }) =>
      type === TYPE.HEADERS && stream === 1
    );
    await peer.reset(1);
    await assertGoesOn(peer);
    await rejected.promise;
  });
});

Deno.test("an app that asks for nothing and answers nothing after a reset makes no error (PAGI.md 44)", async () => {
  const wasReset = Promise.withResolvers<void>();
  const { app, result, entered } = beside(() => wasReset.promise);
  const log = await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, get("/"));
    await entered;
    await peer.reset(1);
    await assertGoesOn(peer);
    wasReset.resolve();
    await result;
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("a reset amid the request body ends it with a disconnect", async () => {
  const first = Promise.withResolvers<void>();
  const { app, result } = beside(async (scope, receive) => {
    const part = await receive();
    first.resolve();
    const event = await receive();
    return [part.type, event.type, reasonOf(scope)];
  });
  const log = await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, post("/"), true);
    await peer.data(1, "half of", true);
    await first.promise;
    await peer.reset(1);
    assertEquals(await result, [
      "http.request",
      "http.disconnect",
      "client_closed",
    ]);
    await assertGoesOn(peer);
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("a reset amid the response is a disconnect, and what is sent goes nowhere (PAGI.md 7)", async () => {
  const { app, result } = beside(async (scope, receive, send) => {
    await receive();
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "part", more: 1 });
    const event = await receive();
    await send({ type: "http.response.body", body: "rest" });
    return [event.type, reasonOf(scope)];
  });
  const log = await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, get("/"));
    await peer.first(({ stream, type }) => stream === 1 && type === 0);
    await peer.reset(1);
    assertEquals(await result, ["http.disconnect", "client_closed"]);
    await assertGoesOn(peer);
    assertEquals(peer.body(1), "part");
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("a reset frees an app that waits for the client to take its response", async () => {
  let sent = 0;
  const waits = Promise.withResolvers<void>();
  const { app, result } = beside(async (scope, _receive, send) => {
    const body = new Uint8Array(65536);
    scope["pagi.transport"]!.onHighWater(waits.resolve);
    await send({ type: "http.response.start", status: 200 });
    while (scope["pagi.connection"].isConnected()) {
      await send({ type: "http.response.body", body, more: 1 });
      sent += body.length;
    }
    return reasonOf(scope);
  });
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port, {
      settings: { [SETTING.INITIAL_WINDOW_SIZE]: 0 },
    });
    await peer.request(1, get("/"));
    await waits.promise;
    await peer.ping();
    assert(sent < 1_000_000, `${sent} bytes were taken`);
    await peer.reset(1);
    assertEquals(await result, "client_closed");
  });
});

Deno.test("the end of the connection is a disconnect of all its streams", async () => {
  let running = 0;
  const reasons: (string | null)[] = [];
  const all = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  const app = httpApp(async (scope, receive) => {
    if (++running === 50) all.resolve();
    await receive();
    await receive();
    reasons.push(reasonOf(scope));
    if (reasons.length === 50) told.resolve();
  });
  await withServer(app, {}, async ({ port }) => {
    const peer = await Http2Peer.open(port);
    for (let i = 0; i < 50; i++) await peer.request(2 * i + 1, get("/"));
    await all.promise;
    await peer[Symbol.asyncDispose]();
    await told.promise;
    assertEquals(new Set(reasons), new Set(["client_closed"]));
  });
});

Deno.test("an upload that is reset with its first piece is not taken for whole", async () => {
  for (const code of [0, 8]) {
    const { app, result } = beside(async (_scope, receive) => {
      const types: string[] = [];
      for (;;) {
        const event = await receive();
        types.push(event.type);
        if (event.type !== "http.request" || !event.more) return types;
      }
    });
    await withServer(app, {}, async ({ port }) => {
      await using peer = await Http2Peer.open(port);
      await peer.send(
        frame(
          TYPE.HEADERS,
          FLAG.END_HEADERS,
          1,
          block(post("/", [["content-length", "10"]])),
        ),
        frame(TYPE.DATA, 0, 1, text("abc")),
        frame(TYPE.RST_STREAM, 0, 1, words(code)),
      );
      assertEquals((await result).at(-1), "http.disconnect");
      await assertGoesOn(peer);
    });
  }
});

/**
 * How HTTP/2 connections are counted, bounded in time, and ended.
 *
 * @module
 */

import { assert, assertEquals } from "../../../src/std/assert.ts";
import { httpApp, reply } from "../../helpers/http_app.ts";
import {
  block,
  codeOf,
  FLAG,
  frame,
  get,
  TYPE,
} from "../../helpers/http2_frames.ts";
import { Http2Peer } from "../../helpers/http2_peer.ts";
import { appFor } from "../../helpers/scope_app.ts";
import { withServer } from "../../helpers/with_server.ts";

const ok = httpApp(async (_scope, _receive, send) => await reply(send, "ok"));

Deno.test("a stopping server says GOAWAY, lets the streams finish, and ends the connection (PAGI.md 91)", async () => {
  const inside = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const app = httpApp(async (_scope, _receive, send) => {
    inside.resolve();
    await finish.promise;
    await reply(send, "done");
  });
  await withServer(app, {}, async ({ port, server }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, get("/"));
    await inside.promise;
    const stopped = server.stop();
    const goaway = await peer.first(({ type }) => type === TYPE.GOAWAY);
    assertEquals(codeOf(goaway!), "NO_ERROR");
    finish.resolve();
    assertEquals((await peer.answer(1)).body, "done");
    await peer.ended();
    await stopped;
  });
});

Deno.test("a stop ends an event stream as it ends a response (PAGI.md 92)", async () => {
  const open = Promise.withResolvers<void>();
  const ending = Promise.withResolvers<unknown>();
  const app = appFor("sse", async (_scope, receive, send) => {
    await receive();
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "hello" });
    open.resolve();
    ending.resolve(await receive());
  });
  await withServer(app, {}, async ({ port, server }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, get("/", [["accept", "text/event-stream"]]));
    await open.promise;
    const stopped = server.stop();
    assertEquals(await peer.answer(1), {
      outcome: "200",
      body: "data: hello\n\n",
    });
    assertEquals(await ending.promise, {
      type: "sse.disconnect",
      reason: "server_shutdown",
    });
    await stopped;
  });
});

Deno.test("a stop ends 500 idle connections within seconds", async () => {
  await withServer(ok, {}, async ({ port, server }) => {
    const peers = await Promise.all(
      Array.from({ length: 500 }, () => Http2Peer.open(port)),
    );
    await Promise.all(peers.map((peer) => peer.ask(1, get("/"))));
    const began = performance.now();
    const stopped = server.stop();
    await Promise.all(peers.map((peer) => peer.ended()));
    await stopped;
    const took = performance.now() - began;
    assert(took < 10_000, `${took} ms`);
  });
});

Deno.test("--timeout ends connections that ask nothing, idle or sending drop by drop, and no running stream", async () => {
  const inside = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const app = httpApp(async (scope, _receive, send) => {
    if (scope.path !== "/slow") return await reply(send, "ok");
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "o", more: 1 });
    inside.resolve();
    await finish.promise;
    await send({ type: "http.response.body", body: "k" });
  });
  await withServer(app, { timeout: 0.5 }, async ({ port }) => {
    await using idle = await Http2Peer.open(port);
    await using dripping = await Http2Peer.open(port);
    await using busy = await Http2Peer.open(port);
    await idle.ask(1, get("/"));
    await busy.request(1, get("/slow"));
    await inside.promise;
    const head = frame(
      TYPE.HEADERS,
      FLAG.END_HEADERS | FLAG.END_STREAM,
      1,
      block(get("/")),
    );
    const timers = [...head.subarray(0, -1)].map((byte, i) =>
      setTimeout(() => dripping.send(Uint8Array.of(byte)), 40 * i)
    );
    const began = performance.now();
    await Promise.all([idle.ended(), dripping.ended()]);
    for (const timer of timers) clearTimeout(timer);
    const took = performance.now() - began;
    assert(took < 10_000, `${took} ms`);
    finish.resolve();
    assertEquals((await busy.answer(1)).body, "ok");
  });
});

Deno.test("the limit counts connections, not streams; one too many gets 503 and ends (PAGI.md 102)", async () => {
  await withServer(ok, { maxConnections: 2 }, async ({ port }) => {
    await using first = await Http2Peer.open(port);
    await using second = await Http2Peer.open(port);
    for (let i = 0; i < 50; i++) await first.request(2 * i + 1, get("/"));
    for (let i = 0; i < 50; i++) {
      assertEquals((await first.answer(2 * i + 1)).body, "ok");
    }
    assertEquals((await second.ask(1, get("/"))).body, "ok");
    await using third = await Http2Peer.open(port);
    assertEquals((await third.ask(1, get("/"))).outcome, "503");
    await third.ended();
    assertEquals((await first.ask(201, get("/"))).body, "ok");
  });
});

/**
 * Comments that keep an event stream alive, and clients that take nothing.
 *
 * @module
 */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { appFor, observing } from "../helpers/scope_app.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

const ACCEPT = "accept: text/event-stream";
Deno.test("keepalive comments follow the interval (PAGI.md 55)", async () => {
  let began = 0;
  const app = appFor("sse", async (_scope, receive, send) => {
    // Before the start it is stored.
    await send({ type: "sse.keepalive", interval: 0.04, comment: "ping" });
    await delay(60);
    began = performance.now();
    await send({ type: "sse.start" });
    await receive();
    await receive();
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    await connection.until("\r\n\r\n");
    for (let i = 1; i <= 4; i++) {
      assertEquals(await connection.until("\n\n\r\n"), "7\r\n:ping\n\n\r\n");
      const late = performance.now() - began - i * 40;
      assert(late > -15 && late < 10_000, `comment ${i} came ${late} ms late`);
    }
  });
});

Deno.test("interval 0 stops the comments, and the latest settings win (PAGI.md 55)", async () => {
  const app = appFor("sse", async (_scope, _receive, send) => {
    await send({ type: "sse.keepalive", interval: 0.01, comment: "never" });
    await send({ type: "sse.keepalive", interval: 0 });
    await send({ type: "sse.start" });
    await delay(40);
    await send({ type: "sse.send", data: "quiet" });
    await send({ type: "sse.keepalive", interval: 0.01, comment: "a\nb" });
    await send({ type: "sse.keepalive", interval: 0.02 });
    await delay(50);
    await send({ type: "sse.keepalive", interval: 1e9 });
    await delay(30);
    await send({ type: "sse.send", data: "end" });
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    const { body } = await connection.response();
    const comments = body.match(/^data: quiet\n\n((?::\n\n)*)data: end\n\n$/);
    assert(comments, body);
    assert(comments[1].length > 0, "no comments");
  });
});

Deno.test("an event waits for a client that does not read, and its leaving lets go (PAGI.md 83)", async () => {
  const full = Promise.withResolvers<void>();
  const { app, result } = observing("sse", async (scope, receive, send) => {
    const seen: string[] = [];
    scope["pagi.transport"]!
      .onHighWater(() => seen.push("high"))
      .onDrain(() => seen.push("drain"));
    await receive();
    await send({ type: "sse.start" });
    await send({ type: "sse.keepalive", interval: 0.001, comment: "more" });
    const data = "x".repeat(100_000);
    while (true) {
      const waiting = send({ type: "sse.send", data });
      const first = await Promise.race([
        waiting.then(() => "sent"),
        delay(60).then(() => "waits"),
      ]);
      if (first === "sent") continue;
      const before = scope["pagi.transport"]!.bufferedAmount();
      await delay(30);
      // Comments do not pile up behind it.
      assertEquals(scope["pagi.transport"]!.bufferedAmount(), before);
      full.resolve();
      await waiting;
      return { seen, end: await receive() };
    }
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    await full.promise;
    connection.close();
    const { seen, end } = await result;
    assertEquals<unknown>(end, {
      type: "sse.disconnect",
      reason: "client_closed",
    });
    for (const [i, stage] of seen.entries()) {
      assertEquals(stage, i % 2 === 0 ? "high" : "drain");
    }
    assertEquals(seen.at(-1), "high");
  });
});

Deno.test("a slow client gets all events, in order", async () => {
  const app = appFor("sse", async (_scope, _receive, send) => {
    await send({ type: "sse.start" });
    for (let i = 0; i < 100; i++) {
      await send({ type: "sse.send", data: `${i} ${"x".repeat(100_000)}` });
    }
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    await delay(100);
    const { body } = await connection.response();
    const numbers = body.trimEnd().split("\n\n").map((event) =>
      parseInt(event.slice("data: ".length))
    );
    assertEquals(numbers, Array.from({ length: 100 }, (_, i) => i));
  });
});

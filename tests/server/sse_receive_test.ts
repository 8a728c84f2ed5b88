/**
 * What an app is told of an event stream: the request, and its end.
 *
 * @module
 */

import { assert, assertEquals } from "../../src/std/assert.ts";
import type { ReceiveEvent } from "../../src/pagi/types.ts";
import { linesOf } from "../helpers/http_app.ts";
import { appFor, observing } from "../helpers/scope_app.ts";
import { withServer } from "../helpers/with_server.ts";

const ACCEPT = "accept: text/event-stream";

Deno.test("a request that accepts text/event-stream gets an sse scope, whatever its method and path", async () => {
  const app = appFor("sse", async (scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: scope.method });
  });
  await withServer(app, {}, async ({ connect }) => {
    const cases = [
      ["GET", "text/event-stream"],
      ["DELETE", "application/json, TEXT/Event-Stream;q=0.5"],
      ["QUERY", "text/html,text/event-stream , */*"],
    ];
    for (const [method, accept] of cases) {
      const connection = await connect();
      await connection.request(`${method} /any.html`, `accept: ${accept}`);
      assertEquals((await connection.response()).body, method);
    }
  });
});

Deno.test("other requests get no sse scope", async () => {
  const app = appFor("http", async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "http" });
  });
  await withServer(app, {}, async ({ connect }) => {
    const fields = [
      "accept: */*",
      "accept: text/*",
      "accept: text/event-stream-not",
      "content-type: text/event-stream",
    ];
    for (const field of fields) {
      const connection = await connect();
      await connection.request("GET /events", field);
      assertEquals((await connection.response()).body, "http");
    }
  });
});

Deno.test("the scope is that of the request, without pagi.connection (PAGI.md 76)", async () => {
  const { app, result } = observing("sse", async (scope, _receive, send) => {
    await send({ type: "sse.start" });
    return scope;
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /caf%C3%A9?x=%20", ACCEPT, "x-one: 1");
    await connection.response();
  });
  const scope = await result;
  assertEquals(scope.path, "/café");
  assertEquals(scope.raw_path, "/caf%C3%A9");
  assertEquals(scope.query_string, "x=%20");
  assertEquals(scope.scheme, "http");
  assertEquals(scope.pagi.version, "0.3");
  assertEquals(scope.extensions, {});
  assertEquals(new Map(scope.headers).get("x-one"), "1");
  assert("pagi.transport" in scope);
  assert(!("pagi.connection" in scope));
});

Deno.test("a POST gets sse.request events with its body, then streams (PAGI.md 47)", async () => {
  const { app, result } = observing("sse", async (scope, receive, send) => {
    const bytes: number[] = [];
    let event: ReceiveEvent;
    do {
      event = await receive();
      assert(event.type === "sse.request", event.type);
      bytes.push(...event.body);
    } while (event.more);
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "thanks" });
    return [scope.method, event.more, String.fromCharCode(...bytes)];
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request(
      "POST /",
      ACCEPT,
      "transfer-encoding: chunked",
    );
    await connection.send("5\r\nhello\r\n");
    await connection.send("7\r\n, world\r\n0\r\n\r\n");
    assertEquals((await connection.response()).body, "data: thanks\n\n");
    assertEquals(await result, ["POST", 0, "hello, world"]);
  });
});

Deno.test("a request without a body gives one empty sse.request", async () => {
  const { app, result } = observing("sse", async (_scope, receive, send) => {
    const event = await receive();
    await send({ type: "sse.start" });
    return event;
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    await connection.response();
    assertEquals(await result, {
      type: "sse.request",
      body: new Uint8Array(),
      more: 0,
    });
  });
});

Deno.test("a departing client yields sse.disconnect with client_closed, again and again (PAGI.md 60)", async () => {
  const open = Promise.withResolvers<void>();
  const { app, result } = observing("sse", async (_scope, receive, send) => {
    await receive();
    await send({ type: "sse.start" });
    open.resolve();
    const ends = [await receive(), await receive()];
    await send({ type: "sse.send", data: "nobody" });
    await send({ type: "sse.comment", comment: "nobody" });
    await send({ type: "sse.keepalive", interval: 1 });
    await send({ type: "sse.start" });
    await send({ type: "sse.http.response.start", status: 200 });
    await send({ type: "sse.close" });
    return ends;
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    await open.promise;
    await connection.until("\r\n\r\n");
    connection.close();
    const end = { type: "sse.disconnect", reason: "client_closed" };
    assertEquals<unknown[]>(await result, [end, end]);
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("a client that leaves before sse.start is told of as well, and makes no error log (PAGI.md 44)", async () => {
  const asked = Promise.withResolvers<void>();
  const { app, result } = observing("sse", async (_scope, receive, send) => {
    await receive();
    asked.resolve();
    const end = await receive();
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "nobody" });
    return end;
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    await asked.promise;
    connection.close();
    assertEquals<unknown>(await result, {
      type: "sse.disconnect",
      reason: "client_closed",
    });
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("an app that only sends notices a client that left: its sends resolve and do nothing (PAGI.md 7)", async () => {
  const { app, result } = observing("sse", async (scope, _receive, send) => {
    await send({ type: "sse.start" });
    let released = false;
    scope["pagi.transport"]!.onHighWater(() => {});
    const data = "x".repeat(100_000);
    // Some of these wait for a client that does not read, and then is gone.
    for (let i = 0; i < 200; i++) await send({ type: "sse.send", data });
    released = true;
    return released;
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    await connection.until("\r\n\r\n");
    connection.close();
    assertEquals(await result, true);
  });
});

Deno.test("after its own end the app gets a disconnect too", async () => {
  const { app, result } = observing("sse", async (_scope, receive, send) => {
    await receive();
    await send({ type: "sse.start" });
    await send({ type: "sse.close", reason: "enough" });
    return await receive();
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    await connection.response();
    assertEquals((await result).type, "sse.disconnect");
  });
});

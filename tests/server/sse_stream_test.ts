/**
 * An event stream on the wire.
 *
 * @module
 */

import { assert, assertEquals } from "../../src/std/assert.ts";
import type { HeaderList, SendEvent } from "../../src/pagi/types.ts";
import { linesOf } from "../helpers/http_app.ts";
import type { RawResponse } from "../helpers/raw_connection.ts";
import { appFor, observing } from "../helpers/scope_app.ts";
import { withServer } from "../helpers/with_server.ts";

const ACCEPT = "accept: text/event-stream";

/** What a client gets when the app sends `events` and returns. */
async function responseTo(...events: SendEvent[]): Promise<RawResponse> {
  let response!: RawResponse;
  const app = appFor("sse", async (_scope, _receive, send) => {
    for (const event of events) await send(event);
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    response = await connection.response();
  });
  assertEquals(linesOf("error", log), []);
  return response;
}

Deno.test("sse.start supplies the headers that are missing (PAGI.md 49)", async () => {
  const { status, head, headers, body } = await responseTo({
    type: "sse.start",
  });
  assertEquals(status, 200);
  assertEquals(headers.get("content-type"), "text/event-stream");
  assertEquals(headers.get("cache-control"), "no-cache");
  assertEquals(headers.get("connection"), "keep-alive");
  assertEquals(headers.get("transfer-encoding"), "chunked");
  assertEquals(head.match(/^date: /gim)?.length, 1);
  assertEquals(body, "");
});

Deno.test("sse.start duplicates no header, and keeps the app's own (PAGI.md 49)", async () => {
  const fields: HeaderList = [
    ["Content-Type", "text/event-stream; charset=utf-8"],
    ["CACHE-CONTROL", "no-store"],
    ["Date", "Thu, 01 Jan 1970 00:00:00 GMT"],
    ["Connection", "close"],
    ["Transfer-Encoding", "gzip"],
    ["x-accel-buffering", "no"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ];
  const { status, headers } = await responseTo({
    type: "sse.start",
    status: 201,
    headers: fields,
  });
  assertEquals(status, 201);
  assertEquals(headers.get("content-type"), "text/event-stream; charset=utf-8");
  assertEquals(headers.get("cache-control"), "no-store");
  assertEquals(headers.get("date"), "Thu, 01 Jan 1970 00:00:00 GMT");
  assertEquals(headers.get("connection"), "keep-alive");
  assertEquals(headers.get("transfer-encoding"), "chunked");
  assertEquals(headers.get("x-accel-buffering"), "no");
  assertEquals(headers.get("set-cookie"), "a=1, b=2");
});

Deno.test("events have their fields in order, and a line each for the lines of data (PAGI.md 50, 51)", async () => {
  const { body } = await responseTo(
    { type: "sse.start" },
    { type: "sse.send", retry: 10, id: "7", data: "a\nb\r\nc\rd", event: "e" },
    { type: "sse.send", data: "" },
    { type: "sse.send", data: "é😀", event: "", id: "" },
  );
  assertEquals(
    body,
    "event: e\ndata: a\ndata: b\ndata: c\ndata: d\nid: 7\nretry: 10\n\n" +
      "data: \n\n" +
      "data: \xc3\xa9\xf0\x9f\x98\x80\n\n",
  );
});

Deno.test("a comment's lines gain a colon where they lack one (PAGI.md 54)", async () => {
  const { body } = await responseTo(
    { type: "sse.start" },
    { type: "sse.comment", comment: "one\n:two\n three" },
    { type: "sse.comment", comment: "" },
  );
  assertEquals(body, ":one\n:two\n: three\n\n:\n\n");
});

Deno.test("events reach the client as they are sent, the head before the first", async () => {
  const next = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const app = appFor("sse", async (_scope, _receive, send) => {
    await send({ type: "sse.start" });
    for (const [i, { promise }] of next.entries()) {
      await promise;
      await send({ type: "sse.send", data: String(i) });
    }
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    await connection.until("\r\n\r\n");
    for (const [i, { resolve }] of next.entries()) {
      assertEquals(connection.received, "");
      resolve();
      assertEquals(
        await connection.until("\n\n\r\n"),
        `9\r\ndata: ${i}\n\n\r\n`,
      );
    }
    assertEquals(await connection.until("\r\n\r\n"), "0\r\n\r\n");
  });
});

Deno.test("a stream that has ended leaves its connection to the next request", async () => {
  const app = appFor("sse", async (scope, _receive, send) => {
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: scope.path });
    if (scope.path === "/close") {
      await send({ type: "sse.close", reason: "SECRET" });
    }
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    for (const path of ["/close", "/return", "/close"]) {
      await connection.request(`GET ${path}`, ACCEPT);
      // Both endings look alike, and the reason stays here (PAGI.md 57).
      const { head, body } = await connection.response();
      assertEquals(body, `data: ${path}\n\n`);
      assert(!head.includes("SECRET"));
    }
  });
  assert(linesOf("debug", log).some((line) => line.includes("SECRET")));
  assertEquals(linesOf("error", log), []);
});

Deno.test("the sse.close reason never reaches the wire (PAGI.md 57)", async () => {
  const { head, body } = await responseTo(
    { type: "sse.start" },
    { type: "sse.close", reason: "SECRET" },
  );
  assert(!head.includes("SECRET"));
  assertEquals(body, "");
});

Deno.test("a client that asks for close gets it, after its stream", async () => {
  const app = appFor("sse", async (_scope, _receive, send) => {
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "x" });
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT, "connection: close");
    const { headers } = await connection.response();
    assertEquals(headers.get("connection"), "close");
    assertEquals(await connection.rest(), "");
  });
});

Deno.test("HEAD gets the head of the stream and no event", async () => {
  const { app, result } = observing("sse", async (scope, _receive, send) => {
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "unseen" });
    return scope.method;
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("HEAD /", ACCEPT);
    const { status, headers } = await connection.response(true);
    assertEquals(status, 200);
    assertEquals(headers.get("content-type"), "text/event-stream");
    assertEquals(await result, "HEAD");
    await connection.request("HEAD /", ACCEPT);
    assertEquals((await connection.response(true)).status, 200);
  });
});

Deno.test("a stream with status 204 tells the client to stay away", async () => {
  const { status, headers, body } = await responseTo(
    { type: "sse.start", status: 204 },
    { type: "sse.send", data: "unseen" },
  );
  assertEquals([status, body], [204, ""]);
  assert(!headers.has("transfer-encoding"));
});

Deno.test("an app that throws in its stream cuts it: no terminator, an error log (PAGI.md 46)", async () => {
  const app = appFor("sse", async (_scope, _receive, send) => {
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "before" });
    throw new Error("app broke");
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /feed", ACCEPT);
    const all = await connection.rest();
    assertEquals(all.split("\r\n\r\n")[1], "e\r\ndata: before\n\n\r\n");
  });
  const errors = linesOf("error", log);
  assertEquals(errors.length, 1);
  assert(errors[0].includes("GET /feed") && errors[0].includes("app broke"));
});

Deno.test("1,000 streams at a time get ten events each", async () => {
  let running = 0;
  const all = Promise.withResolvers<void>();
  const app = appFor("sse", async (scope, _receive, send) => {
    await send({ type: "sse.start" });
    if (++running === 1000) all.resolve();
    await all.promise;
    for (let i = 0; i < 10; i++) {
      await send({ type: "sse.send", data: `${scope.query_string}.${i}` });
    }
  });
  await withServer(app, {}, async ({ connect }) => {
    const bodies = await Promise.all(
      Array.from({ length: 1000 }, async (_, n) => {
        const connection = await connect();
        await connection.request(`GET /?${n}`, ACCEPT);
        const { body } = await connection.response();
        connection.close();
        return body;
      }),
    );
    for (const [n, body] of bodies.entries()) {
      const events = Array.from(
        { length: 10 },
        (_, i) => `data: ${n}.${i}\n\n`,
      );
      assertEquals(body, events.join(""));
    }
  });
});

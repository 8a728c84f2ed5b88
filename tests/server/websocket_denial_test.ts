/**
 * How a WebSocket is refused.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../src/std/assert.ts";
import { linesOf } from "../helpers/http_app.ts";
import type { RawResponse } from "../helpers/raw_connection.ts";
import { RawWebSocket, UPGRADE } from "../helpers/raw_websocket.ts";
import { delay } from "../helpers/wait.ts";
import { type ServeWebSocket, webSocketApp } from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

/** The answer to an upgrade, after which the connection must end. */
async function answerOf(
  serve: ServeWebSocket,
): Promise<RawResponse & { log: string[] }> {
  let response!: RawResponse;
  const log = await withServer(webSocketApp(serve), {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /chat", ...UPGRADE);
    response = await connection.response();
    assertEquals(await connection.rest(), "");
  });
  return { ...response, log };
}

Deno.test("websocket.close before accept gives 403, and the app a disconnect (PAGI.md 62)", async () => {
  const events: unknown[] = [];
  const { status, body, headers, log } = await answerOf(
    async (_scope, receive, send) => {
      await receive();
      await send({ type: "websocket.close", code: 4000, reason: "no" });
      events.push(await receive());
    },
  );
  assertEquals(status, 403);
  assertEquals(body, "Forbidden\n");
  assert(headers.has("date"));
  assertEquals(headers.get("content-type"), "text/plain; charset=utf-8");
  assertEquals(events, [
    { type: "websocket.disconnect", code: 1006, reason: "" },
  ]);
  assertEquals(linesOf("error", log), []);
});

Deno.test("a denial sends its own status, headers and body, in pieces (PAGI.md 63)", async () => {
  const { status, body, headers, log } = await answerOf(
    async (_scope, _receive, send) => {
      const piece = new TextEncoder().encode("sign ");
      const fields: [string, string][] = [
        ["WWW-Authenticate", "Basic"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["transfer-encoding", "chunked"],
      ];
      await send({
        type: "websocket.http.response.start",
        status: 401,
        headers: fields,
      });
      // What the app does after its events cannot reach the wire.
      fields[0][1] = "a\r\nb";
      await send({
        type: "websocket.http.response.body",
        body: piece,
        more: 1,
      });
      piece.fill(0);
      await send({
        type: "websocket.http.response.body",
        body: "in é",
        more: true,
      });
      await send({ type: "websocket.http.response.body" });
    },
  );
  assertEquals(status, 401);
  assertEquals(body, "sign in \xc3\xa9");
  assertEquals(headers.get("www-authenticate"), "Basic");
  assertEquals(headers.get("set-cookie"), "a=1, b=2");
  assertEquals(headers.get("content-length"), "10");
  assertEquals(headers.get("transfer-encoding"), undefined);
  assert(headers.has("date"));
  assertEquals(linesOf("error", log), []);
});

Deno.test("a denial with 204, 205 or 304 has neither body nor length", async () => {
  for (const code of [204, 205, 304]) {
    const { status, headers } = await answerOf(
      async (_scope, _receive, send) => {
        await send({ type: "websocket.http.response.start", status: code });
        await send({ type: "websocket.http.response.body", body: "lost" });
      },
    );
    assertEquals(status, code);
    assert(!headers.has("content-length"));
    assert(!headers.has("transfer-encoding"));
  }
});

Deno.test("a denial delivers no disconnect", async () => {
  await answerOf(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.http.response.start", status: 410 });
    await send({ type: "websocket.http.response.body" });
    const next = await Promise.race([
      receive(),
      delay(20).then(() => "nothing" as const),
    ]);
    assertEquals(next, "nothing");
  });
});

Deno.test("before accept, send, keepalive and a denial's body without head are ignored", async () => {
  const { status, body, log } = await answerOf(
    async (_scope, _receive, send) => {
      await send({ type: "websocket.send", text: "early" });
      await send({ type: "websocket.keepalive", interval: 1 });
      await send({ type: "websocket.http.response.body", body: "early" });
      await send({ type: "websocket.http.response.start", status: 400 });
      await send({ type: "websocket.http.response.start", status: 401 });
      await send({ type: "websocket.http.response.body", body: "ours" });
    },
  );
  assertEquals([status, body], [400, "ours"]);
  assertEquals(linesOf("error", log), []);
});

Deno.test("after a refusal nothing does anything", async () => {
  const { body, log } = await answerOf(async (_scope, _receive, send) => {
    await send({ type: "websocket.close" });
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.send", text: "late" });
    await send({ type: "websocket.keepalive", interval: 1 });
    await send({ type: "websocket.close" });
    await send({ type: "websocket.http.response.start", status: 200 });
    await send({ type: "websocket.http.response.body", body: "late" });
  });
  assertEquals(body, "Forbidden\n");
  assertEquals(linesOf("error", log), []);
});

Deno.test("wrong denials reject, and a good one still goes out (PAGI.md 6, 10)", async () => {
  const { status, body } = await answerOf(async (_scope, _receive, send) => {
    const start = "websocket.http.response.start" as const;
    await assertRejects(() => send({ type: start, status: 101 }), TypeError);
    await assertRejects(() => send({ type: start, status: 600 }), TypeError);
    await assertRejects(
      () => send({ type: start, status: 401, headers: [["a", "b\nc"]] }),
      TypeError,
    );
    await send({ type: start, status: 418 });
    await assertRejects(
      () =>
        send(
          {
            type: "websocket.http.response.body",
            body: 7,
          } as unknown as Parameters<typeof send>[0],
        ),
      TypeError,
    );
    await send({ type: "websocket.http.response.body", body: "good" });
  });
  assertEquals([status, body], [418, "good"]);
});

Deno.test("denial events after accept are ignored (PAGI.md 64)", async () => {
  const app = webSocketApp(async (_scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.http.response.start", status: 401 });
    await send({ type: "websocket.http.response.body", body: "no" });
    await send({ type: "websocket.send", text: "open" });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals(await socket.message(), "open");
    assertEquals(await socket.closed(), { code: 1000, reason: "" });
  });
});

Deno.test("an app that neither accepts nor refuses gets 500 and a log entry", async () => {
  const returns = await answerOf(() => Promise.resolve());
  assertEquals([returns.status, returns.body], [
    500,
    "Internal Server Error\n",
  ]);
  assertEquals(linesOf("error", returns.log).length, 1);
  assert(linesOf("error", returns.log)[0].includes("GET /chat"));

  const throws = await answerOf(() => Promise.reject(new Error("app broke")));
  assertEquals([throws.status, throws.body], [500, "Internal Server Error\n"]);
  assert(linesOf("error", throws.log)[0].includes("app broke"));
});

Deno.test("an app that is out of descriptors answers the handshake with 503: that passes", async () => {
  const error = Object.assign(new Error("Too many open files"), {
    code: "EMFILE",
  });
  const { status, body, headers, log } = await answerOf(() =>
    Promise.reject(error)
  );
  assertEquals([status, body], [503, "The server has too many files open.\n"]);
  assertEquals(headers.get("retry-after"), "5");
  // No fault of the app: a warning, and no stack for each request.
  assertEquals(linesOf("error", log), []);
  assertEquals(linesOf("warn", log).length, 1);
});

Deno.test("an app that returns in the middle of a denial gets 500 and a log entry", async () => {
  const { status, log } = await answerOf(async (_scope, _receive, send) => {
    await send({ type: "websocket.http.response.start", status: 401 });
    await send({ type: "websocket.http.response.body", body: "a", more: 1 });
  });
  assertEquals(status, 500);
  assertEquals(linesOf("error", log).length, 1);
});

Deno.test("a denial of another length than its content-length gets 500 and a log entry", async () => {
  for (const body of ["three", "12 bytes long"]) {
    const { status, log } = await answerOf(async (_scope, _receive, send) => {
      const headers: [string, string][] = [["content-length", "10"]];
      await send({
        type: "websocket.http.response.start",
        status: 401,
        headers,
      });
      await send({ type: "websocket.http.response.body", body });
    });
    assertEquals(status, 500);
    assertMatch(linesOf("error", log)[0], /content-length announced/);
  }
});

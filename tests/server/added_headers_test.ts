/**
 * Fields that every response gets (`--header`).
 *
 * @module
 */

import { assert, assertEquals } from "../../src/std/assert.ts";
import type { HeaderList, PagiApp } from "../../src/pagi/types.ts";
import type { Settings } from "../../src/options/settings.ts";
import { reply } from "../helpers/http_app.ts";
import { Http2Client } from "../helpers/http2_client.ts";
import { RawWebSocket, UPGRADE } from "../helpers/raw_websocket.ts";
import { withServer } from "../helpers/with_server.ts";

const SETTINGS = {
  lifespan: "off",
  header: [
    ["x-frame-options", "DENY"],
    ["content-type", "text/x-added"],
    ["link", "</a>"],
    ["link", "</b>"],
  ],
} satisfies Partial<Settings>;

const OWN: HeaderList = [["X-Frame-Options", "SAMEORIGIN"]];
const EVENTS = "accept: text/event-stream";

/** Answers as the path says. */
const app: PagiApp = async (scope, receive, send) => {
  if (scope.type === "lifespan") throw new Error("off");
  switch (scope.path) {
    case "/own":
      return await reply(send, "own", OWN);
    case "/pieces":
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "p", more: 1 });
      return await send({ type: "http.response.body", body: "q" });
    case "/throw":
      throw new Error("on purpose");
    case "/events":
      return await send({ type: "sse.start" });
    case "/decline":
      await send({ type: "sse.http.response.start", status: 409 });
      return await send({ type: "sse.http.response.body", body: "no" });
    case "/accept":
      return await send({ type: "websocket.accept", headers: [["x-y", "1"]] });
    case "/accept-own":
      return await send({ type: "websocket.accept", headers: OWN });
    case "/deny":
      await send({
        type: "websocket.http.response.start",
        status: 401,
        headers: OWN,
      });
      return await send({ type: "websocket.http.response.body", body: "no" });
    case "/close":
      await receive();
      return await send({ type: "websocket.close" });
    default:
      return await reply(send, "plain", []);
  }
};

Deno.test("every response has the fields, unless it has such a field of its own", async () => {
  await withServer(app, SETTINGS, async ({ connect }) => {
    for (
      const [line, status, fields, type, own] of [
        ["GET /plain", 200, [], "text/x-added"],
        ["HEAD /plain", 200, [], "text/x-added"],
        ["GET /own", 200, [], "text/x-added", "SAMEORIGIN"],
        ["GET /pieces", 200, [], "text/x-added"],
        ["GET /throw", 500, [], "text/plain; charset=utf-8"],
        ["GET /events", 200, [EVENTS], "text/event-stream"],
        ["GET /decline", 409, [EVENTS], "text/x-added"],
        ["GET /own", 200, [EVENTS], "text/x-added", "SAMEORIGIN"],
        ["GET /deny", 401, UPGRADE, "text/x-added", "SAMEORIGIN"],
        ["GET /close", 403, UPGRADE, "text/plain; charset=utf-8"],
        ["GET /throw", 500, UPGRADE, "text/plain; charset=utf-8"],
        // The server's own refusals.
        [
          "POST /",
          501,
          ["transfer-encoding: gzip, chunked"],
          "text/plain; charset=utf-8",
        ],
        [`GET /${"x".repeat(9000)}`, 414, [], "text/plain; charset=utf-8"],
      ] as const
    ) {
      const connection = await connect();
      await connection.request(line, ...fields);
      const response = await connection.response(line.startsWith("HEAD"));
      const { headers } = response;
      const what = line.slice(0, 40);
      assertEquals(response.status, status, what);
      assertEquals(headers.get("x-frame-options"), own ?? "DENY", what);
      assertEquals(headers.get("content-type"), type, what);
      assertEquals(headers.get("link"), "</a>, </b>", what);
    }
  });
});

Deno.test("an accepted WebSocket has the fields too", async () => {
  await withServer(app, SETTINGS, async ({ connect }) => {
    for (
      const [path, own] of [["/accept", "DENY"], ["/accept-own", "SAMEORIGIN"]]
    ) {
      const connection = await connect();
      await connection.request(`GET ${path}`, ...UPGRADE);
      const head = (await connection.until("\r\n\r\n")).toLowerCase();
      assertEquals(head.split(" ")[1], "101");
      assertEquals(
        head.match(/x-frame-options: .*/g),
        [`x-frame-options: ${own.toLowerCase()}`],
      );
      assertEquals(head.match(/link: .*/g), ["link: </a>", "link: </b>"]);
    }
    const socket = await RawWebSocket.open(await connect(), "/accept");
    assertEquals((await socket.closed())?.code, 1000);
  });
});

Deno.test("HTTP/2 responses have the fields", async () => {
  await withServer(app, SETTINGS, async ({ port }) => {
    await using client = await Http2Client.open(`http://127.0.0.1:${port}`);
    const { headers } = await client.get("/plain");
    assertEquals(headers["x-frame-options"], "DENY");
    assertEquals(headers.link, "</a>, </b>");
    const own = await client.get("/own");
    assertEquals(own.headers["x-frame-options"], "SAMEORIGIN");
  });
});

Deno.test("fields of one response do not reach the next", async () => {
  await withServer(app, SETTINGS, async ({ connect }) => {
    const connection = await connect();
    for (const path of ["/plain", "/own", "/plain"]) {
      await connection.request(`GET ${path}`);
      const { headers } = await connection.response();
      assertEquals(headers.get("link"), "</a>, </b>");
      assert(headers.has("date"));
    }
  });
});

/**
 * Responses that are event streams, whatever sent them.
 *
 * @module
 */

import { fetchApp } from "../../src/loader/fetch_app.ts";
import type { PagiApp, Receive } from "../../src/pagi/types.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { linesOf } from "../helpers/http_app.ts";
import { withServer } from "../helpers/with_server.ts";

const TYPE = "Text/Event-Stream;charset=utf-8";

/** Receives until the client has gone, or the server has ended the response. */
async function ended(receive: Receive): Promise<void> {
  while (!(await receive()).type.endsWith(".disconnect"));
}

/** Says one thing by `http` events, and is silent from then on. */
const plain: PagiApp = async (scope, receive, send) => {
  if (scope.type === "lifespan") throw new Error("none");
  const headers: [string, string][] = [["Content-Type", TYPE]];
  await send({ type: "http.response.start", status: 200, headers });
  await send({ type: "http.response.body", body: ": hi\n\n", more: 1 });
  await ended(receive);
};

/** The same as a fetch handler. */
const handler = fetchApp({
  fetch: () =>
    new Response(
      new ReadableStream({
        start: (stream) => stream.enqueue(new TextEncoder().encode(": hi\n\n")),
      }),
      { headers: { "content-type": TYPE } },
    ),
});

const STREAMS = [
  ["http events", plain, []],
  ["http events in an sse scope", plain, ["accept: text/event-stream"]],
  ["a fetch handler", handler, []],
  ["a fetch handler in an sse scope", handler, ["accept: text/event-stream"]],
] as const;

for (const [how, app, accept] of STREAMS) {
  Deno.test(`a stop ends an event stream sent by ${how}`, async () => {
    const log = await withServer(app, {}, async ({ connect, server }) => {
      const client = await connect();
      await client.request("GET /", ...accept);
      await client.until(": hi");
      const stopped = server.stop();
      assert((await client.rest()).endsWith("\r\n0\r\n\r\n"));
      await stopped;
    });
    assertEquals([...linesOf("warn", log), ...linesOf("error", log)], []);
  });

  Deno.test(`an idle event stream sent by ${how} ends: --sse-idle-timeout`, async () => {
    const settings = { sseIdleTimeout: 0.1 };
    const log = await withServer(app, settings, async ({ connect }) => {
      const client = await connect();
      await client.request("GET /", ...accept);
      assertEquals((await client.response()).body, ": hi\n\n");
    });
    assertEquals(linesOf("error", log), []);
  });

  Deno.test(`--request-timeout leaves a silent event stream sent by ${how} alone`, async () => {
    // Of the two that could end it, the longer one does.
    const settings = { requestTimeout: 0.05, sseIdleTimeout: 0.5 };
    const log = await withServer(app, settings, async ({ connect }) => {
      const client = await connect();
      await client.request("GET /", ...accept);
      assertEquals((await client.response()).body, ": hi\n\n");
    });
    assertEquals(linesOf("warn", log), []);
  });
}

Deno.test("a response of another type streams on through a stop", async () => {
  const go = Promise.withResolvers<void>();
  const app: PagiApp = async (_scope, _receive, send) => {
    const headers: [string, string][] = [["content-type", "text/plain"]];
    await send({ type: "http.response.start", status: 200, headers });
    await send({ type: "http.response.body", body: "a", more: 1 });
    await go.promise;
    await send({ type: "http.response.body", body: "b" });
  };
  await withServer(app, {}, async ({ connect, server }) => {
    const client = await connect();
    await client.request("GET /");
    await client.until("a\r\n");
    const stopped = server.stop();
    go.resolve();
    assert((await client.rest()).includes("b\r\n0\r\n\r\n"));
    await stopped;
  });
});

/**
 * `--timeout` where it was given: the start of a response has its time, and a
 * response that has started has all time (PAGI.md 6).
 */

import type { DisconnectReason, Send } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { httpApp, linesOf, readBody, reply } from "../helpers/http_app.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

Deno.test("an app that does not start its response in time is told, and the client gets 503", async () => {
  const reasons: DisconnectReason[] = [];
  const ended = Promise.withResolvers<void>();
  let event: string | undefined;
  const app = httpApp(async (scope, receive, send) => {
    const connection = scope["pagi.connection"];
    connection.onDisconnect((reason) => reasons.push(reason));
    await receive();
    event = (await receive()).type;
    assertEquals(connection.isConnected(), false);
    assertEquals(connection.responseStarted(), true);
    await reply(send, "too late");
    ended.resolve();
  });
  const log = await withServer(app, { timeout: 0.2 }, async ({ connect }) => {
    const client = await connect();
    const began = performance.now();
    await client.request("GET /slow?q");
    const { status, headers, body } = await client.response();
    const took = performance.now() - began;
    assertEquals([status, body], [503, "The application took too long.\n"]);
    assertEquals(headers.get("connection"), "close");
    assertGreater(took, 190);
    assertLess(took, 10_000);
    assert(await client.ended());
    await ended.promise;
  });
  assertEquals(reasons, ["client_timeout"]);
  assertEquals(event, "http.disconnect");
  const [warning] = linesOf("warn", log);
  assertStringIncludes(warning, "GET /slow: no response within 0.2 s");
  assertEquals(linesOf("error", log), []);
});

Deno.test("an app that throws when it is told causes no error", async () => {
  const app = httpApp(async (scope) => {
    const reason = await scope["pagi.connection"].disconnected;
    throw new Error(`gave up: ${reason}`);
  });
  const log = await withServer(app, { timeout: 0.1 }, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    assertEquals((await client.response()).status, 503);
  });
  assertEquals(linesOf("error", log), []);
});

/** Has an app serve a request until a later one has been given up. */
async function assertServed(
  serve: (send: Send, timeout: Promise<void>) => Promise<void>,
  expected: string,
): Promise<void> {
  const passed = Promise.withResolvers<void>();
  const app = httpApp(async (scope, _receive, send) => {
    if (scope.path === "/") await serve(send, passed.promise);
    else await scope["pagi.connection"].disconnected;
  });
  await withServer(app, { timeout: 0.2 }, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    const later = await connect();
    await later.request("GET /never");
    assertEquals((await later.response()).status, 503);
    passed.resolve();
    const { status, body } = await client.response();
    assertEquals([status, body], [200, expected]);
  });
}

Deno.test("a response that has started has all time", async () => {
  await assertServed(
    async (send, timeout) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "early, ", more: 1 });
      await timeout;
      await send({ type: "http.response.body", body: "and late" });
    },
    "early, and late",
  );
});

Deno.test("a start event counts, though the head waits for the body", async () => {
  await assertServed(
    async (send, timeout) => {
      await send({ type: "http.response.start", status: 200 });
      await timeout;
      await send({ type: "http.response.body", body: "whole" });
    },
    "whole",
  );
});

for (
  const [title, timeout] of [
    ["where --timeout was not given, an app has all time", undefined],
    ["--timeout 0 gives an app all time", 0],
  ] as const
) {
  Deno.test(title, async () => {
    const app = httpApp(async (_scope, _receive, send) => {
      await delay(50);
      await reply(send, "slow");
    });
    await withServer(app, { timeout }, async ({ url }) => {
      assertEquals(await (await fetch(url)).text(), "slow");
    });
  });
}

Deno.test("the time counts from the end of the request body", async () => {
  const app = httpApp(async (_scope, receive, send) => {
    await reply(send, await readBody(receive));
  });
  await withServer(app, { timeout: 1 }, async ({ connect }) => {
    const client = await connect();
    await client.request("POST /", "content-length: 6");
    for (const letter of "slowly") {
      await delay(200);
      await client.send(letter);
    }
    assertEquals((await client.response()).body, "slowly");
  });
});

Deno.test("the time goes on while the app waits for a disconnect", async () => {
  const app = httpApp(async (_scope, receive) => {
    await readBody(receive);
    await receive();
  });
  await withServer(app, { timeout: 0.2 }, async ({ connect }) => {
    const client = await connect();
    await client.request("POST /", "content-length: 2");
    await client.send("ok");
    assertEquals((await client.response()).status, 503);
  });
});

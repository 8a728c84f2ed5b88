/** `--request-timeout`: a request in which nothing is read or written. */

import type { DisconnectReason, Send } from "../../src/pagi/types.ts";
import type { Settings } from "../../src/options/settings.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import {
  httpApp,
  linesOf,
  readBody,
  reply,
  type ServeHttp,
} from "../helpers/http_app.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { observing } from "../helpers/scope_app.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

/** `--timeout` is off: it bounds some of the same. */
const SETTINGS = { requestTimeout: 0.25, timeout: 0 };
/** For what goes on: a busy machine takes its time between two parts. */
const LONGER = { requestTimeout: 0.8 };

interface Visit {
  readonly log: string[];
  /** What `pagi.connection` reported, or "complete". */
  readonly end: DisconnectReason | "complete";
  /** Milliseconds. */
  readonly took: number;
}

/** One request; returns once its app has been told the end. */
async function visit(
  serve: ServeHttp,
  act: (client: RawConnection) => Promise<void>,
  settings: Partial<Settings> = {},
): Promise<Visit> {
  const end = Promise.withResolvers<Visit["end"]>();
  const app = httpApp(async (scope, receive, send) => {
    const connection = scope["pagi.connection"];
    connection.onDisconnect(end.resolve);
    connection.onComplete(() => end.resolve("complete"));
    await serve(scope, receive, send);
  });
  const began = performance.now();
  let took = 0;
  const log = await withServer(
    app,
    { ...SETTINGS, ...settings },
    async ({ connect }) => {
      await act(await connect());
      await end.promise;
      took = performance.now() - began;
    },
  );
  assertEquals(linesOf("error", log), []);
  return { log, end: await end.promise, took };
}

async function pieces(send: Send, count: number, pause: number): Promise<void> {
  await send({ type: "http.response.start", status: 200 });
  for (let i = 0; i < count; i++) {
    await send({ type: "http.response.body", body: "a", more: 1 });
    await delay(pause);
  }
  await send({ type: "http.response.body" });
}

Deno.test("an app that does nothing is told client_timeout, and the client gets 503", async () => {
  const { end, took, log } = await visit(
    async (scope) => {
      await scope["pagi.connection"].disconnected;
    },
    async (client) => {
      await client.request("GET /slow");
      const { status, headers } = await client.response();
      assertEquals([status, headers.get("connection")], [503, "close"]);
      assert(await client.ended());
    },
  );
  assertEquals(end, "client_timeout");
  assertGreater(took, 240);
  assertLess(took, 10_000);
  assertStringIncludes(
    linesOf("warn", log).join(),
    "GET /slow: nothing was read or written for 0.25 s (--request-timeout).",
  );
});

Deno.test("a request body that stops arriving gets 408", async () => {
  const { end } = await visit(
    async (_scope, receive) => {
      await receive();
      assertEquals(await receive(), { type: "http.disconnect" });
    },
    async (client) => {
      await client.send(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf",
      );
      assertEquals((await client.response()).status, 408);
      assert(await client.ended());
    },
  );
  assertEquals(end, "client_timeout");
});

Deno.test("each part of the request body restarts the time", async () => {
  const { end, took } = await visit(
    async (_scope, receive, send) => {
      await reply(send, await readBody(receive));
    },
    async (client) => {
      await client.request("POST /", "content-length: 5");
      for (const part of "whole") {
        await delay(200);
        await client.send(part);
      }
      assertEquals((await client.response()).body, "whole");
    },
    LONGER,
  );
  assertEquals(end, "complete");
  assertGreater(took, 900);
});

Deno.test("each piece of the response restarts the time, and its end ends it", async () => {
  const { end, log } = await visit(
    (_scope, _receive, send) => pieces(send, 5, 200),
    async (client) => {
      await client.request("GET /");
      assertEquals((await client.response()).body, "aaaaa");
      await delay(900);
      // The connection is kept.
      await client.request("GET /");
      assertEquals((await client.response()).body, "aaaaa");
    },
    LONGER,
  );
  assertEquals(end, "complete");
  assertEquals(linesOf("warn", log), []);
});

Deno.test("a response that stops is cut off without a terminator", async () => {
  const { end, took } = await visit(
    async (scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "half", more: 1 });
      await scope["pagi.connection"].disconnected;
    },
    async (client) => {
      await client.request("GET /");
      assert((await client.rest()).endsWith("\r\n\r\n4\r\nhalf\r\n"));
    },
  );
  assertEquals(end, "client_timeout");
  assertLess(took, 10_000);
});

Deno.test("a client that takes nothing is cut off, and the writer goes on", async () => {
  const { end, took } = await visit(
    async (scope, _receive, send) => {
      const body = new Uint8Array(100_000);
      await send({ type: "http.response.start", status: 200 });
      while (scope["pagi.connection"].isConnected()) {
        await send({ type: "http.response.body", body, more: 1 });
      }
    },
    async (client) => {
      await client.request("GET /");
    },
  );
  assertEquals(end, "client_timeout");
  assertLess(took, 10_000);
});

Deno.test("a client that takes nothing more is cut off after the app has sent all", async () => {
  const app = httpApp(async (_scope, _receive, send) => {
    const body = new Uint8Array(20_000_000);
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body, more: 1 });
    await send({ type: "http.response.body" });
  });
  await withServer(app, SETTINGS, async ({ connect, server }) => {
    const client = await connect();
    await client.request("GET /");
    const began = performance.now();
    while (server.occupiedPeers().length === 0) await delay(5);
    while (server.occupiedPeers().length > 0) {
      assertLess(performance.now() - began, 10_000);
      await delay(20);
    }
  });
});

Deno.test("a client that takes a file slowly gets all of it", async () => {
  const size = 12_000_000;
  const file = await Deno.makeTempFile();
  try {
    await Deno.truncate(file, size);
    const { end, took } = await visit(
      async (_scope, _receive, send) => {
        await send({
          type: "http.response.start",
          status: 200,
          headers: [["content-length", String(size)]],
        });
        await send({ type: "http.response.body", file });
      },
      async (client) => {
        await client.request("GET /");
        await client.until("\r\n\r\n");
        for (let left = size; left > 0; left -= 500_000) {
          assert(await client.read(500_000) !== null);
          await delay(40);
        }
      },
      LONGER,
    );
    assertEquals(end, "complete");
    assertGreater(took, 900);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a request for an event stream is bounded until the stream starts", async () => {
  const { app, result } = observing("sse", async (scope, receive, send) => {
    await receive();
    if (scope.path === "/started") await send({ type: "sse.start" });
    const { type, ...rest } = await receive();
    return [type, "reason" in rest && rest.reason];
  });
  const accept = "accept: text/event-stream";
  await withServer(app, SETTINGS, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /never", accept);
    assertEquals((await client.response()).status, 503);
    assertEquals(await result, ["sse.disconnect", "client_timeout"]);
    const other = await connect();
    await other.request("GET /started", accept);
    const head = await other.until("\r\n\r\n");
    assertStringIncludes(head, "200 OK");
    const ended = other.ended();
    const later = await connect();
    await later.request("GET /never", accept);
    assertEquals((await later.response()).status, 503);
    assert(!other.over);
    other.close();
    await ended;
  });
});

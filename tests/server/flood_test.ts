/** Clients that send more than is read of them while a request runs. */

import type { HttpScope, Receive, Send } from "../../src/pagi/types.ts";
import type { Settings } from "../../src/options/settings.ts";
import { assert, assertEquals, assertLess } from "../../src/std/assert.ts";
import { httpApp, linesOf, readBody, reply } from "../helpers/http_app.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { frameBytes, OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { observing } from "../helpers/scope_app.ts";
import { delay } from "../helpers/wait.ts";
import { listening } from "../helpers/websocket_app.ts";
import { type TestServer, withServer } from "../helpers/with_server.ts";

/** What a flood sends where nobody stops it (bytes). */
const FLOOD = 1_000_000_000;
const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/** Sends `piece` again and again until the connection ends, or `FLOOD`. */
async function flood(client: RawConnection, piece: string): Promise<number> {
  const times = Math.ceil(65_536 / piece.length);
  const bytes = Uint8Array.from(piece.repeat(times), (c) => c.charCodeAt(0));
  let sent = 0;
  try {
    while (sent < FLOOD) {
      await client.send(bytes);
      sent += bytes.length;
    }
  } catch {
    // The connection has ended.
  }
  return sent;
}

/** Floods the connection of a request; how the app was told of its end. */
async function floodOf(
  serve: (scope: HttpScope, receive: Receive, send: Send) => Promise<void>,
  head = GET,
): Promise<string> {
  const end = Promise.withResolvers<string>();
  const app = httpApp(async (scope, receive, send) => {
    const connection = scope["pagi.connection"];
    connection.onDisconnect(end.resolve);
    connection.onComplete(() => end.resolve("complete"));
    await serve(scope, receive, send);
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.send(head);
    assertLess(await flood(client, "x"), FLOOD);
  });
  assertEquals(linesOf("error", log), []);
  return await end.promise;
}

async function disconnected(scope: HttpScope): Promise<void> {
  await scope["pagi.connection"].disconnected;
}

async function startStream(scope: HttpScope, _: Receive, send: Send) {
  await send({ type: "http.response.start", status: 200 });
  await send({ type: "http.response.body", body: "a", more: 1 });
  await disconnected(scope);
}

Deno.test("a client that floods while its request waits is cut off: queue_overflow", async () => {
  assertEquals(await floodOf(disconnected), "queue_overflow");
});

Deno.test("a client that floods while its response is under way is cut off", async () => {
  assertEquals(await floodOf(startStream), "queue_overflow");
});

Deno.test("so is one that sends more than the body that it announced", async () => {
  const head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n";
  assertEquals(await floodOf(startStream, head), "queue_overflow");
});

Deno.test("so is one whose trailers have no end: the engine would gather them all", async () => {
  const head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked" +
    "\r\n\r\n2\r\nok\r\n0\r\nx: ";
  const read = async (_: HttpScope, receive: Receive) => {
    while ((await receive()).type === "http.request");
  };
  assertEquals(await floodOf(read, head), "protocol_error");
});

Deno.test("so is a client of an event stream", async () => {
  const { app, result } = observing("sse", async (_scope, receive, send) => {
    await receive();
    await send({ type: "sse.start" });
    return await receive();
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /", "accept: text/event-stream");
    assertLess(await flood(client, "x"), FLOOD);
  });
  const reason = "queue_overflow";
  assertEquals(await result, { type: "sse.disconnect", reason });
});

Deno.test("a connection that brings requests faster than they are answered ends with an answer", async () => {
  const app = httpApp(async (_scope, _receive, send) => {
    await delay(5);
    await reply(send, "ok");
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    const sent = flood(client, GET);
    let last: string | undefined;
    try {
      while (true) {
        const { status, headers } = await client.response();
        if (status === 200) last = headers.get("connection");
      }
    } catch {
      // The connection has ended.
    }
    assertEquals(last, "close");
    assertLess(await sent, FLOOD);
  });
});

async function assertServed(
  serve: (scope: HttpScope, receive: Receive, send: Send) => Promise<void>,
  act: (test: TestServer) => Promise<void>,
  settings: Partial<Settings> = {},
): Promise<void> {
  const log = await withServer(httpApp(serve), settings, act);
  assertEquals(linesOf("error", log), []);
}

Deno.test("requests that wait behind a slow one are all answered", async () => {
  await assertServed(
    async (scope, _receive, send) => {
      if (scope.path === "/slow") await delay(500);
      await reply(send, scope.path);
    },
    async ({ connect }) => {
      const client = await connect();
      await client.request("GET /slow");
      for (let i = 0; i < 150; i++) {
        await client.request(`GET /${i}`, `cookie: ${"x".repeat(6000)}`);
      }
      assertEquals((await client.response()).body, "/slow");
      for (let i = 0; i < 150; i++) {
        assertEquals((await client.response()).body, `/${i}`);
      }
    },
  );
});

Deno.test("a body that the app reads late, or never, is no flood", async () => {
  const size = 9_000_000;
  await assertServed(
    async (scope, receive, send) => {
      await delay(400);
      if (scope.path === "/never") return await reply(send, "late");
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "first", more: 1 });
      await delay(400);
      const { length } = await readBody(receive);
      await send({ type: "http.response.body", body: ` ${length}` });
    },
    async ({ connect }) => {
      for (
        const [path, body] of [["never", "late"], ["late", `first ${size}`]]
      ) {
        const client = await connect();
        await client.request(`POST /${path}`, `content-length: ${size}`);
        const sent = client.send(new Uint8Array(size)).catch(() => {});
        assertEquals((await client.response()).body, body);
        client.close();
        await sent;
      }
    },
  );
});

Deno.test("a connection that is always busy with bodies serves on", async () => {
  let count = 0;
  await assertServed(
    async (_scope, receive, send) => {
      const { length } = await readBody(receive);
      await delay(10);
      await reply(send, String(length));
    },
    async ({ connect }) => {
      let client = await connect();
      const body = "x".repeat(200_000);
      while (count < 60) {
        await client.request("POST /", `content-length: ${body.length}`);
        await client.send(body);
        const response = await client.response();
        assertEquals(response.body, String(body.length));
        count++;
        // It may end behind an answer, and then says so.
        if (response.headers.get("connection") === "close") {
          client = await connect();
        }
      }
    },
  );
});

Deno.test("a WebSocket may bring more than that", async () => {
  const { app, result } = listening();
  const settings = { maxWsFrameSize: 1_000_000 };
  await withServer(app, settings, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    for (let i = 0; i < 8; i++) {
      await socket.text("x".repeat(400_000));
      await delay(50);
    }
    await socket.close(1000);
    const { messages, end } = await result;
    assertEquals([messages.length, end.code], [8, 1000]);
  });
});

Deno.test("two clients of one request each do not count for each other", async () => {
  await assertServed(
    async (_scope, receive, send) => {
      assert(await readBody(receive));
      await delay(300);
      await reply(send, "ok");
    },
    async ({ connect }) => {
      const clients = [await connect(), await connect()];
      for (const client of clients) {
        await client.request("POST /", "content-length: 900000");
        await client.send(new Uint8Array(900_000));
      }
      for (const client of clients) {
        assertEquals((await client.response()).body, "ok");
      }
    },
  );
});

Deno.test("a WebSocket's message of endless fragments is cut off: 1006, protocol_error", async () => {
  const { app, result } = listening();
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    const socket = await RawWebSocket.open(client);
    const fragment = "x".repeat(65_000);
    await socket.send(OPCODE.binary, fragment, { fin: false });
    const frame = frameBytes(OPCODE.continuation, fragment, { fin: false });
    assertLess(await flood(client, String.fromCharCode(...frame)), FLOOD);
    const { code, reason } = (await result).end;
    assertEquals([code, reason], [1006, "protocol_error"]);
  });
});

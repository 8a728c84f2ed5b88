/** The table of `receive()` in an `http` scope (PAGI.md 3.3), row by row. */

import type { ReceiveEvent } from "../../src/pagi/types.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { httpApp, linesOf, readBody, reply } from "../helpers/http_app.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

const DISCONNECT: ReceiveEvent = { type: "http.disconnect" };

/** A part of a body as it is received. */
function part(text: string, more: 0 | 1): ReceiveEvent {
  return { type: "http.request", body: new TextEncoder().encode(text), more };
}

/** True if `promise` is still pending after the event loop went round. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  const done = () => void (pending = false);
  promise.then(done, done);
  await delay(20);
  return pending;
}

for (
  const [title, line, ...headers] of [
    ["GET", "GET /"],
    ["POST without a length", "POST /"],
    ["POST of length 0", "POST /", "content-length: 0"],
    ["HEAD", "HEAD /"],
    ["DELETE", "DELETE /"],
    ["a method in lower case", "get /"],
  ]
) {
  Deno.test(`${title}: one empty http.request with more 0 (PAGI.md 22)`, async () => {
    let first: ReceiveEvent | undefined;
    let second: Promise<ReceiveEvent> | undefined;
    let waited = false;
    const app = httpApp(async (_scope, receive, send) => {
      first = await receive();
      second = receive();
      waited = await isPending(second);
      await reply(send);
    });
    await withServer(app, {}, async ({ connect }) => {
      const client = await connect();
      await client.request(line, ...headers);
      await client.response(line.startsWith("HEAD"));
    });
    assertEquals(first, part("", 0));
    assert(waited);
    assertEquals(await second, DISCONNECT);
  });
}

Deno.test("a chunked body arrives de-chunked, ending with more 0 (PAGI.md 12, 23)", async () => {
  const events: ReceiveEvent[] = [];
  const app = httpApp(async (_scope, receive, send) => {
    let event: ReceiveEvent;
    do events.push(event = await receive()); while (
      event.type === "http.request" && event.more
    );
    await reply(send);
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("POST /", "transfer-encoding: chunked");
    await client.send("5\r\nhello\r\n");
    await client.send("6;ext=1\r\n world\r\n");
    await client.send("0\r\nx-trailer: y\r\n\r\n");
    await client.response();
  });
  let body = "";
  for (const event of events) {
    assert(event.type === "http.request");
    assert(event.more === 0 || event.more === 1);
    body += new TextDecoder().decode(event.body);
  }
  assertEquals(body, "hello world");
});

Deno.test("parts arrive while the client is still sending", async () => {
  const arrived = Promise.withResolvers<ReceiveEvent>();
  let last: ReceiveEvent | undefined;
  const app = httpApp(async (_scope, receive, send) => {
    arrived.resolve(await receive());
    last = await receive();
    await reply(send);
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("POST /", "content-length: 10");
    await client.send("first");
    assertEquals(await arrived.promise, part("first", 1));
    await client.send("again");
    await client.response();
  });
  assertEquals(last, part("again", 0));
});

Deno.test("any byte passes, and every byte once", async () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7 % 256);
  let body = "";
  const app = httpApp(async (_scope, receive, send) => {
    body = await readBody(receive);
    await reply(send);
  });
  await withServer(app, {}, async ({ url }) => {
    const streams = [bytes, new Blob([bytes]).stream()];
    for (const stream of streams) {
      await (await fetch(url, { method: "POST", body: stream })).body?.cancel();
      assertEquals(body.length, bytes.length);
      assert(bytes.every((byte, i) => body.charCodeAt(i) === byte));
    }
  });
});

Deno.test("with the body consumed, receive waits for the client to leave (PAGI.md 24)", async () => {
  const waiting = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<ReceiveEvent[]>();
  const app = httpApp(async (_scope, receive) => {
    await readBody(receive);
    const next = receive();
    assert(await isPending(next));
    waiting.resolve();
    // Asked again and again, it says the same.
    ended.resolve([await next, await receive(), await receive()]);
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    await waiting.promise;
    client.close();
    assertEquals(await ended.promise, [DISCONNECT, DISCONNECT, DISCONNECT]);
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("after the response receive yields http.disconnect, repeatedly (PAGI.md 25)", async () => {
  const events: ReceiveEvent[] = [];
  const app = httpApp(async (_scope, receive, send) => {
    const waiting = receive().then(() => receive());
    await reply(send);
    events.push(await waiting, await receive(), await receive());
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    await client.response();
    await client.request("GET /");
    await client.response();
  });
  assertEquals(events, Array(6).fill(DISCONNECT));
});

Deno.test("after the response the rest of a body is not received (PAGI.md 25)", async () => {
  const events: ReceiveEvent[] = [];
  const app = httpApp(async (_scope, receive, send) => {
    events.push(await receive());
    const waiting = receive();
    await reply(send);
    events.push(await waiting, await receive());
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("POST /", "content-length: 10");
    await client.send("first");
    assertEquals((await client.response()).status, 200);
  });
  assertEquals(events, [part("first", 1), DISCONNECT, DISCONNECT]);
});

for (const framing of ["content-length: 11", "transfer-encoding: chunked"]) {
  Deno.test(`receives at the same time share the parts in order (${framing})`, async () => {
    const events: ReceiveEvent[] = [];
    const app = httpApp(async (_scope, receive, send) => {
      const all = [receive(), receive(), receive(), receive(), receive()]
        .map((event) => event.then((event) => events.push(event)));
      while (
        !events.some((event) => event.type === "http.request" && !event.more)
      ) await delay(1);
      await delay(10);
      await reply(send);
      await Promise.all(all);
    });
    await withServer(app, {}, async ({ connect }) => {
      const client = await connect();
      await client.request("POST /", framing);
      const chunk = framing.startsWith("t")
        ? (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
        : (text: string) => text;
      await client.send(chunk("hello"));
      await delay(20);
      await client.send(chunk(" world"));
      if (framing.startsWith("t")) await client.send(chunk(""));
      assertEquals((await client.response()).status, 200);
    });
    const parts = events.flatMap((event) =>
      event.type === "http.request" ? [event] : []
    );
    const text = parts.map((event) => new TextDecoder().decode(event.body));
    assertEquals(text.join(""), "hello world");
    assertEquals(
      parts.map((event) => event.more),
      parts.map((_, i) => i < parts.length - 1 ? 1 : 0),
    );
    assertEquals(
      events.slice(parts.length),
      Array(5 - parts.length).fill(DISCONNECT),
    );
  });
}

Deno.test("a body read to its end leaves the connection for the next request", async () => {
  const app = httpApp(async (_scope, receive, send) => {
    await reply(send, await readBody(receive));
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    for (const text of ["one", "two"]) {
      await client.send(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\n" +
          text,
      );
      assertEquals((await client.response()).body, text);
    }
  });
});

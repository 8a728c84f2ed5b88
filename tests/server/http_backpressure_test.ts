/** What waits when a client reads slowly (PAGI.md 3.1, 4). */

import type { PagiTransport } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
} from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import { httpApp, linesOf } from "../helpers/http_app.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

const MEGABYTE = 1_000_000;
Deno.test("a writer waits at the high mark until a slow reader drains", async () => {
  let accepted = 0;
  const piece = new Uint8Array(100_000);
  const total = 60 * MEGABYTE;
  const app = httpApp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    while (accepted < total) {
      await send({ type: "http.response.body", body: piece, more: 1 });
      accepted += piece.length;
    }
    await send({ type: "http.response.body" });
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    await client.read(1000);
    // Without a reader it comes to rest: the kernel's buffers are all there is.
    let before = -1;
    while (before !== accepted) {
      before = accepted;
      await delay(50);
    }
    assertLess(accepted, 20 * MEGABYTE);
    const buffer = new Uint8Array(65_536);
    let received = 0;
    let most = 0;
    while (accepted < total) {
      received += (await client.connection.read(buffer))!;
      most = Math.max(most, accepted - received);
    }
    assertLess(most, 20 * MEGABYTE);
  });
});

Deno.test("the handle tells what waits, and its callbacks alternate (PAGI.md 83)", async () => {
  const events: string[] = [];
  const amounts: number[] = [];
  let transport: PagiTransport | undefined;
  const app = httpApp(async (scope, _receive, send) => {
    transport = scope["pagi.transport"]!;
    assertEquals(transport.highWaterMark(), 50_000);
    assertEquals(transport.lowWaterMark(), 10_000);
    transport
      .onHighWater(() => {
        events.push("high");
        amounts.push(transport!.bufferedAmount());
      })
      .onDrain(() => {
        events.push("drain");
        amounts.push(transport!.bufferedAmount());
      });
    assertEquals(transport.bufferedAmount(), 0);
    await send({ type: "http.response.start", status: 200 });
    for (let i = 0; i < 1500; i++) {
      const body = new Uint8Array(20_000);
      await send({ type: "http.response.body", body, more: 1 });
    }
    await send({ type: "http.response.body" });
  });
  await withServer(
    app,
    { writeHighWatermark: 50_000, writeLowWatermark: 10_000 },
    async ({ url }) => {
      const response = await fetch(url);
      await delay(50);
      assertEquals((await response.arrayBuffer()).byteLength, 30_000_000);
    },
  );
  assertGreater(events.length, 1);
  for (const [i, event] of events.entries()) {
    assertEquals(event, i % 2 === 0 ? "high" : "drain");
    if (event === "high") assertGreater(amounts[i], 49_999);
    else assertLess(amounts[i], 10_000);
  }
  assertEquals(transport!.bufferedAmount(), 0);
});

Deno.test("a throwing callback of the transport is logged and harms nothing", async () => {
  const app = httpApp(async (scope, _receive, send) => {
    scope["pagi.transport"]!.onHighWater(() => {
      throw new Error("mistake");
    });
    await send({ type: "http.response.start", status: 200 });
    for (let i = 0; i < 300; i++) {
      const body = new Uint8Array(100_000);
      await send({ type: "http.response.body", body, more: 1 });
    }
    await send({ type: "http.response.body" });
  });
  const log = await withServer(app, {}, async ({ url }) => {
    const response = await fetch(url);
    await delay(50);
    assertEquals((await response.arrayBuffer()).byteLength, 30_000_000);
  });
  assert(linesOf("error", log).every((text) => text.includes("mistake")));
  assertGreater(linesOf("error", log).length, 0);
});

Deno.test("sends that nobody awaits are kept, and told by the handle", async () => {
  const app = httpApp(async (scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    const sends: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) {
      const body = new Uint8Array(10_000).fill(i);
      sends.push(send({ type: "http.response.body", body, more: 1 }));
    }
    assertGreater(scope["pagi.transport"]!.bufferedAmount(), 900_000);
    await Promise.all(sends);
    await send({ type: "http.response.body" });
  });
  await withServer(app, {}, async ({ url }) => {
    const body = new Uint8Array(await (await fetch(url)).arrayBuffer());
    assertEquals(body.length, MEGABYTE);
    assert(body.every((byte, i) => byte === Math.floor(i / 10_000)));
  });
});

Deno.test("a high mark of 0 lets one piece out at a time", async () => {
  const app = httpApp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    for (const body of ["a", "b", "c"]) {
      await send({ type: "http.response.body", body, more: 1 });
    }
    await send({ type: "http.response.body", body: "d" });
  });
  await withServer(
    app,
    { writeHighWatermark: 0, writeLowWatermark: 0 },
    async ({ url }) => assertEquals(await (await fetch(url)).text(), "abcd"),
  );
});

Deno.test("an app that reads an upload slowly makes its client wait", async () => {
  let received = 0;
  const go = Promise.withResolvers<void>();
  const app = httpApp(async (_scope, receive, send) => {
    await receive();
    await go.promise;
    for (;;) {
      const event = await receive();
      if (event.type !== "http.request") break;
      received += event.body.byteLength;
      if (!event.more) break;
    }
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body" });
  });
  await withServer(app, { maxBodySize: 0 }, async ({ connect }) => {
    const client = await connect();
    const total = 60 * MEGABYTE;
    await client.request("POST /", `content-length: ${total}`);
    let sent = 0;
    const sending = (async () => {
      const piece = new Uint8Array(100_000);
      for (; sent < total; sent += piece.length) await client.send(piece);
    })();
    let before = -1;
    while (before !== sent) {
      before = sent;
      await delay(50);
    }
    assertLess(sent, 30 * MEGABYTE);
    go.resolve();
    await sending;
    assertEquals((await client.response()).status, 200);
    assertGreater(received, total - MEGABYTE);
  });
});

Deno.test("memory stays flat while 200 MB go to a slow reader", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      fromFileUrl(new URL("slow_reader_server.ts", import.meta.url)),
      String(200 * MEGABYTE),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = Number((await lines.read()).value);
  const client = await Deno.connect({ port });
  await client.write(
    new TextEncoder().encode("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"),
  );
  const buffer = new Uint8Array(65_536);
  let received = 0;
  for (let reads = 0;; reads++) {
    const count = await client.read(buffer);
    if (count === null) break;
    received += count;
    // Always behind, at some 200 MB a second.
    if (reads % 64 === 0) await delay(10);
  }
  client.close();
  await child.stdin.close();
  const growth = Number((await lines.read()).value);
  assert((await child.status).success);
  await lines.cancel();
  assertGreater(received, 200 * MEGABYTE);
  // Pieces wait for the garbage collector, but not for the client.
  assertLess(growth, 120 * MEGABYTE);
});

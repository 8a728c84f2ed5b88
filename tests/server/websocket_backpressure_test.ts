/**
 * WebSockets whose peers take less than they are sent.
 *
 * @module
 */

import { assert, assertEquals } from "../../src/std/assert.ts";
import type { Send, SendEvent, WebSocketScope } from "../../src/pagi/types.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { delay } from "../helpers/wait.ts";
import {
  observed,
  receiveAll,
  webSocketApp,
} from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

const PIECE = new Uint8Array(256 * 1024).fill(0x78);

/**
 * Sends until a send has to wait, since bytes are left; resolves with its
 * promise, not awaited. On a busy machine others may take long as well.
 */
async function fill(
  send: Send,
  { "pagi.transport": transport }: WebSocketScope,
  event: SendEvent = { type: "websocket.send", bytes: PIECE },
): Promise<{ waiting: Promise<void> }> {
  while (true) {
    const waiting = send(event);
    const first = await Promise.race([
      waiting.then(() => "sent"),
      delay(60).then(() => "waits" as const),
    ]);
    if (first === "waits" && transport!.bufferedAmount() > 0) {
      return { waiting };
    }
    await waiting;
  }
}

/** Counts how often the buffer filled and drained. */
function watch(scope: WebSocketScope): string[] {
  const seen: string[] = [];
  scope["pagi.transport"]!
    .onHighWater(() => seen.push("high"))
    .onDrain(() => seen.push("drain"));
  return seen;
}

Deno.test("a send waits for a peer that does not read, and goes on when it does (PAGI.md 83)", async () => {
  const full = Promise.withResolvers<void>();
  const { app, result } = observed(async (scope, _receive, send) => {
    const transport = scope["pagi.transport"]!;
    const seen = watch(scope);
    const marks = [transport.highWaterMark(), transport.lowWaterMark()];
    await send({ type: "websocket.accept" });
    const before = transport.bufferedAmount();
    const { waiting } = await fill(send, scope);
    const during = transport.bufferedAmount();
    const stages = [...seen];
    full.resolve();
    await waiting;
    await send({ type: "websocket.send", text: "end" });
    return { marks, before, during, stages, seen };
  });
  const settings = { writeHighWatermark: 1000, writeLowWatermark: 100 };
  await withServer(app, settings, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await full.promise;
    let frame = await socket.frame();
    while (frame?.opcode === OPCODE.binary) {
      assertEquals(frame.payload.length, PIECE.length);
      frame = await socket.frame();
    }
    assertEquals(frame?.payload, "end");
    const { marks, before, during, stages, seen } = await result;
    assertEquals(marks, [1000, 100]);
    assertEquals(before, 0);
    assert(during >= 1000, `${during} bytes wait`);
    // The system's own buffers fill and drain a few times before that.
    assertEquals(stages.at(-1), "high");
    const cycles = stages.length;
    assertEquals(seen.slice(0, cycles + 1), [...stages, "drain"]);
    for (const [i, stage] of seen.entries()) {
      assertEquals(stage, i % 2 === 0 ? "high" : "drain");
    }
  });
});

Deno.test("text waits by its bytes, not by its characters (PAGI.md 83)", async () => {
  const text = "\u540d".repeat(3000);
  const settings = { writeHighWatermark: 250_000, writeLowWatermark: 1000 };
  const full = Promise.withResolvers<void>();
  const { app, result } = observed(async (scope, _receive, send) => {
    const transport = scope["pagi.transport"]!;
    const amounts: number[] = [];
    transport.onHighWater(() => amounts.push(transport.bufferedAmount()));
    await send({ type: "websocket.accept" });
    const { waiting } = await fill(send, scope, {
      type: "websocket.send",
      text,
    });
    full.resolve();
    await waiting;
    return amounts;
  });
  await withServer(app, settings, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await full.promise;
    socket.connection.close();
    const amounts = await result;
    assert(amounts.length > 0);
    for (const amount of amounts) {
      // One message goes over the mark, and the next one is not sent.
      assert(amount >= 250_000 && amount < 250_000 + 3 * 3000, `${amount}`);
    }
  });
});

Deno.test("a peer that leaves releases a send that waits, without an error", async () => {
  const full = Promise.withResolvers<void>();
  const { app, result } = observed(async (scope, receive, send) => {
    await send({ type: "websocket.accept" });
    const { waiting } = await fill(send, scope);
    full.resolve();
    await waiting;
    await send({ type: "websocket.send", bytes: PIECE });
    const { end } = await receiveAll(receive);
    return { end, left: scope["pagi.transport"]!.bufferedAmount() };
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await full.promise;
    socket.connection.close();
    const { end, left } = await result;
    assertEquals(end.code, 1006);
    assert(["client_closed", "write_error"].includes(end.reason), end.reason);
    assertEquals(left, 0);
  });
});

Deno.test("the app's own close releases a send that waits", async () => {
  const { app, result } = observed(async (scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    const { waiting } = await fill(send, scope);
    await send({ type: "websocket.close", code: 3000 });
    await waiting;
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await result;
    // What was sent before still comes, then the Close.
    let frame = await socket.frame();
    while (frame?.opcode === OPCODE.binary) frame = await socket.frame();
    assertEquals(frame?.opcode, OPCODE.close);
  });
});

Deno.test("a stopping server releases a send that waits, and does not wait for the peer", async () => {
  const full = Promise.withResolvers<void>();
  const { app, result } = observed(async (scope, receive, send) => {
    await send({ type: "websocket.accept" });
    const { waiting } = await fill(send, scope);
    full.resolve();
    await waiting;
    return (await receiveAll(receive)).end;
  });
  await withServer(app, {}, async ({ connect, server }) => {
    const socket = await RawWebSocket.open(await connect());
    await full.promise;
    await server.stop();
    const { code, reason } = await result;
    assertEquals([code, reason], [1006, "server_shutdown"]);
    // The engine ends with the connection, which this is the end of.
    while (await socket.frame() !== null);
  });
});

Deno.test("sends that were not awaited all arrive, in order", async () => {
  const app = webSocketApp(async (_scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    const all: Promise<void>[] = [];
    for (let i = 0; i < 2000; i++) {
      const text = `${i} `.padEnd(200, "x");
      all.push(send({ type: "websocket.send", text }));
    }
    await Promise.all(all);
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    for (let i = 0; i < 2000; i++) {
      assertEquals(parseInt(await socket.message()), i);
    }
    assertEquals((await socket.closed())?.code, 1000);
  });
});

/** `--sse-idle-timeout` and `--ws-idle-timeout`. */

import type { Send } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
} from "../../src/std/assert.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { observing } from "../helpers/scope_app.ts";
import { delay } from "../helpers/wait.ts";
import { observed, receiveAll } from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

/** Starts a stream, has `stream` send on it, and returns the disconnect. */
function streaming(stream: (send: Send) => Promise<void>) {
  return observing("sse", async (_scope, receive, send) => {
    await receive();
    await send({ type: "sse.start" });
    await stream(send);
    const event = await receive();
    return event.type === "sse.disconnect" ? event.reason : event.type;
  });
}

async function streamed(
  stream: (send: Send) => Promise<void>,
): Promise<{ reason: string; body: string; took: number }> {
  const { app, result } = streaming(stream);
  let body = "";
  let took = 0;
  await withServer(app, { sseIdleTimeout: 0.2 }, async ({ connect }) => {
    const client = await connect();
    const began = performance.now();
    await client.request("GET /", "accept: text/event-stream");
    body = (await client.response()).body;
    took = performance.now() - began;
  });
  return { reason: await result, body, took };
}

Deno.test("an event stream on which nothing is sent ends: idle_timeout", async () => {
  const { reason, body, took } = await streamed(async (send) => {
    await send({ type: "sse.send", data: "once" });
  });
  assertEquals([reason, body], ["idle_timeout", "data: once\n\n"]);
  assertGreater(took, 190);
  assertLess(took, 10_000);
});

Deno.test("each event and each comment keeps an event stream", async () => {
  const { reason, body, took } = await streamed(async (send) => {
    for (let i = 0; i < 3; i++) {
      await delay(80);
      await send({ type: "sse.send", data: "" });
      await delay(80);
      await send({ type: "sse.comment", comment: "" });
    }
  });
  assertEquals(reason, "idle_timeout");
  assertEquals(body, "data: \n\n:\n\n".repeat(3));
  assertGreater(took, 660);
});

Deno.test("keepalive comments keep an event stream as long as they come", async () => {
  const { reason, took } = await streamed(async (send) => {
    await send({ type: "sse.keepalive", interval: 0.05 });
    await delay(500);
    await send({ type: "sse.keepalive", interval: 0 });
  });
  assertEquals(reason, "idle_timeout");
  assertGreater(took, 600);
});

Deno.test("an event stream that its client does not take ends", async () => {
  const { app, result } = streaming(async (send) => {
    const data = "x".repeat(100_000);
    // It waits from some moment on, until the stream has ended.
    for (let i = 0; i < 500; i++) await send({ type: "sse.send", data });
  });
  const settings = { sseIdleTimeout: 0.2, timeout: 0 };
  await withServer(app, settings, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /", "accept: text/event-stream");
    assertEquals(await result, "idle_timeout");
  });
});

/** Opens a WebSocket, lets the client `act`, and returns how it ended. */
async function webSocketVisit(
  begin: (send: Send) => Promise<void>,
  act: (socket: RawWebSocket) => Promise<void>,
): Promise<{ end: [number, string]; took: number }> {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await begin(send);
    return await receiveAll(receive);
  });
  let took = 0;
  await withServer(app, { wsIdleTimeout: 0.2 }, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    const began = performance.now();
    await act(socket);
    // The connection ends without a Close.
    for (let frame; (frame = await socket.frame()) !== null;) {
      assert(frame.opcode !== OPCODE.close);
    }
    took = performance.now() - began;
  });
  const { code, reason } = (await result).end;
  return { end: [code, reason], took };
}

const nothing = () => Promise.resolve();

Deno.test("a WebSocket on which nothing is received or sent ends: 1006, idle_timeout", async () => {
  const { end, took } = await webSocketVisit(nothing, nothing);
  assertEquals(end, [1006, "idle_timeout"]);
  assertGreater(took, 180);
  assertLess(took, 10_000);
});

Deno.test("messages and pings of the peer keep a WebSocket", async () => {
  const { end, took } = await webSocketVisit(nothing, async (socket) => {
    for (const opcode of [OPCODE.text, OPCODE.ping, OPCODE.ping, OPCODE.pong]) {
      await delay(120);
      await socket.send(opcode);
    }
  });
  assertEquals(end, [1006, "idle_timeout"]);
  assertGreater(took, 660);
});

Deno.test("messages and pings to the peer keep a WebSocket", async () => {
  const { end, took } = await webSocketVisit(async (send) => {
    await delay(120);
    await send({ type: "websocket.send", text: "hello" });
    await send({ type: "websocket.keepalive", interval: 0.1 });
    await delay(500);
    await send({ type: "websocket.keepalive", interval: 0 });
  }, nothing);
  assertEquals(end, [1006, "idle_timeout"]);
  assertGreater(took, 700);
});

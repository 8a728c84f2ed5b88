/**
 * Pings that the server sends, and peers that do not answer them.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import type { Send, SendEvent } from "../../src/pagi/types.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { delay } from "../helpers/wait.ts";
import { observed, receiveAll } from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

const { ping, pong } = OPCODE;

/** Accepts, has `begin` send what it wants, and receives to the end. */
function keptAlive(begin: (send: Send) => Promise<void>) {
  return observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await begin(send);
    return await receiveAll(receive);
  });
}

/** Reads frames for `ms`; returns how many pings came, and what else. */
async function pingsWithin(
  socket: RawWebSocket,
  ms: number,
  answer: boolean,
): Promise<number> {
  let pings = 0;
  const timer = setTimeout(() => socket.connection.close(), ms);
  while (true) {
    const frame = await socket.frame();
    if (frame === null) break;
    assertEquals(frame, { opcode: ping, fin: true, payload: "" });
    pings++;
    if (answer) await socket.send(pong);
  }
  clearTimeout(timer);
  return pings;
}

Deno.test("pings come at the interval, and a peer that answers stays", async () => {
  let began = 0;
  const { app, result } = keptAlive((send) => {
    began = performance.now();
    return send({ type: "websocket.keepalive", interval: 0.04, timeout: 1 });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    // For longer than the timeout.
    for (let i = 1; i <= 30; i++) {
      assertEquals((await socket.frame())?.opcode, ping);
      const late = performance.now() - began - i * 40;
      assert(late > -15 && late < 10_000, `ping ${i} came ${late} ms late`);
      await socket.send(pong);
    }
    await socket.text("still here");
    await socket.close(1000);
    const { messages, end } = await result;
    assertEquals([messages, end.code], [["still here"], 1000]);
  });
});

Deno.test("a peer that does not answer in time ends with 1006 and keepalive_timeout (PAGI.md 75)", async () => {
  const { app, result } = keptAlive((send) =>
    send({ type: "websocket.keepalive", interval: 0.03, timeout: 0.4 })
  );
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    const began = performance.now();
    // It goes on being pinged while the answer is awaited; no Close comes.
    const pings = await pingsWithin(socket, 10_000, false);
    const lasted = performance.now() - began;
    assert(pings >= 2, `${pings} pings`);
    assert(lasted > 390 && lasted < 10_000, `it lasted ${lasted} ms`);
    const { end } = await result;
    assertEquals([end.code, end.reason], [1006, "keepalive_timeout"]);
  });
});

Deno.test("a message counts as an answer", async () => {
  const { app, result } = keptAlive((send) =>
    send({ type: "websocket.keepalive", interval: 0.04, timeout: 1 })
  );
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    // For longer than the timeout.
    for (let i = 1; i <= 30; i++) {
      assertEquals((await socket.frame())?.opcode, ping);
      await socket.text("busy");
    }
    await socket.close(1000);
    assertEquals((await result).end.code, 1000);
  });
});

Deno.test("without a timeout a missing pong is tolerated", async () => {
  const { app, result } = keptAlive((send) =>
    send({ type: "websocket.keepalive", interval: 0.02 })
  );
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    for (let i = 0; i < 8; i++) {
      assertEquals((await socket.frame())?.opcode, ping);
    }
    await socket.close(1000);
    assertEquals((await result).end.code, 1000);
  });
});

Deno.test("interval 0 stops the pings", async () => {
  const { app } = keptAlive(async (send) => {
    await send({ type: "websocket.keepalive", interval: 0.01, timeout: 0.01 });
    await send({ type: "websocket.keepalive", interval: 0 });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals(await pingsWithin(socket, 80, false), 0);
  });
});

Deno.test("interval 0 stops the wait for a pong too", async () => {
  const pinged = Promise.withResolvers<void>();
  const { app, result } = keptAlive(async (send) => {
    await send({ type: "websocket.keepalive", interval: 0.01, timeout: 0.5 });
    await pinged.promise;
    await send({ type: "websocket.keepalive", interval: 0 });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals((await socket.frame())?.opcode, ping);
    pinged.resolve();
    await delay(700);
    await socket.close(1000);
    assertEquals((await result).end.code, 1000);
  });
});

Deno.test("the latest settings win", async () => {
  const { app } = keptAlive(async (send) => {
    await send({ type: "websocket.keepalive", interval: 0.01, timeout: 0.01 });
    await send({ type: "websocket.keepalive", interval: 1e9 });
    await send({ type: "websocket.keepalive", interval: 0.05, timeout: 1e9 });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    const pings = await pingsWithin(socket, 190, false);
    assert(pings >= 1 && pings < 10, `${pings} pings`);
  });
});

Deno.test("without websocket.keepalive nothing is pinged", async () => {
  const { app } = keptAlive(() => Promise.resolve());
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals(await pingsWithin(socket, 50, false), 0);
  });
});

Deno.test("a peer that is gone is noticed although it takes nothing more", async () => {
  const sent = Promise.withResolvers<void>();
  const { app, result } = keptAlive(async (send) => {
    await send({ type: "websocket.keepalive", interval: 0.05, timeout: 0.1 });
    const bytes = new Uint8Array(1 << 20);
    for (let i = 0; i < 64; i++) await send({ type: "websocket.send", bytes });
    sent.resolve();
  });
  await withServer(app, {}, async ({ connect }) => {
    // It never reads: the pings wait behind what is in the buffers.
    await RawWebSocket.open(await connect());
    await sent.promise;
    const { end } = await result;
    assertEquals([end.code, end.reason], [1006, "keepalive_timeout"]);
  });
});

Deno.test("pings do not pile up behind messages that a peer does not take", async () => {
  const paused = Promise.withResolvers<void>();
  const { app } = keptAlive(async (send) => {
    const bytes = new Uint8Array(1 << 20);
    setTimeout(paused.resolve, 200);
    await send({ type: "websocket.keepalive", interval: 0.005 });
    for (let i = 0; i < 16; i++) await send({ type: "websocket.send", bytes });
    await send({ type: "websocket.keepalive", interval: 0 });
    await send({ type: "websocket.send", text: "end" });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await paused.promise;
    let inRow = 0;
    let frame = await socket.frame();
    while (frame !== null && frame.opcode !== OPCODE.text) {
      inRow = frame.opcode === ping ? inRow + 1 : 0;
      assert(inRow < 10, "many pings in a row");
      frame = await socket.frame();
    }
    assertEquals(frame?.payload, "end");
  });
});

Deno.test("wrong settings reject and change nothing", async () => {
  const { app } = keptAlive(async (send) => {
    await send({ type: "websocket.keepalive", interval: 0.02 });
    const bad = (event: Record<string, unknown>) =>
      assertRejects(
        () => send({ type: "websocket.keepalive", ...event } as SendEvent),
        TypeError,
        "websocket.keepalive",
      );
    await bad({});
    await bad({ interval: -1 });
    await bad({ interval: "1" });
    await bad({ interval: NaN });
    await bad({ interval: Infinity });
    await bad({ interval: 0, timeout: -1 });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals((await socket.frame())?.opcode, ping);
    await socket.close(1000);
  });
});

/**
 * Messages of a WebSocket, both ways.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import type { PagiApp, ReceiveEvent, SendEvent } from "../../src/pagi/types.ts";
import { frameBytes, OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { delay } from "../helpers/wait.ts";
import {
  listening,
  observed,
  receiveAll,
  webSocketApp,
} from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

const { text, binary, continuation, ping, pong } = OPCODE;

/** Sends each message back. */
const echo = webSocketApp(async (_scope, receive, send) => {
  await receive();
  await send({ type: "websocket.accept" });
  while (true) {
    const event = await receive();
    if (event.type !== "websocket.receive") return;
    const { text, bytes } = event;
    await send({ type: "websocket.send", text, bytes });
  }
});

Deno.test("text arrives as a string, binary as bytes (PAGI.md 67)", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    const events: ReceiveEvent[] = [];
    for (let i = 0; i < 5; i++) events.push(await receive());
    return events;
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.text("é😀\0");
    await socket.text("");
    await socket.send(binary, new Uint8Array([0, 255, 128]));
    await socket.send(binary);
    assertEquals<unknown>(await result, [
      { type: "websocket.connect" },
      { type: "websocket.receive", text: "é😀\0" },
      { type: "websocket.receive", text: "" },
      { type: "websocket.receive", bytes: new Uint8Array([0, 255, 128]) },
      { type: "websocket.receive", bytes: new Uint8Array() },
    ]);
  });
});

Deno.test("messages go back as they came, of every length of frame", async () => {
  const settings = { maxWsFrameSize: 1_000_000 };
  await withServer(echo, settings, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    for (const length of [0, 1, 125, 126, 65535, 65536, 300_000]) {
      const payload = "x".repeat(length);
      await socket.text(payload);
      assertEquals(await socket.frame(), {
        opcode: text,
        fin: true,
        payload,
      });
      await socket.send(binary, new Uint8Array(length));
      const frame = await socket.frame();
      assertEquals(frame?.opcode, binary);
      assertEquals(frame?.payload.length, length);
    }
  });
});

Deno.test("fragments become one message, with control frames among them", async () => {
  await withServer(echo, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.send(text, new Uint8Array([0xc3]), { fin: false });
    await socket.send(ping, "between");
    await socket.send(continuation, new Uint8Array([0xa9]), { fin: false });
    await socket.send(continuation, "", { fin: false });
    await socket.send(continuation, "!");
    const answer = await socket.frame();
    assertEquals([answer?.opcode, answer?.payload], [pong, "between"]);
    assertEquals(await socket.message(), "\xc3\xa9!");
  });
});

Deno.test("a ping is answered with its payload, and the app sees neither ping nor pong", async () => {
  const { app, result } = listening();
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    for (const payload of ["", "x".repeat(125)]) {
      await socket.send(ping, payload);
      assertEquals(await socket.frame(), { opcode: pong, fin: true, payload });
    }
    await socket.send(pong, "unasked");
    await socket.close(1000);
    assertEquals((await result).messages, []);
  });
});

Deno.test("websocket.send takes exactly one payload (PAGI.md 68)", async () => {
  const app = webSocketApp(async (_scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    const bad = (event: Record<string, unknown>) =>
      assertRejects(
        () => send({ type: "websocket.send", ...event } as SendEvent),
        TypeError,
        "websocket.send",
      );
    await bad({});
    await bad({ text: "a", bytes: new Uint8Array() });
    await bad({ text: null, bytes: null });
    await bad({ text: 7 });
    await bad({ bytes: "a" });
    await send({ type: "websocket.send", text: "", bytes: undefined });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals(await socket.message(), "");
  });
});

Deno.test("events foreign to the scope reject (PAGI.md 3)", async () => {
  const app = webSocketApp(async (_scope, _receive, send) => {
    const bad = (event: unknown) =>
      assertRejects(() => send(event as SendEvent), TypeError);
    for (let i = 0; i < 2; i++) {
      await bad({ type: "http.response.start", status: 200 });
      await bad({ type: "sse.start" });
      await bad({ type: "websocket.nonsense" });
      await bad({ text: "a" });
      await bad(null);
      await send({ type: "websocket.accept", more: "ignored" } as SendEvent);
    }
    await send({ type: "websocket.send", text: "still open" });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals(await socket.message(), "still open");
  });
});

Deno.test("the app may use its buffer again once send has resolved", async () => {
  const app = webSocketApp(async (_scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    const bytes = new TextEncoder().encode("one");
    await send({ type: "websocket.send", bytes });
    bytes.fill(0);
    await send({ type: "websocket.send", bytes: bytes.subarray(1, 2) });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals((await socket.frame())?.payload, "one");
    assertEquals((await socket.frame())?.payload, "\0");
  });
});

Deno.test("1,000 messages wait for an app that is slow to receive, in order", async () => {
  const start = Promise.withResolvers<void>();
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await start.promise;
    return await receiveAll(receive);
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    for (let i = 0; i < 1000; i++) await socket.text(String(i));
    // The pong tells that all before it has come.
    await socket.send(ping);
    assertEquals((await socket.frame())?.opcode, pong);
    await socket.close(1000);
    assertEquals(await socket.closed(), { code: 1000, reason: "" });
    start.resolve();
    const { messages, end } = await result;
    assertEquals(messages, Array.from({ length: 1000 }, (_, i) => String(i)));
    assertEquals(end.code, 1000);
  });
});

Deno.test("one message more than the queue takes closes with 1008 and queue_overflow (PAGI.md 71)", async () => {
  const start = Promise.withResolvers<void>();
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await start.promise;
    return await receiveAll(receive);
  });
  const settings = { maxReceiveQueue: 3 };
  await withServer(app, settings, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    for (const name of ["a", "b", "c"]) await socket.text(name);
    await socket.send(ping);
    assertEquals((await socket.frame())?.opcode, pong);
    await socket.text("d");
    assertEquals(await socket.closed(), {
      code: 1008,
      reason: "queue overflow",
    });
    await socket.close(1008);
    start.resolve();
    const { messages, end } = await result;
    assertEquals(messages, ["a", "b", "c"]);
    assertEquals([end.code, end.reason], [1008, "queue_overflow"]);
  });
});

Deno.test("a flood over the queue still gets its 1008 (PAGI.md 71)", async () => {
  const start = Promise.withResolvers<void>();
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await start.promise;
    return await receiveAll(receive);
  });
  const settings = { maxReceiveQueue: 10 };
  await withServer(app, settings, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    for (let i = 0; i < 200; i++) await socket.text("x".repeat(1000));
    assertEquals((await socket.closed())?.code, 1008);
    start.resolve();
    const { messages, end } = await result;
    assertEquals(messages.length, 10);
    assertEquals([end.code, end.reason], [1008, "queue_overflow"]);
  });
});

/** `count` messages, each its number, for one write. */
function burst(count: number): Uint8Array {
  return new Uint8Array(
    names(count).flatMap((name) => [...frameBytes(text, name)]),
  );
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}

Deno.test("a burst of more messages than the queue takes reaches an app that reads as fast as it can", async () => {
  // The second has to wait for the system between any two messages.
  for (const work of [null, () => Deno.stat(".")]) {
    const { app, result } = observed(async (_scope, receive, send) => {
      await send({ type: "websocket.accept" });
      return await receiveAll(async () => {
        await work?.();
        return await receive();
      });
    });
    await withServer(app, { maxReceiveQueue: 20 }, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      await socket.connection.send(burst(2000));
      await socket.close(1000);
      assertEquals((await socket.closed())?.code, 1000);
      const { messages, end } = await result;
      assertEquals(messages, names(2000));
      assertEquals(end.code, 1000);
    });
  }
});

Deno.test("an app that needs 100 ms for a message loses none of a burst", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    return await receiveAll(async () => {
      await delay(100);
      return await receive();
    });
  });
  await withServer(app, { maxReceiveQueue: 2 }, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.connection.send(burst(6));
    await socket.close(1000);
    assertEquals((await socket.closed())?.code, 1000);
    assertEquals((await result).messages, names(6));
  });
});

Deno.test("a burst comes back from an app that echoes it, whatever the queue takes", async () => {
  for (const maxReceiveQueue of [1, 2, 1000]) {
    await withServer(echo, { maxReceiveQueue }, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      await socket.connection.send(burst(3000));
      for (const name of names(3000)) {
        assertEquals(await socket.message(), name);
      }
    });
  }
});

Deno.test("an app that accepts with backpressure has the peer wait, and loses nothing", async () => {
  const start = Promise.withResolvers<void>();
  const accepting = (backpressure: 0 | 1) =>
    observed(async (_scope, receive, send) => {
      await send({ type: "websocket.accept", backpressure });
      await start.promise;
      return await receiveAll(receive);
    });
  const patient = accepting(1), impatient = accepting(0);
  const app: PagiApp = (scope, receive, send) => {
    const isPatient = "path" in scope && scope.path === "/patient";
    return (isPatient ? patient : impatient).app(scope, receive, send);
  };
  await withServer(app, { maxReceiveQueue: 10 }, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect(), "/patient");
    await socket.connection.send(burst(500));
    // One that came later and is not patient is given up before.
    const other = await RawWebSocket.open(await connect());
    await other.connection.send(burst(500));
    assertEquals((await other.closed())?.code, 1008);
    await other.close(1008);
    start.resolve();
    await socket.close(1000);
    assertEquals((await socket.closed())?.code, 1000);
    const { messages, end } = await patient.result;
    assertEquals(messages, names(500));
    assertEquals(end.code, 1000);
  });
});

Deno.test("a stop ends a WebSocket whose queue is full", async () => {
  const stopping = Promise.withResolvers<void>();
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept", backpressure: 1 });
    await stopping.promise;
    return await receiveAll(receive);
  });
  await withServer(app, { maxReceiveQueue: 3 }, async ({ connect, server }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.connection.send(burst(100));
    await delay(100);
    const stopped = server.stop();
    assertEquals((await socket.closed())?.code, 1001);
    await socket.close(1001);
    stopping.resolve();
    await stopped;
    const { messages, end } = await result;
    assertEquals(messages, names(4));
    assertEquals(end.reason, "server_shutdown");
  });
});

Deno.test("a message over the limit closes with 1009; bytes of UTF-8 count (PAGI.md 72)", async () => {
  const settings = { maxWsFrameSize: 6 };
  const tooLong: [number, string | Uint8Array][] = [
    [text, "1234567"],
    [text, "éééé"],
    [text, "😀😀"],
    [binary, new Uint8Array(7)],
  ];
  for (const [opcode, payload] of tooLong) {
    const { app, result } = listening();
    await withServer(app, settings, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      await socket.text("ééé");
      await socket.send(binary, new Uint8Array(6));
      await socket.send(opcode, payload);
      assertEquals(await socket.closed(), { code: 1009, reason: "" });
      await socket.close(1009);
      const { messages, end } = await result;
      assertEquals(messages.length, 2);
      assertEquals([end.code, end.reason], [1009, "protocol_error"]);
    });
  }
});

Deno.test("the limit counts whole messages: small fragments add up (PAGI.md 72)", async () => {
  const { app, result } = listening();
  await withServer(app, { maxWsFrameSize: 6 }, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.send(text, "1234", { fin: false });
    await socket.send(continuation, "5678");
    assertEquals((await socket.closed())?.code, 1009);
    // The app does not wait for the peer to answer.
    const began = performance.now();
    assertEquals((await result).end.code, 1009);
    assert(performance.now() - began < 10_000);
  });
});

Deno.test("500 WebSockets at a time each get what is theirs", async () => {
  await withServer(echo, {}, async ({ url, server }) => {
    const answers = await Promise.all(
      Array.from(
        { length: 500 },
        (_, i) =>
          new Promise<unknown>((resolve, reject) => {
            const socket = new WebSocket(url.replace("http", "ws"));
            socket.onopen = () => socket.send(String(i));
            socket.onerror = reject;
            socket.onmessage = ({ data }) => {
              socket.onclose = () => resolve(data);
              socket.close(1000);
            };
          }),
      ),
    );
    assertEquals(answers, Array.from({ length: 500 }, (_, i) => String(i)));
    assert(server.serving);
  });
});

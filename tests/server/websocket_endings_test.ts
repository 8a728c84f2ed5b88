/**
 * How WebSockets end: on the wire, and for the app (PAGI.md 3.4).
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import type { SendEvent } from "../../src/pagi/types.ts";
import { linesOf } from "../helpers/http_app.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import {
  listening,
  observed,
  receiveAll,
  webSocketApp,
} from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

Deno.test("a peer's Close reports its own code and text, and is echoed once (PAGI.md 73)", async () => {
  // 1014 is missing: the engine takes it for a violation of the protocol.
  const codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012];
  for (const code of [...codes, 1013, 3000, 4999]) {
    const { app, result } = listening();
    await withServer(app, {}, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      await socket.close(code, "bye 😀");
      assertEquals((await socket.closed())?.code, code);
      assertEquals(await socket.frame(), null);
      assertEquals((await result).end, {
        type: "websocket.disconnect",
        code,
        reason: "bye 😀",
      });
    });
  }
});

Deno.test("an empty Close reports 1005, and is answered by an empty one (PAGI.md 73)", async () => {
  const { app, result } = listening();
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.close();
    assertEquals(await socket.closed(), { code: null, reason: "" });
    assertEquals(await socket.frame(), null);
    const { code, reason } = (await result).end;
    assertEquals([code, reason], [1005, ""]);
  });
});

Deno.test("the app's Close goes out once, and the peer's answer is the disconnect", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.close", code: 4001, reason: "go" });
    await send({ type: "websocket.close", code: 4002 });
    await send({ type: "websocket.send", text: "late" });
    await send({ type: "websocket.keepalive", interval: 0.001 });
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.http.response.start", status: 200 });
    await send({ type: "websocket.http.response.body" });
    return (await receiveAll(receive)).end;
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals(await socket.closed(), { code: 4001, reason: "go" });
    await socket.close(4003, "gone");
    assertEquals(await socket.frame(), null);
    const { code, reason } = await result;
    assertEquals([code, reason], [4003, "gone"]);
  });
});

Deno.test("messages that come after the app's Close are dropped, and do not hide the peer's answer", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.close" });
    return await receiveAll(receive);
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    for (let i = 0; i < 100; i++) await socket.text("on its way");
    assertEquals(await socket.closed(), { code: 1000, reason: "" });
    await socket.close(1000, "bye");
    const { messages, end } = await result;
    assertEquals(messages, []);
    assertEquals([end.code, end.reason], [1000, "bye"]);
  });
});

Deno.test("every code and reason that may be sent is, all others reject", async () => {
  const long = "é".repeat(61) + "x";
  const app = webSocketApp(async (scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    const bad = (event: Record<string, unknown>) =>
      assertRejects(
        () => send({ type: "websocket.close", ...event } as SendEvent),
        TypeError,
        "websocket.close",
      );
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000]) {
      await bad({ code });
    }
    await bad({ code: 1000.5 });
    await bad({ code: "1000" });
    await bad({ reason: long + "x" });
    await bad({ reason: 7 });
    const code = Number(scope.path.slice(1));
    await send({ type: "websocket.close", code, reason: long });
  });
  await withServer(app, {}, async ({ connect }) => {
    for (const code of [1000, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999]) {
      const socket = await RawWebSocket.open(await connect(), `/${code}`);
      const closed = await socket.closed();
      assertEquals(closed?.code, code);
      assertEquals(closed?.reason.length, 123);
    }
  });
});

Deno.test("an app that returns while the WebSocket is open closes it with 1000", async () => {
  const app = webSocketApp((_scope, _receive, send) =>
    send({ type: "websocket.accept" })
  );
  const log = await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals(await socket.closed(), { code: 1000, reason: "" });
    await socket.close(1000);
    assertEquals(await socket.frame(), null);
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("an app that throws while the WebSocket is open closes it with 1011 and a log entry", async () => {
  const app = webSocketApp(async (_scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    throw new Error("app broke");
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect(), "/chat");
    assertEquals(await socket.closed(), { code: 1011, reason: "" });
    await socket.close(1011);
    assertEquals(await socket.frame(), null);
  });
  const [error, ...more] = linesOf("error", log);
  assert(error.includes("GET /chat") && error.includes("app broke"), error);
  assertEquals(more, []);
});

Deno.test("a peer that ends the stream without a Close reports 1006 and client_closed (PAGI.md 74)", async () => {
  const { app, result } = listening();
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.text("last words");
    await socket.connection.connection.closeWrite();
    assertEquals(await socket.frame(), null);
    const { messages, end } = await result;
    assertEquals(messages, ["last words"]);
    assertEquals([end.code, end.reason], [1006, "client_closed"]);
  });
});

Deno.test("a peer that resets the connection reports 1006 and client_closed (PAGI.md 74)", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.send", text: "unread" });
    return (await receiveAll(receive)).end;
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    // Closing with unread bytes resets; the first is read to know they came.
    assertEquals((await socket.connection.read(1))?.length, 1);
    socket.connection.close();
    const { code, reason } = await result;
    assertEquals([code, reason], [1006, "client_closed"]);
  });
});

Deno.test("the disconnect comes again and again, to every receive that waits; sends do nothing (PAGI.md 7)", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await receive();
    const waiting = [receive(), receive()];
    const ends = [...await Promise.all(waiting), await receive()];
    await send({ type: "websocket.send", text: "nobody" });
    await send({ type: "websocket.close" });
    await send({ type: "websocket.keepalive", interval: 1 });
    await send({ type: "websocket.accept" });
    return ends;
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.close(3000, "x");
    const end = { type: "websocket.disconnect", code: 3000, reason: "x" };
    assertEquals<unknown[]>(await result, [end, end, end]);
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("an app that throws after the peer has left makes no error log", async () => {
  const { app } = listening();
  const throwing = webSocketApp(async (...args) => {
    await app(...args);
    throw new Error("too late to matter");
  });
  const log = await withServer(throwing, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.close(1000);
    assertEquals(await socket.frame(), {
      opcode: OPCODE.close,
      fin: true,
      payload: "\x03\xe8",
    });
    assertEquals(await socket.frame(), null);
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("a peer that never answers the app's Close is dropped after a while", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.close", code: 3000 });
    return (await receiveAll(receive)).end;
  });
  const { setTimeout } = globalThis;
  // The wait is ten seconds; here they pass quickly.
  globalThis.setTimeout =
    ((callback: () => void, ms: number) =>
      setTimeout(callback, ms / 100)) as typeof setTimeout;
  try {
    await withServer(app, {}, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      assertEquals((await socket.closed())?.code, 3000);
      assertEquals(await socket.frame(), null);
      const { code, reason } = await result;
      assertEquals([code, reason], [1006, "client_closed"]);
    });
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

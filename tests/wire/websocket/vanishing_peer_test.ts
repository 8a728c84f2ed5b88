/**
 * Peers that go without a word, and what the app may still do.
 *
 * @module
 */

import { assert, assertEquals } from "../../../src/std/assert.ts";
import {
  frameBytes,
  OPCODE,
  RawWebSocket,
  UPGRADE,
} from "../../helpers/raw_websocket.ts";
import { linesOf } from "../../helpers/http_app.ts";
import {
  type Disconnect,
  listening,
  observed,
  receiveAll,
} from "../../helpers/websocket_app.ts";
import { withServer } from "../../helpers/with_server.ts";
import { close, MORE, more, text } from "./frame_rows.ts";

/** Ways to go: the stream ends, or the connection is reset. */
type Leave = (socket: RawWebSocket) => void | Promise<void>;

const endsStream: Leave = ({ connection }) =>
  connection.connection.closeWrite();

/** More than the peer reads at a time: closing with unread bytes resets. */
const UNREAD = new Uint8Array(300_000);

const resets: Leave = async ({ connection }) => {
  await connection.read(1);
  connection.close();
};

const LEAVES: Record<string, Leave> = {
  "ends the stream": endsStream,
  "resets the connection": resets,
};

/** What the peer had sent before, and what the app is told of it. */
const MOMENTS: Record<
  string,
  { sends: Uint8Array[]; told: string[] }
> = {
  "before any frame": { sends: [], told: [] },
  "after a message": { sends: [text("last words")], told: ["last words"] },
  "in the middle of a frame's head": {
    sends: [text("a"), text("cut").subarray(0, 1)],
    told: ["a"],
  },
  "in the middle of a length": {
    sends: [text("x".repeat(300)).subarray(0, 3)],
    told: [],
  },
  "in the middle of a mask": { sends: [text("cut").subarray(0, 4)], told: [] },
  "in the middle of a payload": {
    sends: [text("cut short").subarray(0, 9)],
    told: [],
  },
  "between fragments": { sends: [text("a", MORE), more("b", MORE)], told: [] },
  "in the middle of its Close": {
    sends: [text("a"), close(1000, "why").subarray(0, 7)],
    told: ["a"],
  },
};

for (const [how, leave] of Object.entries(LEAVES)) {
  for (const [when, { sends, told }] of Object.entries(MOMENTS)) {
    Deno.test(`a peer that ${how} ${when} is told as 1006, client_closed (RFC 6455, 7.1.5; PAGI.md 74)`, async () => {
      const { app, result } = observed(async (_scope, receive, send) => {
        await send({ type: "websocket.accept" });
        void send({ type: "websocket.send", bytes: UNREAD });
        return await receiveAll(receive);
      });
      const log = await withServer(app, {}, async ({ connect }) => {
        const socket = await RawWebSocket.open(await connect());
        for (const bytes of sends) await socket.connection.send(bytes);
        await leave(socket);
        const { messages, end } = await result;
        // A reset may overtake them.
        if (leave === endsStream) assertEquals(messages, told);
        assertEquals([end.code, end.reason], [1006, "client_closed"]);
      });
      assertEquals(linesOf("error", log), []);
    });
  }
}

for (const [how, leave] of Object.entries(LEAVES)) {
  Deno.test(`an app that only sends notices a peer that ${how}: its sends resolve and do nothing (RFC 6455, 7.1.5; PAGI.md 7)`, async () => {
    const { app, result } = observed(async (_scope, receive, send) => {
      await send({ type: "websocket.accept" });
      let end: Disconnect | null = null;
      const all = receiveAll(receive).then((seen) => (end = seen.end));
      for (let i = 0; end === null; i++) {
        await send({ type: "websocket.send", text: `${i}` });
        if (i % 100 === 0) await new Promise((go) => setTimeout(go, 1));
      }
      await send({ type: "websocket.send", text: "nobody" });
      await send({ type: "websocket.close", code: 1011 });
      return await all;
    });
    const log = await withServer(app, {}, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      assertEquals(await socket.message(), "0");
      await leave(socket);
      const { code, reason } = await result;
      assertEquals(code, 1006);
      assert(["client_closed", "write_error"].includes(reason), reason);
    });
    assertEquals(linesOf("error", log), []);
  });
}

Deno.test("a peer that leaves with its request still unanswered is told once, whether frames came or not (RFC 6455, 4.2; PAGI.md 74)", async () => {
  for (const early of [new Uint8Array(), frameBytes(OPCODE.text, "early")]) {
    const asked = Promise.withResolvers<void>();
    const { app, result } = observed(async (_scope, receive, send) => {
      await receive();
      asked.resolve();
      const next = await receive();
      await send({ type: "websocket.accept" });
      return next;
    });
    await withServer(app, {}, async ({ connect }) => {
      const connection = await connect();
      await connection.request("GET /", ...UPGRADE);
      await asked.promise;
      await connection.send(early);
      connection.close();
      assertEquals(await result, {
        type: "websocket.disconnect",
        code: 1006,
        reason: "client_closed",
      });
    });
  }
});

Deno.test("a peer that leaves without answering the app's Close is told as 1005, like an empty answer (RFC 6455, 7.1.5)", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.close", code: 3000 });
    return (await receiveAll(receive)).end;
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals((await socket.closed())?.code, 3000);
    await socket.connection.connection.closeWrite();
    assertEquals(await socket.frame(), null);
    const { code, reason } = await result;
    assertEquals([code, reason], [1005, ""]);
  });
});

Deno.test("both sides may close at once: each Close is an answer (RFC 6455, 7.1.2; PAGI.md 73)", async () => {
  const sent = Promise.withResolvers<void>();
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await sent.promise;
    await send({ type: "websocket.close", code: 3000 });
    return (await receiveAll(receive)).end;
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    const closing = socket.close(3001, "mine");
    sent.resolve();
    await closing;
    const closed = await socket.closed();
    assert(closed?.code === 3000 || closed?.code === 3001);
    assertEquals(await socket.frame(), null);
    const { code, reason } = await result;
    assertEquals([code, reason], [3001, "mine"]);
  });
});

Deno.test("hundreds of peers that vanish leave the server as it was (RFC 6455, 7.1.5; PAGI.md 74)", async () => {
  const { app } = listening();
  await withServer(app, {}, async ({ connect, server }) => {
    await Promise.all(Array.from({ length: 200 }, async (_, i) => {
      const socket = await RawWebSocket.open(await connect());
      await socket.connection.send(text("x".repeat(i)).subarray(0, i));
      socket.connection.close();
    }));
    const socket = await RawWebSocket.open(await connect());
    await socket.close(1000);
    assertEquals((await socket.closed())?.code, 1000);
    assert(server.serving);
  });
});

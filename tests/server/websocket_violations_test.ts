/**
 * What becomes of a peer that breaks RFC 6455, and of its app.
 *
 * @module
 */

import { assertEquals } from "../../src/std/assert.ts";
import { frameBytes, OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { listening } from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

type Act = (socket: RawWebSocket) => Promise<void>;
type Closed = Awaited<ReturnType<RawWebSocket["closed"]>>;

/** What the app is told, and the Close on the wire: null where there is none. */
async function endOf(
  act: Act,
): Promise<[code: number, reason: string, Closed]> {
  const { app, result } = listening();
  let seen!: [number, string, Closed];
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await act(socket);
    const { end } = await result;
    seen = [end.code, end.reason, await socket.closed()];
  });
  return seen;
}

/** A head that announces a binary message of `length` bytes. */
function announcing(length: bigint): Uint8Array {
  const head = new Uint8Array(14);
  head.set([0x82, 0xff]);
  new DataView(head.buffer).setBigUint64(2, length);
  return head;
}

const { text, continuation, close, ping, pong } = OPCODE;
const LONG = "x".repeat(126);
const BAD_UTF8 = new Uint8Array([0xff]);

const VIOLATIONS: Record<string, Act> = {
  "reserved bit 1": (s) => s.send(text, "", { reserved: 4 }),
  "reserved bit 2": (s) => s.send(text, "", { reserved: 2 }),
  "reserved bit 3": (s) => s.send(text, "", { reserved: 1 }),
  "reserved opcode 3": (s) => s.send(0x3),
  "reserved opcode 7": (s) => s.send(0x7),
  "reserved opcode 11": (s) => s.send(0xB),
  "reserved opcode 15": (s) => s.send(0xF),
  "ping over 125 bytes": (s) => s.send(ping, LONG),
  "fragmented ping": (s) => s.send(ping, "", { fin: false }),
  "fragmented pong": (s) => s.send(pong, "", { fin: false }),
  "fragmented Close": (s) => s.send(close, "", { fin: false }),
  "continuation of nothing": (s) => s.send(continuation),
  "new message inside a fragmented one": async (s) => {
    await s.send(text, "a", { fin: false });
    await s.send(text, "b");
  },
  "Close payload of one byte": (s) => s.send(close, "x"),
};

for (const [name, act] of Object.entries(VIOLATIONS)) {
  Deno.test(`a ${name} ends with 1002, without a Close (PAGI.md 70)`, async () => {
    assertEquals(await endOf(act), [1002, "protocol_error", null]);
  });
}

const NOT_UTF8: Record<string, Act> = {
  "a text": (s) => s.send(text, BAD_UTF8),
  "a text, a lone surrogate,": (s) =>
    s.send(text, new Uint8Array([0xed, 0xa0, 0x80])),
  "a fragmented text": async (s) => {
    await s.send(text, new Uint8Array([0xc3]), { fin: false });
    await s.send(continuation, new Uint8Array([0x28]));
  },
  "a Close reason": (s) => s.close(1000, BAD_UTF8),
};

for (const [name, act] of Object.entries(NOT_UTF8)) {
  Deno.test(`invalid UTF-8 in ${name} ends with 1007, without a Close (PAGI.md 69)`, async () => {
    assertEquals(await endOf(act), [1007, "protocol_error", null]);
  });
}

for (const code of [0, 999, 1004, 1005, 1006, 1014, 1015, 2999, 5000, 65535]) {
  Deno.test(`a peer's Close ${code} ends with 1002 on both sides (PAGI.md 73)`, async () => {
    assertEquals(await endOf((socket) => socket.close(code, "r")), [
      1002,
      "protocol_error",
      { code: 1002, reason: "r" },
    ]);
  });
}

for (const code of [1012, 1013]) {
  Deno.test(`a peer's Close ${code} ends with 1002, though the engine echoes it (PAGI.md 73)`, async () => {
    assertEquals(await endOf((socket) => socket.close(code, "r")), [
      1002,
      "protocol_error",
      { code, reason: "r" },
    ]);
  });
}

Deno.test("a Close over 125 bytes ends with 1002, though the engine echoes it (PAGI.md 70)", async () => {
  const reason = "x".repeat(124);
  assertEquals(await endOf((socket) => socket.close(1000, reason)), [
    1002,
    "protocol_error",
    { code: 1000, reason },
  ]);
});

Deno.test("a message over 64 MiB ends with 1009 before it is sent (PAGI.md 72)", async () => {
  for (const length of [65n << 20n, 2n ** 63n]) {
    assertEquals(
      await endOf(({ connection }) => connection.send(announcing(length))),
      [1009, "protocol_error", null],
    );
  }
});

Deno.test("what the engine does not mind: a frame without a mask, a pong over 125 bytes, a cut character", async () => {
  const { app, result } = listening();
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.send(text, "no mask", { masked: false });
    await socket.send(pong, LONG);
    await socket.send(text, new Uint8Array([0x61, 0xc3]), { fin: false });
    await socket.send(continuation);
    await socket.close(1000);
    assertEquals((await result).messages, ["no mask", "a"]);
  });
});

Deno.test("a frame cut short by the end of the connection ends with 1006 and client_closed (PAGI.md 74)", async () => {
  assertEquals(
    await endOf(async ({ connection }) => {
      await connection.send(frameBytes(text, "hello").subarray(0, 8));
      await connection.connection.closeWrite();
    }),
    [1006, "client_closed", null],
  );
});

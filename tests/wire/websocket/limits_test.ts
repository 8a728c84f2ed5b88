/**
 * Messages at the limit and over it, and what the limit does not touch.
 *
 * @module
 */

import { assertEquals } from "../../../src/std/assert.ts";
import {
  frameBytes,
  OPCODE,
  RawWebSocket,
} from "../../helpers/raw_websocket.ts";
import { observed, receiveAll } from "../../helpers/websocket_app.ts";
import { withServer } from "../../helpers/with_server.ts";
import {
  binary,
  checkFrames,
  close,
  type FrameRow,
  MORE,
  more,
  ping,
  text,
  TOO_LARGE,
} from "./frame_rows.ts";

const SIX = { maxWsFrameSize: 6 };

const TAKEN: FrameRow[] = [
  {
    title: "a text and a binary message of six bytes",
    rfc: "10.4",
    sends: [text("ééé"), binary("sixsix")],
    told: ["ééé", new TextEncoder().encode("sixsix")],
  },
  {
    title: "six bytes in fragments",
    rfc: "10.4",
    sends: [text("ab", MORE), more("cd", MORE), more("ef")],
    told: ["abcdef"],
  },
  {
    title: "pings and Close, which are no messages,",
    rfc: "10.4",
    sends: [ping("x".repeat(125)), close(1000, "longer than six")],
    back: [`pong ${"x".repeat(125)}`, "close 1000 longer than six"],
    end: [1000, "longer than six"],
  },
];

for (const row of TAKEN) {
  Deno.test(`within a limit of six: ${row.title} pass (RFC 6455, ${row.rfc}; PAGI.md 72)`, () =>
    checkFrames(row, SIX));
}

const REFUSED: FrameRow[] = [
  { title: "ASCII", rfc: "10.4", sends: [text("sevenBy")] },
  { title: "two-byte characters", rfc: "10.4", sends: [text("éééé")] },
  { title: "a binary message", rfc: "10.4", sends: [binary("sevenBy")] },
  {
    title: "small fragments with a ping among them",
    rfc: "10.4",
    sends: [text("abc", MORE), ping("p"), more("def", MORE), more("g")],
    back: ["pong p"],
  },
  {
    title: "the second message",
    rfc: "10.4",
    sends: [text("good"), text("not good")],
    told: ["good"],
  },
];

for (const { back = [], ...row } of REFUSED) {
  Deno.test(`over a limit of six: ${row.title} ends with 1009 (RFC 6455, ${row.rfc}; PAGI.md 72)`, () =>
    checkFrames({
      ...row,
      sends: [...row.sends, text("late")],
      back: [...back, "close 1009"],
      end: TOO_LARGE,
    }, SIX));
}

for (const opcode of [OPCODE.text, OPCODE.binary]) {
  Deno.test(`65,537 bytes, opcode ${opcode}, are over the default limit (RFC 6455, 10.4; PAGI.md 72)`, () =>
    checkFrames({
      title: "over the default limit",
      rfc: "10.4",
      sends: [frameBytes(opcode, new Uint8Array(65_537))],
      back: ["close 1009"],
      end: TOO_LARGE,
    }));
}

for (const length of [64n << 20n, 1n << 32n, (1n << 63n) - 1n]) {
  Deno.test(`a frame that announces ${length} bytes ends with 1009 before they come (RFC 6455, 10.4; PAGI.md 72)`, () =>
    checkFrames({
      title: "announced only",
      rfc: "10.4",
      sends: [text("a"), binary("", { length })],
      told: ["a"],
      end: TOO_LARGE,
    }));
}

Deno.test("a frame that announces a little less is waited for, whatever the limit (RFC 6455, 10.4; PAGI.md 72, exception)", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    return await receiveAll(receive);
  });
  await withServer(app, SIX, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.send(OPCODE.binary, "", { length: (64n << 20n) - 1n });
    await socket.connection.connection.closeWrite();
    assertEquals(await socket.frame(), null);
    assertEquals((await result).end.reason, "client_closed");
  });
});

Deno.test("fragments over the limit are gathered until the last one comes (RFC 6455, 10.4; PAGI.md 72, exception)", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    return await receiveAll(receive);
  });
  await withServer(app, SIX, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.send(OPCODE.text, "x".repeat(60_000), MORE);
    for (let i = 0; i < 10; i++) {
      await socket.send(OPCODE.continuation, "x".repeat(60_000), MORE);
    }
    await socket.send(OPCODE.ping, "still here?");
    assertEquals((await socket.frame())?.opcode, OPCODE.pong);
    await socket.send(OPCODE.continuation);
    assertEquals(await socket.closed(), { code: 1009, reason: "" });
    await socket.close(1000);
    const { messages, end } = await result;
    assertEquals([messages, end.code], [[], 1009]);
  });
});

Deno.test("messages of every length leave in one frame each (RFC 6455, 5.4; PAGI.md 67)", async () => {
  const lengths = [0, 1, 125, 126, 127, 128, 65_535, 65_536, 1_000_000];
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    for (const length of lengths) {
      await send({ type: "websocket.send", text: "x".repeat(length) });
      await send({ type: "websocket.send", bytes: new Uint8Array(length) });
    }
    return await receiveAll(receive);
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    for (const length of lengths) {
      for (const [opcode, unit] of [[OPCODE.text, "x"], [2, "\0"]] as const) {
        const payload = unit.repeat(length);
        assertEquals(await socket.frame(), { opcode, fin: true, payload });
      }
    }
    await socket.close(1000);
    assertEquals((await result).end.code, 1000);
  });
});

Deno.test("texts leave as UTF-8, lone surrogates as U+FFFD (RFC 6455, 5.6; PAGI.md 67)", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.send", text: "é😀\0\ud800" });
    return await receiveAll(receive);
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals(
      await socket.message(),
      "\xc3\xa9\xf0\x9f\x98\x80\0\xef\xbf\xbd",
    );
    await socket.close(1000);
    await result;
  });
});

/**
 * How the peer and the app close, with every kind of code and reason.
 *
 * @module
 */

import { assertEquals, assertRejects } from "../../../src/std/assert.ts";
import { RawWebSocket } from "../../helpers/raw_websocket.ts";
import { webSocketApp } from "../../helpers/websocket_app.ts";
import { withServer } from "../../helpers/with_server.ts";
import {
  checkFrames,
  close,
  type FrameRow,
  hex,
  NOT_UTF8,
  ping,
  text,
  VIOLATION,
} from "./frame_rows.ts";
import { frameBytes, OPCODE } from "../../helpers/raw_websocket.ts";

/** 123 bytes of UTF-8, as many as a Close can carry. */
const LONGEST = "é".repeat(61) + "x";
const LONGEST_BYTES = "\xc3\xa9".repeat(61) + "x";

const CODES = [
  [0, 1, 999],
  Array.from({ length: 17 }, (_, i) => 1000 + i),
  [1100, 1999, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 65_535],
].flat();
const FROM_PEERS = new Set([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010])
  .union(new Set([1011, 1012, 1013, 3000, 3999, 4000, 4999]));
/** The engine takes a peer's 1014 for a violation (PAGI.md 9). */
const FROM_APPS = FROM_PEERS.union(new Set([1014]));

for (const code of CODES) {
  if (FROM_PEERS.has(code)) {
    Deno.test(`a peer's Close ${code} is echoed and told (RFC 6455, 7.4; PAGI.md 73)`, () =>
      checkFrames({
        title: `Close ${code}`,
        rfc: "7.4",
        sends: [text("a"), close(code, "why")],
        back: [`close ${code} why`],
        told: ["a"],
        end: [code, "why"],
      }));
  } else {
    Deno.test(`a peer's Close ${code} ends with 1002 on both sides (RFC 6455, 7.4; PAGI.md 73)`, () =>
      checkFrames({
        title: `Close ${code}`,
        rfc: "7.4",
        sends: [close(code, "why")],
        back: ["close 1002 why"],
        end: VIOLATION,
      }));
  }
}

const PEERS: FrameRow[] = [
  {
    title: "an empty Close is answered by an empty one, and told as 1005",
    rfc: "7.1.5",
    sends: [close()],
    back: ["close"],
    end: [1005, ""],
  },
  {
    title: "a Close without a reason is echoed without one",
    rfc: "5.5.1",
    sends: [close(1001)],
    back: ["close 1001"],
    end: [1001, ""],
  },
  {
    title: "a reason of 123 bytes is told and echoed whole",
    rfc: "5.5",
    sends: [close(1000, LONGEST)],
    back: [`close 1000 ${LONGEST_BYTES}`],
    end: [1000, LONGEST],
  },
  {
    title: "what follows a Close is not read: a text",
    rfc: "5.5.1",
    sends: [close(1000), text("late")],
    back: ["close 1000"],
    end: [1000, ""],
  },
  {
    title: "what follows a Close is not read: a ping",
    rfc: "5.5.1",
    sends: [close(1000), ping("late")],
    back: ["close 1000"],
    end: [1000, ""],
  },
  {
    title: "what follows a Close is not read: another Close",
    rfc: "5.5.1",
    sends: [close(1000, "first"), close(1001, "second")],
    back: ["close 1000 first"],
    end: [1000, "first"],
  },
  {
    title: "what follows a Close is not read: nonsense",
    rfc: "5.5.1",
    sends: [close(1000), hex("ff ff ff ff")],
    back: ["close 1000"],
    end: [1000, ""],
  },
];

for (const row of PEERS) {
  Deno.test(`${row.title} (RFC 6455, ${row.rfc}; PAGI.md 73)`, () =>
    checkFrames(row));
}

Deno.test("a Close with one byte ends with 1002 (RFC 6455, 5.5.1; PAGI.md 70)", () =>
  checkFrames({
    title: "one byte",
    rfc: "5.5.1",
    sends: [frameBytes(OPCODE.close, "x"), text("late")],
    end: VIOLATION,
  }));

for (const digits of ["ff", "61 c3", "ed a0 80", "f4 90 80 80"]) {
  Deno.test(`a Close whose reason is ${digits} ends with 1007 (RFC 6455, 5.5.1; PAGI.md 69)`, () =>
    checkFrames({
      title: digits,
      rfc: "5.5.1",
      sends: [close(1000, hex(digits))],
      end: NOT_UTF8,
    }));
}

Deno.test("the app may close with the codes of PAGI.md 3.4, the others reject and leave it open (RFC 6455, 7.4)", async () => {
  const app = webSocketApp(async (scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    const event = {
      type: "websocket.close" as const,
      code: Number(scope.path.slice(1)),
      reason: LONGEST,
    };
    if (FROM_APPS.has(event.code)) return await send(event);
    await assertRejects(() => send(event), TypeError, "websocket.close");
    await send({ type: "websocket.close", code: 4321, reason: LONGEST });
  });
  await withServer(app, {}, async ({ connect }) => {
    for (const code of CODES) {
      const socket = await RawWebSocket.open(await connect(), `/${code}`);
      assertEquals(await socket.closed(), {
        code: FROM_APPS.has(code) ? code : 4321,
        reason: LONGEST_BYTES,
      });
      await socket.close(1000);
      assertEquals(await socket.frame(), null);
    }
  });
});

Deno.test("a reason of 124 bytes rejects, and one of 123 then goes out (RFC 6455, 5.5)", async () => {
  const app = webSocketApp(async (_scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    for (const reason of [LONGEST + "x", "x".repeat(124), "😀".repeat(31)]) {
      await assertRejects(
        () => send({ type: "websocket.close", reason }),
        TypeError,
        "123 bytes",
      );
    }
    await send({ type: "websocket.close", reason: LONGEST });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    const closed = await socket.closed();
    assertEquals(closed, { code: 1000, reason: LONGEST_BYTES });
  });
});

/**
 * Pings and pongs.
 *
 * @module
 */

import {
  checkFrames,
  type FrameRow,
  hex,
  MORE,
  more,
  ping,
  pong,
  text,
  VIOLATION,
} from "./frame_rows.ts";
import { frameBytes, OPCODE } from "../../helpers/raw_websocket.ts";

const NOT_TEXT = "\x00\xff\xfe\xfd\xfc\xfb\x00\xff";

const TAKEN: FrameRow[] = [
  {
    title: "an empty ping gets an empty pong",
    rfc: "5.5.2",
    sends: [ping()],
    back: ["pong"],
  },
  {
    title: "a ping's text comes back",
    rfc: "5.5.3",
    sends: [ping("Hello, world!", { mask: [1, 2, 3, 4] })],
    back: ["pong Hello, world!"],
  },
  {
    title: "a ping's bytes need not be text",
    rfc: "5.5.3",
    sends: [ping(hex("00 ff fe fd fc fb 00 ff"))],
    back: [`pong ${NOT_TEXT}`],
  },
  {
    title: "a ping of 125 bytes comes back whole",
    rfc: "5.5",
    sends: [ping("x".repeat(125))],
    back: [`pong ${"x".repeat(125)}`],
  },
  {
    title: "ten pings in a row are answered in order",
    rfc: "5.5.3",
    sends: Array.from({ length: 10 }, (_, i) => ping(`${i}`)),
    back: Array.from({ length: 10 }, (_, i) => `pong ${i}`),
  },
  {
    title: "pongs that nobody asked for are ignored, of 0 to 125 bytes",
    rfc: "5.5.3",
    sends: [pong(), pong("unasked"), pong("x".repeat(125)), ping("asked")],
    back: ["pong asked"],
  },
  {
    title: "a pong in the middle of a message is ignored",
    rfc: "5.4",
    sends: [text("a", MORE), pong("unasked"), more("b")],
    told: ["ab"],
  },
  {
    title: "a ping between messages is answered",
    rfc: "5.5.2",
    sends: [text("a"), ping("p"), text("b")],
    back: ["pong p"],
    told: ["a", "b"],
  },
];

for (const row of TAKEN) {
  Deno.test(`${row.title} (RFC 6455, ${row.rfc}; PAGI.md 67)`, () =>
    checkFrames(row));
}

const REFUSED: FrameRow[] = [
  {
    title: "a ping of 126 bytes",
    rfc: "5.5",
    sends: [ping("x".repeat(126)), text("late")],
    end: VIOLATION,
  },
  {
    title: "a ping of 65,536 bytes",
    rfc: "5.5",
    sends: [ping("x".repeat(65_536))],
    end: VIOLATION,
  },
  {
    title: "a ping that announces more than comes",
    rfc: "5.5",
    sends: [ping("", { length: 1n << 40n })],
    end: VIOLATION,
  },
  ...[OPCODE.ping, OPCODE.pong, OPCODE.close].map((opcode) => ({
    title: `a fragment of a control frame, opcode ${opcode},`,
    rfc: "5.5",
    sends: [text("a"), frameBytes(opcode, "", MORE), more()],
    told: ["a"],
    end: VIOLATION,
  })),
];

for (const row of REFUSED) {
  Deno.test(`${row.title} ends with 1002 (RFC 6455, ${row.rfc}; PAGI.md 70)`, () =>
    checkFrames(row));
}

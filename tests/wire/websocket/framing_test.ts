/**
 * Single frames: lengths, masks, reserved bits and opcodes.
 *
 * @module
 */

import {
  binary,
  checkFrames,
  close,
  type FrameRow,
  ping,
  pong,
  text,
  TOO_LARGE,
  VIOLATION,
} from "./frame_rows.ts";
import { frameBytes, OPCODE } from "../../helpers/raw_websocket.ts";

const MASK = [0xff, 0x00, 0xa5, 0x3c];
/** Where the length takes more bytes, and the default limit of a message. */
const LENGTHS = [0, 1, 125, 126, 127, 128, 65535, 65536];

const TAKEN: FrameRow[] = LENGTHS.flatMap((length) => [
  {
    title: `a text of ${length} bytes`,
    rfc: "5.2",
    sends: [text("x".repeat(length), { mask: MASK })],
    told: ["x".repeat(length)],
  },
  {
    title: `a binary message of ${length} bytes`,
    rfc: "5.2",
    sends: [binary(new Uint8Array(length).fill(0xfe), { mask: MASK })],
    told: [new Uint8Array(length).fill(0xfe)],
  },
]);

for (const row of TAKEN) {
  Deno.test(`${row.title} is taken as it is (RFC 6455, ${row.rfc}; PAGI.md 67)`, () =>
    checkFrames(row));
}

const REFUSED: FrameRow[] = [
  ...[1, 2, 3, 4, 5, 6, 7].flatMap((reserved) =>
    [OPCODE.text, OPCODE.binary, OPCODE.ping, OPCODE.close].map((opcode) => ({
      title: `opcode ${opcode} with reserved bits ${reserved}`,
      rfc: "5.2",
      sends: [text("a"), frameBytes(opcode, "", { reserved }), text("b")],
      told: ["a"],
      end: VIOLATION,
    }))
  ),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) =>
    ["", "payload"].map((payload) => ({
      title: `reserved opcode ${opcode}, with payload "${payload}",`,
      rfc: "5.2",
      sends: [text("a"), frameBytes(opcode, payload), ping()],
      told: ["a"],
      end: VIOLATION,
    }))
  ),
];

for (const row of REFUSED) {
  Deno.test(`${row.title} ends with 1002 (RFC 6455, ${row.rfc}; PAGI.md 70)`, () =>
    checkFrames(row));
}

const LENIENT: FrameRow[] = [
  {
    title: "a text without a mask is taken",
    rfc: "5.1",
    sends: [text("bare", { masked: false })],
    told: ["bare"],
  },
  {
    title: "a ping without a mask is answered",
    rfc: "5.1",
    sends: [ping("bare", { masked: false })],
    back: ["pong bare"],
  },
  {
    title: "a length in two bytes where seven bits would do is taken",
    rfc: "5.2",
    sends: [text("long way", { lengthBytes: 2 })],
    told: ["long way"],
  },
  {
    title: "a length in eight bytes where two would do is taken",
    rfc: "5.2",
    sends: [text("longer way", { lengthBytes: 8 })],
    told: ["longer way"],
  },
  {
    title: "a ping whose length takes two bytes is answered",
    rfc: "5.5",
    sends: [ping("p", { lengthBytes: 2 })],
    back: ["pong p"],
  },
  {
    title: "a pong over 125 bytes is ignored",
    rfc: "5.5",
    sends: [pong("x".repeat(126)), text("on")],
    told: ["on"],
  },
  {
    title: "a length with its highest bit set ends with 1009, not 1002",
    rfc: "5.2",
    sends: [binary("", { length: 1n << 63n })],
    end: TOO_LARGE,
  },
  {
    title: "a Close over 125 bytes ends with 1002, though it is echoed",
    rfc: "5.5",
    sends: [close(1000, "x".repeat(124))],
    back: [`close 1000 ${"x".repeat(124)}`],
    end: VIOLATION,
  },
];

for (const row of LENIENT) {
  Deno.test(`${row.title} (RFC 6455, ${row.rfc}; PAGI.md 70, exception)`, () =>
    checkFrames(row));
}

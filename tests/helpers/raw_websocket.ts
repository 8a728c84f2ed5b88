/**
 * A WebSocket client that sends exactly the frames it is told to.
 *
 * @module
 */

import { assert, assertEquals } from "../../src/std/assert.ts";
import type { RawConnection } from "./raw_connection.ts";

/** The opcodes of RFC 6455, section 5.2. */
export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xA,
} as const;

/** A frame as the server sent it. */
export interface Frame {
  readonly opcode: number;
  readonly fin: boolean;
  /** One code unit per byte. */
  readonly payload: string;
}

/** What a frame to the server may have that a good one has not. */
export interface FrameFlaws {
  /** True for the last fragment of a message; the default. */
  fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  reserved?: number;
  /** False leaves out the mask that RFC 6455, section 5.1 demands. */
  masked?: boolean;
  /** Four bytes; zeros, which leave the payload as it is, are the default. */
  mask?: readonly number[];
  /** How many bytes say the length, 0, 2 or 8; as few as can be by default. */
  lengthBytes?: number;
  /** The length that the frame announces, where it is not the payload's. */
  length?: bigint;
}

/** The `sec-websocket-key` of RFC 6455, section 1.3, and what answers it. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** The fields that ask for a WebSocket. */
export const UPGRADE: readonly string[] = [
  "connection: Upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  `sec-websocket-key: ${KEY}`,
];

/** One WebSocket, frame by frame. */
export class RawWebSocket {
  private constructor(readonly connection: RawConnection) {}

  /** Asks for a WebSocket and expects to get one. */
  static async open(
    connection: RawConnection,
    target = "/",
    ...headers: string[]
  ): Promise<RawWebSocket> {
    await connection.request(`GET ${target}`, ...UPGRADE, ...headers);
    const head = await connection.until("\r\n\r\n");
    assertEquals(head.split("\r\n", 1)[0], "HTTP/1.1 101 Switching Protocols");
    return new RawWebSocket(connection);
  }

  /** Sends one frame. */
  async send(
    opcode: number,
    payload: string | Uint8Array = "",
    flaws: FrameFlaws = {},
  ): Promise<void> {
    await this.connection.send(frameBytes(opcode, payload, flaws));
  }

  /** Sends a text message. */
  text(payload: string): Promise<void> {
    return this.send(OPCODE.text, payload);
  }

  /** Sends a Close; without a code, an empty one. */
  close(code?: number, reason?: string | Uint8Array): Promise<void> {
    return this.send(OPCODE.close, closePayload(code, reason));
  }

  /**
   * The next frame, which must be as RFC 6455, section 5.2 asks of a server:
   * no mask, no reserved bits, the length in as few bytes as can be; null when
   * the connection has ended.
   */
  async frame(): Promise<Frame | null> {
    const start = await this.connection.read(2);
    if (start === null) return null;
    const first = start.charCodeAt(0);
    assertEquals(first & 0x70, 0, "reserved bits are set");
    let length = start.charCodeAt(1);
    assert(length < 0x80, "a server's frame is masked");
    if (length >= 126) {
      const size = length === 126 ? 2 : 8;
      const bytes = await this.connection.read(size);
      if (bytes === null) return null;
      length = 0;
      for (const byte of bytes) length = length * 256 + byte.charCodeAt(0);
      assertEquals(lengthBytes(length), size, `for a length of ${length}`);
    }
    const payload = await this.connection.read(length);
    if (payload === null) return null;
    return { opcode: first & 0xf, fin: first >= 0x80, payload };
  }

  /** The code and the reason of the next frame, a Close; null code if empty. */
  async closed(): Promise<{ code: number | null; reason: string } | null> {
    const frame = await this.frame();
    if (frame === null) return null;
    assertEquals(frame.opcode, OPCODE.close, `payload: ${frame.payload}`);
    const { payload } = frame;
    if (payload === "") return { code: null, reason: "" };
    return {
      code: payload.charCodeAt(0) * 256 + payload.charCodeAt(1),
      reason: payload.slice(2),
    };
  }

  /** The payload of the next frame, a text message. */
  async message(): Promise<string> {
    const frame = await this.frame();
    assertEquals(frame?.opcode, OPCODE.text, `payload: ${frame?.payload}`);
    return frame!.payload;
  }
}

/** What a Close carries; nothing without a code. */
export function closePayload(
  code?: number,
  reason: string | Uint8Array = "",
): Uint8Array {
  if (code === undefined) return new Uint8Array();
  return Uint8Array.from([code >> 8, code & 0xff, ...toBytes(reason)]);
}

/** The bytes of one frame from a client. */
export function frameBytes(
  opcode: number,
  payload: string | Uint8Array,
  flaws: FrameFlaws = {},
): Uint8Array<ArrayBuffer> {
  const body = toBytes(payload);
  const { fin = true, reserved = 0, masked = true } = flaws;
  const { mask = [0, 0, 0, 0], length = BigInt(body.length) } = flaws;
  const { lengthBytes: extra = lengthBytes(length) } = flaws;
  const frame = new Uint8Array(2 + extra + (masked ? 4 : 0) + body.length);
  const view = new DataView(frame.buffer);
  frame[0] = (fin ? 0x80 : 0) | reserved << 4 | opcode;
  frame[1] = (masked ? 0x80 : 0) |
    (extra === 0 ? Number(length) : extra === 2 ? 126 : 127);
  if (extra === 2) view.setUint16(2, Number(length));
  if (extra === 8) view.setBigUint64(2, length);
  const start = frame.length - body.length;
  if (masked) frame.set(mask, start - 4);
  frame.set(body, start);
  if (masked && mask.some((byte) => byte !== 0)) {
    for (let i = 0; i < body.length; i++) frame[start + i] ^= mask[i % 4];
  }
  return frame;
}

/** How many bytes a length needs besides the seven bits for short ones. */
function lengthBytes(length: number | bigint): 0 | 2 | 8 {
  return length < 126 ? 0 : length < 65536 ? 2 : 8;
}

function toBytes(payload: string | Uint8Array): Uint8Array {
  return typeof payload === "string"
    ? new TextEncoder().encode(payload)
    : payload;
}

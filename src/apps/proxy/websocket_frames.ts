/** The client's side of WebSocket framing (RFC 6455, section 5). */

import { isCloseCode } from "../../pagi/websocket_events.ts";
import { type UpstreamConnection, UpstreamError } from "./connection.ts";

/** Opcodes (RFC 6455, section 11.8). */
export const OPCODE = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** What a target sends. */
export type Message =
  | { kind: "text"; text: string }
  | { kind: "binary" | "ping"; bytes: Uint8Array }
  /** Code 1005 means none (RFC 6455, section 7.1.5). */
  | { kind: "close"; code: number; reason: string };

/** A target broke the protocol; `code` is for the Close frame. */
export class FrameError extends Error {
  override readonly name = "FrameError";

  constructor(readonly code: number, override readonly message: string) {
    super(message);
  }
}

/** Maximum bytes of a message, as in the server's own engine. */
const MAX_MESSAGE = 64 * 1024 * 1024;
const EMPTY = new Uint8Array(0);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

interface Frame {
  readonly final: boolean;
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** Reads the messages of a connection. */
export class MessageReader {
  readonly #connection: UpstreamConnection;
  /** Opcode and payload of a fragmented message; 0 without one. */
  #opcode = 0;
  #parts = EMPTY;
  #size = 0;

  constructor(connection: UpstreamConnection) {
    this.#connection = connection;
  }

  /**
   * The next message.
   *
   * @throws {FrameError} When the target breaks the protocol.
   * @throws {UpstreamError} When it breaks the connection.
   */
  async next(): Promise<Message> {
    for (;;) {
      const frame = await this.#readFrame();
      const message = frame.opcode >= OPCODE.close
        ? control(frame)
        : this.#gather(frame);
      if (message !== null) return message;
    }
  }

  async #readFrame(): Promise<Frame> {
    const [first, second] = await this.#read(2);
    if ((first & 0x70) !== 0) throw new FrameError(1002, "reserved bits");
    if ((second & 0x80) !== 0) throw new FrameError(1002, "masked frame");
    let length = second & 0x7f;
    if (length >= 126) {
      const bytes = await this.#read(length === 126 ? 2 : 8);
      length = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    }
    if (length + this.#size > MAX_MESSAGE) {
      throw new FrameError(1009, "message too large");
    }
    return {
      final: (first & 0x80) !== 0,
      opcode: first & 0x0f,
      payload: await this.#read(length),
    };
  }

  #gather({ final, opcode, payload }: Frame): Message | null {
    const begun = this.#opcode !== 0;
    if (opcode > OPCODE.binary || begun !== (opcode === OPCODE.continuation)) {
      throw new FrameError(1002, "unexpected opcode");
    }
    // Most messages are one frame.
    if (!begun && final) return message(opcode, payload);
    if (!begun) this.#opcode = opcode;
    this.#append(payload);
    if (!final) return null;
    const whole = message(this.#opcode, this.#parts.subarray(0, this.#size));
    this.#opcode = this.#size = 0;
    this.#parts = EMPTY;
    return whole;
  }

  /** Doubles the buffer: a message may come in frames of one byte. */
  #append(payload: Uint8Array): void {
    const size = this.#size + payload.byteLength;
    if (size > this.#parts.byteLength) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#parts.byteLength));
      grown.set(this.#parts.subarray(0, this.#size));
      this.#parts = grown;
    }
    this.#parts.set(payload, this.#size);
    this.#size = size;
  }

  async #read(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const part = this.#connection.buffered.subarray(0, count - at);
      if (part.byteLength === 0 && !await this.#connection.fill(0)) {
        throw new UpstreamError(
          502,
          `${this.#connection.url} ended a WebSocket without a Close.`,
        );
      }
      bytes.set(part, at);
      this.#connection.skip(part.byteLength);
      at += part.byteLength;
    }
    return bytes;
  }
}

function message(opcode: number, bytes: Uint8Array): Message {
  return opcode === OPCODE.text
    ? { kind: "text", text: decode(bytes) }
    : { kind: "binary", bytes };
}

/** A control message; null for a pong, which is ignored. */
function control({ final, opcode, payload }: Frame): Message | null {
  if (!final || payload.byteLength > 125) {
    throw new FrameError(1002, "invalid control frame");
  }
  switch (opcode) {
    case OPCODE.ping:
      return { kind: "ping", bytes: payload };
    case OPCODE.pong:
      return null;
    case OPCODE.close:
      return close(payload);
    default:
      throw new FrameError(1002, "reserved opcode");
  }
}

function close(payload: Uint8Array): Message {
  if (payload.byteLength === 0) {
    return { kind: "close", code: 1005, reason: "" };
  }
  const code = payload[0] * 256 + payload[1];
  if (!isCloseCode(code)) {
    throw new FrameError(1002, "invalid close code");
  }
  return { kind: "close", code, reason: decode(payload.subarray(2)) };
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new FrameError(1007, "invalid UTF-8");
  }
}

/** A masked frame with a whole message (RFC 6455, section 5.3). */
export function frame(opcode: number, payload: Uint8Array): Uint8Array {
  const { byteLength: length } = payload;
  const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const start = 2 + extended + 4;
  // Padding aligns the payload for masking by words, 4 times as fast as by bytes.
  const padding = -start & 3;
  const { buffer } = new Uint8Array(padding + start + length);
  const bytes = new Uint8Array(buffer, padding);
  const view = new DataView(buffer, padding);
  bytes[0] = 0x80 | opcode;
  bytes[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) view.setUint16(2, length);
  if (extended === 8) view.setBigUint64(2, BigInt(length));
  const mask = crypto.getRandomValues(bytes.subarray(start - 4, start));
  bytes.set(payload, start);
  const [wordMask] = new Uint32Array(buffer, padding + start - 4, 1);
  const words = new Uint32Array(buffer, padding + start, length >> 2);
  for (let i = 0; i < words.length; i++) words[i] ^= wordMask;
  for (let i = length & ~3; i < length; i++) bytes[start + i] ^= mask[i & 3];
  return bytes;
}

/** The payload of a Close frame; code 1005 gives an empty one. */
export function closePayload(code: number, reason: string): Uint8Array {
  if (code === 1005) return new Uint8Array(0);
  const text = new TextEncoder().encode(reason);
  const payload = new Uint8Array(2 + text.byteLength);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(text, 2);
  return payload;
}

/**
 * HTTP/2 frames (RFC 9113), written and read.
 *
 * @module
 */

import type { Random } from "./random.ts";
import { hold } from "./target.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";

export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;
export const END_STREAM = 1;
export const END_HEADERS = 4;

/** What the server sends, frame by frame. */
export class Answers {
  readonly bodies = new Map<number, string>();
  /** Streams that have ended. */
  ended = 0;
  readonly #over = new Set<number>();

  constructor(readonly wire: RawConnection) {}

  /** Reads a frame; false at the end of the connection. */
  async read(): Promise<boolean> {
    const { wire } = this;
    while (!whole(wire.received)) {
      if (!await wire.more()) return false;
    }
    const length = number(wire.received, 0, 3);
    const type = wire.received.charCodeAt(3);
    const flags = wire.received.charCodeAt(4);
    const stream = number(wire.received, 5, 4);
    const payload = wire.received.slice(9, 9 + length);
    wire.received = wire.received.slice(9 + length);
    hold(
      length <= 16384 && type <= CONTINUATION && type !== 5,
      () => `a frame of type ${type} with ${length} bytes`,
    );
    if (type === DATA || type === HEADERS) {
      hold(
        stream % 2 === 1 && !this.#over.has(stream),
        () => `frame ${type} on stream ${stream}, which is over or never was`,
      );
      if (type === DATA) {
        this.bodies.set(stream, (this.bodies.get(stream) ?? "") + payload);
      }
      if (flags & END_STREAM) this.#end(stream);
    }
    if (type === RST_STREAM) this.#end(stream);
    if (type === GOAWAY) this.ended = Infinity;
    return true;
  }

  #end(stream: number): void {
    if (this.#over.has(stream)) return;
    this.#over.add(stream);
    this.ended++;
  }
}

function whole(text: string): boolean {
  return text.length >= 9 && text.length >= 9 + number(text, 0, 3);
}

function number(text: string, start: number, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i++) {
    value = value * 256 + text.charCodeAt(start + i);
  }
  return value;
}

/** A number as so many bytes. */
export function bytesOf(value: number, width: number): string {
  let text = "";
  for (let i = width - 1; i >= 0; i--) {
    text += String.fromCharCode(Math.floor(value / 256 ** i) & 255);
  }
  return text;
}

/** One frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: string,
): string {
  return bytesOf(payload.length, 3) + String.fromCharCode(type, flags) +
    bytesOf(stream, 4) + payload;
}

/** A literal field without indexing (RFC 7541, 6.2.2). */
export function field(name: string, value: string): string {
  const text = (text: string) =>
    String.fromCharCode(Math.min(text.length, 126)) + text.slice(0, 126);
  return "\0" + text(name) + text(value);
}

/** A good request on `stream`, in some frames. */
export function request(
  random: Random,
  stream: number,
  path: string,
  body: string,
): string {
  const fields = [
    [":method", body === "" ? "GET" : "POST"],
    [":scheme", "http"],
    [":authority", "a.example"],
    [":path", path],
    ...random.list(4, () => ["x-a", random.text([..."ab \xe9"], 9).trim()]),
  ].map(([name, value]) => field(name, value)).join("");
  const cut = random.once(4) ? random.below(fields.length) : fields.length;
  const end = body === "" ? END_STREAM : 0;
  let bytes = cut === fields.length
    ? frame(HEADERS, END_HEADERS | end, stream, fields)
    : frame(HEADERS, end, stream, fields.slice(0, cut)) +
      frame(CONTINUATION, END_HEADERS, stream, fields.slice(cut));
  if (body === "") return bytes;
  const half = random.below(body.length + 1);
  bytes += frame(DATA, 0, stream, body.slice(0, half));
  return bytes + frame(DATA, END_STREAM, stream, body.slice(half));
}

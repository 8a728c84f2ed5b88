/**
 * A strict reader of the WebSocket frames that a server sends (RFC 6455).
 *
 * @module
 */

import { Finding, hold } from "./target.ts";
import { type RawConnection, toBytes } from "../helpers/raw_connection.ts";

/** A message, a pong, or a Close that the server sent. */
export interface ServerFrame {
  readonly opcode: number;
  /** One code unit per byte. */
  readonly payload: string;
}

const CLOSE = 8;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Reads to the end; answers pings not, and a Close with the same. */
export async function readFrames(wire: RawConnection): Promise<ServerFrame[]> {
  const frames: ServerFrame[] = [];
  let text = false;
  let message = "";
  while (true) {
    const frame = take(wire);
    if (frame === null) {
      if (await wire.more()) continue;
      return frames;
    }
    const { opcode, final, payload } = frame;
    const after = frames.at(-1)?.opcode === CLOSE;
    hold(!after, () => `a frame after Close: ${opcode}`);
    if (opcode === CLOSE) {
      holdClose(payload);
      frames.push({ opcode, payload });
      await wire.trySend(closeFrame(payload));
      continue;
    }
    if (opcode > CLOSE) {
      hold(final && payload.length < 126, () => `control frame ${opcode}`);
      frames.push({ opcode, payload });
      continue;
    }
    if (opcode > 0) text = opcode === 1;
    message += payload;
    if (!final) continue;
    if (text) holdUtf8(message);
    frames.push({ opcode: text ? 1 : 2, payload: message });
    message = "";
  }
}

function take(
  wire: RawConnection,
): { opcode: number; final: boolean; payload: string } | null {
  const { received: text } = wire;
  if (text.length < 2) return null;
  const first = text.charCodeAt(0);
  let length = text.charCodeAt(1);
  const opcode = first & 15;
  hold(
    (first & 0x70) === 0 && length < 128 &&
      [0, 1, 2, 8, 9, 10].includes(opcode),
    () => `a frame that begins with ${first} ${length}`,
  );
  const extra = length < 126 ? 0 : length === 126 ? 2 : 8;
  if (text.length < 2 + extra) return null;
  if (extra > 0) {
    length = 0;
    for (let i = 0; i < extra; i++) {
      length = length * 256 + text.charCodeAt(2 + i);
    }
  }
  const start = 2 + extra;
  if (text.length < start + length) return null;
  wire.received = text.slice(start + length);
  return {
    opcode,
    final: first > 127,
    payload: text.slice(start, start + length),
  };
}

function holdClose(payload: string): void {
  if (payload === "") return;
  const code = payload.charCodeAt(0) * 256 + payload.charCodeAt(1);
  hold(
    code >= 1000 && code <= 1003 || code >= 1007 && code <= 1012 ||
      code >= 3000 && code <= 4999,
    () => `a Close with code ${code}`,
  );
  holdUtf8(payload.slice(2));
}

function holdUtf8(text: string): void {
  try {
    UTF8.decode(toBytes(text));
  } catch {
    throw new Finding(`text that is not UTF-8: ${JSON.stringify(text)}`);
  }
}

/** A masked Close; a mask of zeros is a mask. */
function closeFrame(payload: string): string {
  return `\x88${String.fromCharCode(0x80 | payload.length)}\0\0\0\0${payload}`;
}

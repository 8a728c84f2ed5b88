/**
 * One row per case: the frames that a peer sends, those that come back, and
 * what the app is told.
 *
 * @module
 */

import { assertEquals } from "../../../src/std/assert.ts";
import type { Settings } from "../../../src/options/settings.ts";
import {
  closePayload,
  frameBytes,
  type FrameFlaws,
  OPCODE,
  RawWebSocket,
} from "../../helpers/raw_websocket.ts";
import { listening } from "../../helpers/websocket_app.ts";
import { withServer } from "../../helpers/with_server.ts";

type Payload = string | Uint8Array;

/** A case. Strings of frames are as in `["pong hi", "close 1000 bye"]`. */
export interface FrameRow {
  readonly title: string;
  /** The section of RFC 6455. */
  readonly rfc: string;
  /** The peer's frames. Where no `end` is named, a Close 1000 follows them. */
  readonly sends: readonly Uint8Array[];
  /** The server's frames, without the answer to that Close. */
  readonly back?: readonly string[];
  /** The messages that the app receives; strings are texts. */
  readonly told?: readonly Payload[];
  /** Code and reason of the app's disconnect. */
  readonly end?: readonly [code: number, reason: string];
}

/** The ends of a peer that broke the protocol (PAGI.md 3.4). */
export const VIOLATION = [1002, "protocol_error"] as const;
export const NOT_UTF8 = [1007, "protocol_error"] as const;
export const TOO_LARGE = [1009, "protocol_error"] as const;

/** A fragment that more follow. */
export const MORE: FrameFlaws = { fin: false };

/** The frames of a client. */
export const text = frameOf(OPCODE.text);
export const binary = frameOf(OPCODE.binary);
export const more = frameOf(OPCODE.continuation);
export const ping = frameOf(OPCODE.ping);
export const pong = frameOf(OPCODE.pong);

/** A Close; without a code, an empty one. */
export function close(code?: number, reason?: Payload): Uint8Array {
  return frameBytes(OPCODE.close, closePayload(code, reason));
}

/** Bytes in hexadecimal, with spaces where they help. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.fromHex(digits.replaceAll(" ", ""));
}

/**
 * Plays a row to a server twice: all frames at once, and cut into up to 200
 * pieces, single octets mostly.
 */
export async function checkFrames(
  row: FrameRow,
  settings: Partial<Settings> = {},
): Promise<void> {
  const { sends, back = [], told = [], end } = row;
  const bytes = joined(end === undefined ? [...sends, close(1000)] : sends);
  const expected = {
    back: end === undefined ? [...back, "close 1000"] : back,
    told,
    end: end ?? [1000, ""],
  };
  for (const size of [bytes.length, Math.ceil(bytes.length / 200)]) {
    const { app, result } = listening();
    await withServer(app, settings, async ({ connect }) => {
      const connection = await connect();
      // Pieces are to leave as they are.
      (connection.connection as Deno.TcpConn).setNoDelay(true);
      const socket = await RawWebSocket.open(connection);
      const [frames] = await Promise.all([
        framesOf(socket),
        sendPieces(socket, bytes, size),
      ]);
      const { messages, end } = await result;
      assertEquals<unknown>(
        { back: frames, told: messages, end: [end.code, end.reason] },
        expected,
        `in pieces of ${size}`,
      );
    });
  }
}

function frameOf(
  opcode: number,
): (payload?: Payload, flaws?: FrameFlaws) => Uint8Array {
  return (payload = "", flaws) => frameBytes(opcode, payload, flaws);
}

function joined(frames: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(frames.flatMap((frame) => [...frame]));
}

async function sendPieces(
  socket: RawWebSocket,
  bytes: Uint8Array,
  size: number,
): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; at += size) {
      await socket.connection.send(bytes.subarray(at, at + size));
    }
  } catch {
    // The server has seen enough, and gone.
  }
}

/** All frames to the end of the connection; a Close is answered. */
async function framesOf(socket: RawWebSocket): Promise<string[]> {
  const frames: string[] = [];
  while (true) {
    const frame = await socket.frame();
    if (frame === null) return frames;
    const { opcode, payload } = frame;
    if (opcode === OPCODE.close) {
      const code = payload.charCodeAt(0) << 8 | payload.charCodeAt(1);
      const words = payload === "" ? [] : [code, payload.slice(2)];
      frames.push(["close", ...words].join(" ").trimEnd());
      await socket.close(1000).catch(() => {});
    } else {
      frames.push(`${NAMES[opcode]} ${payload}`.trimEnd());
    }
  }
}

const NAMES = Object.fromEntries(
  Object.entries(OPCODE).map(([name, opcode]) => [opcode, name]),
);

/**
 * Messages as they go through a broker.
 *
 * An envelope has a byte for its kind and eight for the process it comes from.
 * Messages follow each other: a byte that tells text from bytes, the length of
 * the excluded channels in two bytes and these, separated by spaces, the length
 * of the body in four bytes and the body. What begins otherwise comes from
 * another program, and is taken for one message in JSON.
 */

import { concat } from "../std/bytes.ts";
import { Message } from "./message.ts";
import type { Missed } from "./event_queue.ts";

const MESSAGES = 1;
const GAP = 2;
/** Kind and origin. */
const HEAD = 9;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const strict = new TextDecoder("utf-8", { fatal: true });

/**
 * Messages that others have lost: their number, and the age of the last (ms).
 */
export interface GapNotice {
  readonly missed: Missed;
  readonly age: number;
}

/** What an envelope holds. */
export type Content =
  | { readonly messages: readonly Message[] }
  | { readonly gap: GapNotice };

/** A process, unlike any other. */
export function newOrigin(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(8));
}

/** An envelope of messages of one channel. */
export function encodeMessages(
  origin: Uint8Array,
  messages: readonly Message[],
): Uint8Array {
  const parts = [Uint8Array.of(MESSAGES), origin];
  for (const { body, exclude } of messages) {
    const bytes = typeof body === "string" ? encoder.encode(body) : body;
    const excluded = encoder.encode(exclude?.join(" ") ?? "");
    const start = new DataView(new ArrayBuffer(3));
    start.setUint8(0, typeof body === "string" ? 0 : 1);
    start.setUint16(1, excluded.length);
    const length = new DataView(new ArrayBuffer(4));
    length.setUint32(0, bytes.length);
    parts.push(
      new Uint8Array(start.buffer),
      excluded,
      new Uint8Array(length.buffer),
      bytes,
    );
  }
  return concat(parts);
}

/** An envelope that tells of lost messages. */
export function encodeGap(origin: Uint8Array, notice: GapNotice): Uint8Array {
  const text = encoder.encode(JSON.stringify(notice));
  return concat([Uint8Array.of(GAP), origin, text]);
}

/**
 * What an envelope holds; null for one of `own`, this process.
 *
 * @throws {Error} When it is neither an envelope nor JSON.
 */
export function decode(
  own: Uint8Array,
  channel: string,
  data: Uint8Array,
): Content | null {
  const [kind] = data;
  if (kind !== MESSAGES && kind !== GAP) {
    const text = strict.decode(data);
    JSON.parse(text);
    return { messages: [new Message(channel, text, null)] };
  }
  if (own.every((byte, at) => data[1 + at] === byte)) return null;
  if (kind === GAP) {
    const { missed, age } = JSON.parse(decoder.decode(data.subarray(HEAD)));
    return {
      gap: {
        missed: missed === null ? null : Number(missed),
        age: Number(age),
      },
    };
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const messages: Message[] = [];
  for (let at = HEAD; at < data.length;) {
    const isText = view.getUint8(at) === 0;
    const body = at + 3 + view.getUint16(at + 1);
    const excluded = decoder.decode(data.subarray(at + 3, body));
    const end = body + 4 + view.getUint32(body);
    const bytes = data.subarray(body + 4, end);
    messages.push(
      new Message(
        channel,
        isText ? decoder.decode(bytes) : new Uint8Array(bytes),
        excluded === "" ? null : excluded.split(" "),
      ),
    );
    at = end;
  }
  return { messages };
}

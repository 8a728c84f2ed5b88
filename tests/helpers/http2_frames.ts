/**
 * HTTP/2 frames as bytes, right or wrong (RFC 9113), with field blocks that
 * compress nothing.
 *
 * @module
 */

/** Types of frames (RFC 9113, section 6). */
export const TYPE = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Flags of frames; ACK and END_STREAM share a bit. */
export const FLAG = {
  ACK: 1,
  END_STREAM: 1,
  END_HEADERS: 4,
  PRIORITY: 32,
} as const;

/** Identifiers of settings (RFC 9113, section 6.5.2; RFC 8441, section 3). */
export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
} as const;

/** Names of error codes, by number (RFC 9113, section 7). */
const CODES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
];

/** A frame as it came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Header fields, pseudo-header fields among them, in the order to send. */
export type Fields = [name: string, value: string][];

/** The bytes of a frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  bytes[4] = flags;
  view.setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}

/** A payload of 32-bit numbers. */
export function words(...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => view.setUint32(4 * i, number));
  return bytes;
}

/** A payload of text; one byte per code unit. */
export function text(content: string): Uint8Array {
  return Uint8Array.from(content, (unit) => unit.charCodeAt(0));
}

/** The payload of a SETTINGS frame. */
export function settings(values: Record<number, number>): Uint8Array {
  const entries = Object.entries(values);
  const bytes = new Uint8Array(6 * entries.length);
  const view = new DataView(bytes.buffer);
  entries.forEach(([id, value], i) => {
    view.setUint16(6 * i, Number(id));
    view.setUint32(6 * i + 2, value);
  });
  return bytes;
}

/** A field block of literals that nobody keeps (RFC 7541, section 6.2.2). */
export function block(fields: Fields): Uint8Array {
  const parts = fields.flatMap(([name, value]) => [
    Uint8Array.of(0),
    literal(name),
    literal(value),
  ]);
  return joined(parts);
}

/** The fields of a GET request, and `more` after them. */
export function get(path: string, more: Fields = []): Fields {
  return head("GET", path, more);
}

/** The fields of a POST request, and `more` after them. */
export function post(path: string, more: Fields = []): Fields {
  return head("POST", path, more);
}

function head(method: string, path: string, more: Fields): Fields {
  return [
    [":method", method],
    [":scheme", "http"],
    [":authority", "example.org"],
    [":path", path],
    ...more,
  ];
}

/** A string without Huffman coding (RFC 7541, section 5.2). */
function literal(content: string): Uint8Array {
  return joined([integer(content.length, 7), text(content)]);
}

/** An integer with a prefix of `bits` (RFC 7541, section 5.1). */
export function integer(value: number, bits: number, mark = 0): Uint8Array {
  const most = 2 ** bits - 1;
  if (value < most) return Uint8Array.of(mark | value);
  const bytes = [mark | most];
  value -= most;
  for (; value >= 128; value = Math.floor(value / 128)) {
    bytes.push(value % 128 | 128);
  }
  return Uint8Array.from([...bytes, value]);
}

/** Several pieces as one. */
export function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The name of the code in a RST_STREAM or GOAWAY frame. */
export function codeOf({ type, payload }: Frame): string {
  const at = type === TYPE.GOAWAY ? 4 : 0;
  return CODES[new DataView(payload.buffer).getUint32(at)];
}

/** Statuses that have an index of their own (RFC 7541, appendix A). */
const INDEXED = [200, 204, 206, 304, 400, 404, 500];

/** The status that a field block begins with. */
export function statusOf(block: Uint8Array): number {
  let at = 0;
  while ((block[at] & 0xe0) === 0x20) at++; // the size of the table: 0
  if (block[at] & 0x80) return INDEXED[(block[at] & 0x7f) - 8];
  const huffman = (block[at + 1] & 0x80) !== 0;
  const value = block.subarray(at + 2, at + 2 + (block[at + 1] & 0x7f));
  return Number(huffman ? digits(value) : new TextDecoder().decode(value));
}

/** Three digits in Huffman code (RFC 7541, appendix B): 5 bits or 6. */
function digits(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0"))
    .join("");
  let found = "";
  for (let at = 0; found.length < 3;) {
    const short = parseInt(bits.slice(at, at + 5), 2);
    const long = parseInt(bits.slice(at, at + 6), 2);
    found += short < 3 ? short : long - 0x19 + 3;
    at += short < 3 ? 5 : 6;
  }
  return found;
}

/**
 * A client that sends HTTP/2 frames as they are told, right or wrong
 * (RFC 9113). It compresses nothing and asks the server for the same.
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

/** What became of a stream. */
export interface Answer {
  /** The last head's status, `reset CODE`, `goaway CODE` or `closed`. */
  readonly outcome: string;
  readonly body: string;
}

/** How to open a connection. */
export interface Http2PeerOptions {
  /** A certificate to trust: makes it a TLS connection. */
  readonly certificate?: string;
  /** The client's settings, by identifier. */
  readonly settings?: Record<number, number>;
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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

/** One connection. It acknowledges settings, and does nothing else unasked. */
export class Http2Peer implements AsyncDisposable {
  /** All frames that came, in their order. */
  readonly frames: Frame[] = [];
  readonly #connection: Deno.TcpConn | Deno.TlsConn;
  readonly #reading: Promise<void>;
  #ended = false;
  #news = Promise.withResolvers<void>();
  #pings = 0;

  private constructor(connection: Deno.TcpConn | Deno.TlsConn) {
    this.#connection = connection;
    this.#reading = this.#read();
  }

  /** Connects and shakes hands. */
  static async open(
    port: number,
    options: Http2PeerOptions = {},
  ): Promise<Http2Peer> {
    const { certificate, settings: asked } = options;
    const connection = certificate === undefined
      ? await Deno.connect({ hostname: "127.0.0.1", port })
      : await Deno.connectTls({
        hostname: "localhost",
        port,
        caCerts: [certificate],
        alpnProtocols: ["h2"],
      });
    if ("setNoDelay" in connection) connection.setNoDelay();
    const peer = new Http2Peer(connection);
    const values = { [SETTING.HEADER_TABLE_SIZE]: 0, ...asked };
    await peer.send(
      text(PREFACE),
      frame(TYPE.SETTINGS, 0, 0, settings(values)),
    );
    await peer.first((frame) =>
      frame.type === TYPE.SETTINGS && frame.flags === FLAG.ACK
    );
    return peer;
  }

  /** What the server's first frame sets, by identifier. */
  get settings(): Map<number, number> {
    const { payload } = this.frames[0];
    const view = new DataView(payload.buffer);
    const values = new Map<number, number>();
    for (let at = 0; at < payload.length; at += 6) {
      values.set(view.getUint16(at), view.getUint32(at + 2));
    }
    return values;
  }

  /** Sends bytes; quietly none where the server has ended the connection. */
  async send(...parts: Uint8Array[]): Promise<void> {
    let bytes = joined(parts);
    try {
      while (bytes.length > 0) {
        bytes = bytes.subarray(await this.#connection.write(bytes));
      }
    } catch {
      await this.#reading;
    }
  }

  /** Sends the head of a request; with `open`, a body is to follow. */
  request(stream: number, fields: Fields, open = false): Promise<void> {
    const flags = FLAG.END_HEADERS | (open ? 0 : FLAG.END_STREAM);
    return this.send(frame(TYPE.HEADERS, flags, stream, block(fields)));
  }

  /** Sends a piece of a request's body; the last one unless `more`. */
  data(stream: number, content: string, more = false): Promise<void> {
    const flags = more ? 0 : FLAG.END_STREAM;
    return this.send(frame(TYPE.DATA, flags, stream, text(content)));
  }

  /** Resets a stream, by default with CANCEL. */
  reset(stream: number, code = 8): Promise<void> {
    return this.send(frame(TYPE.RST_STREAM, 0, stream, words(code)));
  }

  /** Lets the server send `bytes` more on a stream; 0 is the connection. */
  open(stream: number, bytes: number): Promise<void> {
    return this.send(frame(TYPE.WINDOW_UPDATE, 0, stream, words(bytes)));
  }

  /**
   * Resolves when the server has read all that was sent before; false when
   * it has ended the connection instead.
   */
  async ping(): Promise<boolean> {
    const payload = words(0x70616769, ++this.#pings);
    await this.send(frame(TYPE.PING, 0, 0, payload));
    const answer = await this.first(({ type, flags, payload: echo }) =>
      type === TYPE.PING && flags === FLAG.ACK &&
      echo.every((byte, i) => byte === payload[i])
    );
    return answer !== null;
  }

  /** Sends a request and waits for what becomes of it. */
  async ask(stream: number, fields: Fields): Promise<Answer> {
    await this.request(stream, fields);
    return await this.answer(stream);
  }

  /** What becomes of a stream, once that is known. */
  async answer(stream: number): Promise<Answer> {
    const last = await this.first((frame) =>
      frame.type === TYPE.GOAWAY && codeOf(frame) !== "NO_ERROR" ||
      frame.stream === stream && (
          frame.type === TYPE.RST_STREAM ||
          frame.type <= TYPE.HEADERS && (frame.flags & FLAG.END_STREAM) !== 0
        )
    );
    return { outcome: this.#outcome(stream, last), body: this.body(stream) };
  }

  #outcome(stream: number, last: Frame | null): string {
    if (last === null) return "closed";
    if (last.type === TYPE.GOAWAY) return `goaway ${codeOf(last)}`;
    if (last.type === TYPE.RST_STREAM) return `reset ${codeOf(last)}`;
    return String(this.status(stream));
  }

  /** The status of the last head that came on a stream; null before it. */
  status(stream: number): number | null {
    const head = this.frames.findLast((frame) =>
      frame.stream === stream && frame.type === TYPE.HEADERS
    );
    return head === undefined ? null : statusOf(head.payload);
  }

  /** The bytes of the body that came on a stream so far. */
  body(stream: number): string {
    const decoder = new TextDecoder();
    return this.frames
      .filter((frame) => frame.stream === stream && frame.type === TYPE.DATA)
      .map((frame) => decoder.decode(frame.payload, { stream: true })).join("");
  }

  /** The code of the last GOAWAY, once the server has ended the connection. */
  async goneAway(): Promise<string | null> {
    await this.ended();
    const frame = this.frames.findLast(({ type }) => type === TYPE.GOAWAY);
    return frame === undefined ? null : codeOf(frame);
  }

  /** The first frame that `fits`, when it comes; null when none will. */
  async first(fits: (frame: Frame) => boolean): Promise<Frame | null> {
    for (let seen = 0;;) {
      for (; seen < this.frames.length; seen++) {
        if (fits(this.frames[seen])) return this.frames[seen];
      }
      if (this.#ended) return null;
      await this.#news.promise;
    }
  }

  /** Resolves when the server has ended the connection. */
  async ended(): Promise<void> {
    await this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#connection.close();
    await this.#reading;
  }

  async #read(): Promise<void> {
    let rest = new Uint8Array(0);
    const buffer = new Uint8Array(65536);
    try {
      while (true) {
        const count = await this.#connection.read(buffer);
        if (count === null) break;
        rest = this.#take(joined([rest, buffer.subarray(0, count)]));
        this.#tell();
      }
    } catch {
      // A reset, or this side has closed.
    }
    this.#ended = true;
    this.#tell();
    try {
      this.#connection.close();
    } catch {
      // This side was faster.
    }
  }

  /** Takes the whole frames from `bytes`, and returns what is left. */
  #take(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const view = new DataView(bytes.buffer);
    let at = 0;
    while (bytes.length - at >= 9) {
      const end = at + 9 + (view.getUint32(at) >>> 8);
      if (end > bytes.length) break;
      const [type, flags] = [bytes[at + 3], bytes[at + 4]];
      const stream = view.getUint32(at + 5) & 0x7fffffff;
      this.frames.push({
        type,
        flags,
        stream,
        payload: bytes.slice(at + 9, end),
      });
      if (type === TYPE.SETTINGS && flags === 0) {
        void this.send(frame(TYPE.SETTINGS, FLAG.ACK, 0));
      }
      at = end;
    }
    return bytes.slice(at);
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

/** The name of the code in a RST_STREAM or GOAWAY frame. */
export function codeOf({ type, payload }: Frame): string {
  const at = type === TYPE.GOAWAY ? 4 : 0;
  return CODES[new DataView(payload.buffer).getUint32(at)];
}

/** Statuses that have an index of their own (RFC 7541, appendix A). */
const INDEXED = [200, 204, 206, 304, 400, 404, 500];

/** The status that a field block begins with. */
function statusOf(block: Uint8Array): number {
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

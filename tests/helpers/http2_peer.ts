/**
 * A client that sends HTTP/2 frames as it is told.
 *
 * @module
 */

import {
  block,
  codeOf,
  type Fields,
  FLAG,
  type Frame,
  frame,
  joined,
  SETTING,
  settings,
  statusOf,
  text,
  TYPE,
  words,
} from "./http2_frames.ts";

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

  /** True once the server has ended the connection. */
  get isOver(): boolean {
    return this.#ended;
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

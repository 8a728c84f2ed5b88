/** Parses a target's response: head and body (RFC 9112, sections 4 to 7). */

import { type UpstreamConnection, UpstreamError } from "./connection.ts";
import { listItems } from "./forwarded.ts";
import {
  isSafeFieldValue,
  isToken,
  trimWhitespace,
} from "../../http/headers.ts";
import { memo } from "../../http/memo.ts";
import type { HeaderList } from "../../pagi/types.ts";

/** Status line and header fields. */
export interface ResponseHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: HeaderList;
  /** The items of `connection`, in lower case. */
  readonly options: readonly string[];
  /** How the body ends, unless the request was HEAD; a number is its length. */
  readonly framing: Framing;
  /** Whether the target keeps the connection open (RFC 9112, section 9.3). */
  readonly keepsAlive: boolean;
}

/** Null where a head contradicts itself, as in smuggling (RFC 9112, 11.2). */
type Framing = number | "chunked" | "close" | "unknown coding" | null;

const STATUS_LINE =
  /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const CR = 13;
const LF = 10;

/** Takes the heads of a target's responses from its connections. */
export class ResponseHeads {
  /** The last one: another often is the same, byte by byte. */
  #raw: Uint8Array = new Uint8Array(0);
  #head: ResponseHead | null = null;

  /**
   * The head of the final response, after informational ones (RFC 9110,
   * section 15.2); 101 is final. Null where more has to be received.
   *
   * @throws {UpstreamError} 502 for anything else.
   */
  take(connection: UpstreamConnection): ResponseHead | null {
    for (;;) {
      const head = this.#takeAny(connection);
      if (head === null) return null;
      if (head.status >= 600) {
        throw new UpstreamError(
          502,
          `${connection.url} answered with the status ${head.status}; HTTP has none above 599 (RFC 9110, section 15).`,
        );
      }
      if (head.status >= 200 || head.status === 101) return head;
    }
  }

  #takeAny(connection: UpstreamConnection): ResponseHead | null {
    const bytes = connection.buffered;
    const end = headEnd(connection, bytes);
    if (end === 0) return null;
    connection.skip(end);
    const raw = bytes.subarray(0, end);
    if (this.#head !== null && isSame(this.#raw, raw)) return this.#head;
    const head = parseResponseHead(byteString(raw.subarray(0, end - 4)));
    if (head === null) throw malformed(connection);
    this.#raw = raw.slice();
    return this.#head = head;
  }
}

function malformed(connection: UpstreamConnection): UpstreamError {
  return new UpstreamError(
    502,
    `${connection.url} answered with a malformed head.`,
  );
}

/**
 * Parses a head without its final empty line; null where it is malformed.
 * Folded lines and bare LFs are refused: they can hide fields.
 */
export function parseResponseHead(text: string): ResponseHead | null {
  const [statusLine, ...lines] = text.split("\r\n");
  const [, minor, digits] = STATUS_LINE.exec(statusLine) ?? [];
  if (digits === undefined) return null;
  const headers: HeaderList = [];
  // A line keeps the whole head in memory as long as it is cached.
  const parse = text.length > MAX_CACHED ? parseField : cachedField;
  for (const line of lines) {
    const field = parse(line);
    if (field === null) return null;
    headers.push(field);
  }
  const status = Number(digits);
  const http11 = minor === "1";
  const options = listItems(headers, "connection");
  return {
    status,
    headers,
    options,
    framing: framingOf(status, http11, headers),
    keepsAlive: http11 && !options.includes("close"),
  };
}

/** UTF-16 units of a head whose fields are cached. */
const MAX_CACHED = 4096;

const cachedField = memo(parseField, { length: 128 });

/** A field, its name in lower case; null where it is malformed. */
function parseField(line: string): [name: string, value: string] | null {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  const value = trimWhitespace(line.slice(colon + 1));
  return isToken(name) && isSafeFieldValue(value)
    ? [name.toLowerCase(), value]
    : null;
}

/** How a response's body ends (RFC 9112, section 6.3). */
function framingOf(
  status: number,
  http11: boolean,
  headers: HeaderList,
): Framing {
  const lengths = headers.filter(([name]) => name === "content-length");
  const coding = listItems(headers, "transfer-encoding");
  if (lengths.length > 1 || lengths.length + coding.length > 1) return null;
  const [length] = lengths;
  if (length !== undefined && !/^\d{1,15}$/.test(length[1])) return null;
  if (status < 200 || status === 204 || status === 304) return 0;
  if (coding.length > 0) {
    return http11 && coding[0] === "chunked" ? "chunked" : "unknown coding";
  }
  return length === undefined ? "close" : Number(length[1]);
}

/** The length of the head that `bytes` begin with; 0 where it is not whole. */
function headEnd(connection: UpstreamConnection, bytes: Uint8Array): number {
  for (let at = connection.scanned; at < bytes.length; at++) {
    if (bytes[at] !== LF) continue;
    // A target with bare LFs would never end its head.
    if (bytes[at - 1] !== CR) throw malformed(connection);
    if (bytes[at - 2] === LF) return at + 1;
  }
  connection.scanned = bytes.length;
  return 0;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const utf8 = new TextDecoder();

/** One code unit per byte. */
function byteString(bytes: Uint8Array): string {
  // Most heads are ASCII, which the decoder is six times as fast for.
  const ascii = utf8.decode(bytes);
  if (ascii.length === bytes.byteLength && !ascii.includes("\ufffd")) {
    return ascii;
  }
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** Maximum bytes of a chunk's size line or of a trailer. */
const MAX_LINE = 16384;
/** Maximum bytes of all trailers together. */
const MAX_TRAILERS = 65536;
/** Some targets pad sizes with zeros to a fixed width. */
const CHUNK_SIZE = /^0*([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/;

/** A body in chunks, each valid until the next call of `fill`. */
export class ResponseBody {
  /** True when all has been taken; with the last chunk, where that is known. */
  done = false;
  readonly #connection: UpstreamConnection;
  #expects: "data" | "size" | "end of chunk" | "trailer" = "data";
  /** Remaining bytes of the body or of the current chunk. */
  #left: number;
  /** Bytes of trailers so far. */
  #trailers = 0;
  /** What ends the body. */
  readonly #framing: "length" | "chunked" | "close";

  constructor(
    connection: UpstreamConnection,
    head: ResponseHead,
    method: string,
  ) {
    this.#connection = connection;
    const framing = method === "HEAD" && head.framing !== null
      ? 0
      : head.framing;
    if (framing === null || framing === "unknown coding") {
      throw new UpstreamError(
        502,
        `${connection.url} did not make clear where its response ends.`,
      );
    }
    this.#framing = typeof framing === "number" ? "length" : framing;
    this.#left = typeof framing === "number" ? framing : Infinity;
    if (framing === 0) this.done = true;
    if (framing === "chunked") this.#expects = "size";
  }

  /** True when the connection can carry another request after this body. */
  get isReusable(): boolean {
    return this.done && this.#framing !== "close" &&
      !this.#connection.hasBuffered;
  }

  /** The next chunk, if one has been received. */
  take(): Uint8Array | null {
    this.#readFraming();
    if (this.done || this.#expects !== "data") return null;
    const { buffered } = this.#connection;
    if (buffered.byteLength === 0) return null;
    const chunk = buffered.byteLength > this.#left
      ? buffered.subarray(0, this.#left)
      : buffered;
    this.#connection.skip(chunk.byteLength);
    this.#left -= chunk.byteLength;
    if (this.#left === 0) this.#endData();
    return chunk;
  }

  /** Waits for more bytes, up to `seconds` (0: no limit). */
  async fill(seconds: number): Promise<void> {
    if (this.done || await this.#connection.fill(seconds)) return;
    if (this.#framing !== "close") {
      throw new UpstreamError(
        502,
        `${this.#connection.url} closed the connection in the middle of its answer.`,
      );
    }
    this.done = true;
  }

  #endData(): void {
    if (this.#framing === "length") this.done = true;
    else {
      this.#expects = "end of chunk";
      this.#readFraming();
    }
  }

  /** Parses the received lines between the data. */
  #readFraming(): void {
    while (!this.done && this.#expects !== "data") {
      const line = this.#takeLine();
      if (line === null) return;
      if (this.#expects === "size") this.#beginChunk(line);
      else if (this.#expects === "trailer") this.#passTrailer(line);
      else if (line === "") this.#expects = "size";
      else throw this.#malformed();
    }
  }

  #beginChunk(line: string): void {
    const size = CHUNK_SIZE.exec(line);
    if (size === null) throw this.#malformed();
    this.#left = parseInt(size[1], 16);
    this.#expects = this.#left === 0 ? "trailer" : "data";
  }

  #passTrailer(line: string): void {
    this.#trailers += line.length;
    if (this.#trailers > MAX_TRAILERS) throw this.#malformed();
    this.done = line === "";
  }

  /** The next line, if it has been received whole; lines end with CR and LF. */
  #takeLine(): string | null {
    const { buffered } = this.#connection;
    const { byteLength } = buffered;
    const end = buffered.indexOf(LF, this.#connection.scanned);
    const tooLong = (end < 0 ? byteLength : end) > MAX_LINE;
    const noEnd = this.#expects === "end of chunk" && byteLength > 0 &&
      buffered[0] !== CR;
    if (tooLong || noEnd) throw this.#malformed();
    if (end < 0) {
      this.#connection.scanned = byteLength;
      return null;
    }
    if (buffered[end - 1] !== CR) throw this.#malformed();
    this.#connection.skip(end + 1);
    return byteString(buffered.subarray(0, end - 1));
  }

  #malformed(): UpstreamError {
    return new UpstreamError(
      502,
      `${this.#connection.url} sent a malformed chunk.`,
    );
  }
}

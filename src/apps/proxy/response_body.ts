/**
 * The body of a target's answer, freed of its framing (RFC 9112, sections 6
 * and 7).
 *
 * @module
 */

import { listItems } from "./hop_by_hop.ts";
import { byteString } from "./response_head.ts";
import type { ResponseHead } from "./response_head.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";
import { UpstreamError } from "./upstream_error.ts";

/** The longest line of a chunk's size or of a trailer, in bytes. */
const MAX_LINE = 16384;
/** The most bytes of all trailers together. */
const MAX_TRAILERS = 65536;
/** With leading zeros, which some targets pad to a fixed width. */
const CHUNK_SIZE = /^0*([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/;
const CR = 13;
const LF = 10;

/** A body in pieces; each is valid until the next call of `fill`. */
export class ResponseBody {
  /** True when all has been taken; with the last piece, where that is known. */
  done = false;
  readonly #connection: UpstreamConnection;
  /** What comes next. */
  #expects: "data" | "size" | "end of chunk" | "trailer" = "data";
  /** Bytes of data that are still to come of the body or of this chunk. */
  #left: number;
  /** Bytes of the line that is under way and holds no LF. */
  #scanned = 0;
  /** Bytes of trailers so far. */
  #trailers = 0;
  /** How the body ends. */
  readonly #framing: "length" | "chunked" | "close";

  constructor(
    connection: UpstreamConnection,
    head: ResponseHead,
    method: string,
  ) {
    this.#connection = connection;
    const framing = framingOf(head, method);
    if (framing === null) {
      throw new UpstreamError(
        502,
        `${connection.url} left unclear where its answer ends.`,
      );
    }
    this.#framing = typeof framing === "number" ? "length" : framing;
    this.#left = typeof framing === "number" ? framing : Infinity;
    if (framing === 0) this.done = true;
    if (framing === "chunked") this.#expects = "size";
  }

  /** True when the connection can carry another request after this body. */
  get leavesConnectionOpen(): boolean {
    return this.done && this.#framing !== "close" &&
      this.#connection.buffered.byteLength === 0;
  }

  /** The next piece, where one has come. */
  take(): Uint8Array | null {
    this.#readFraming();
    if (this.done || this.#expects !== "data") return null;
    const { buffered } = this.#connection;
    if (buffered.byteLength === 0) return null;
    const piece = buffered.byteLength > this.#left
      ? buffered.subarray(0, this.#left)
      : buffered;
    this.#connection.skip(piece.byteLength);
    this.#left -= piece.byteLength;
    if (this.#left === 0) this.#endData();
    return piece;
  }

  /** Waits for more, up to `seconds` (0: as long as it takes). */
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

  /** Reads the lines between the data, as far as they have come. */
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

  /** The next line, where it has come; all end with CR and LF. */
  #takeLine(): string | null {
    const { buffered } = this.#connection;
    const { byteLength } = buffered;
    const end = buffered.indexOf(LF, this.#scanned);
    const tooLong = (end < 0 ? byteLength : end) > MAX_LINE;
    const noEnd = this.#expects === "end of chunk" && byteLength > 0 &&
      buffered[0] !== CR;
    if (tooLong || noEnd) throw this.#malformed();
    if (end < 0) {
      this.#scanned = byteLength;
      return null;
    }
    this.#scanned = 0;
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

/**
 * How the body of an answer ends: after so many bytes, or otherwise; null where
 * the head contradicts itself, as it does for smuggling (RFC 9112, 6.3 and
 * 11.2).
 */
function framingOf(
  { status, http11, headers }: ResponseHead,
  method: string,
): number | "chunked" | "close" | null {
  const lengths = headers.filter(([name]) =>
    name.toLowerCase() === "content-length"
  );
  const coding = listItems(headers, "transfer-encoding");
  if (lengths.length > 1 || lengths.length + coding.length > 1) return null;
  const [length] = lengths;
  if (length !== undefined && !/^\d{1,15}$/.test(length[1])) return null;
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return 0;
  }
  if (coding.length > 0) {
    return http11 && coding[0] === "chunked" ? "chunked" : null;
  }
  return length === undefined ? "close" : Number(length[1]);
}

/** Tells whether the target means to keep the connection (RFC 9112, 9.3). */
export function keepsAlive({ http11, headers }: ResponseHead): boolean {
  return http11 && !listItems(headers, "connection").includes("close");
}

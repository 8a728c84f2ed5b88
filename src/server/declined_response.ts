/**
 * The answer of an app that declines a stream or a WebSocket.
 *
 * @module
 */

import type { HeaderList } from "../pagi/types.ts";
import { endToEnd } from "./end_to_end.ts";
import { announcedLength, hasBody, wrongLength } from "./payload.ts";

const ENCODER = new TextEncoder();

/** Gathers such an answer until it is whole (PAGI.md 3.4, 3.5). */
export class DeclinedResponse {
  /** Bytes of the body by its `content-length`; null without one. */
  readonly announced: number | null;
  readonly #headers: HeaderList;
  readonly #pieces: Uint8Array[] = [];

  /** @throws {TypeError} When `content-length` is no number. */
  constructor(readonly status: number, headers: HeaderList) {
    this.#headers = endToEnd(headers);
    this.announced = announcedLength(this.#headers);
  }

  /** What the server says in the app's stead. */
  static plain(
    status: number,
    text: string,
    headers: HeaderList = [],
  ): DeclinedResponse {
    const answer = new DeclinedResponse(status, [
      ["content-type", "text/plain; charset=utf-8"],
      ...headers,
    ]);
    answer.add(text + "\n");
    return answer;
  }

  /** Takes a piece of the body; the app may use its buffer again. */
  add(piece: Uint8Array | string): void {
    this.#pieces.push(
      typeof piece === "string" ? ENCODER.encode(piece) : piece.slice(),
    );
  }

  /** The pieces as one. */
  body(): Uint8Array<ArrayBuffer> {
    const length = this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
    const whole = new Uint8Array(length);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  /** What is wrong with a body of `length` bytes; null where nothing is. */
  fault(length: number): string | null {
    const { announced, status } = this;
    return announced === null || announced === length || !hasBody(status)
      ? null
      : wrongLength(length, announced);
  }

  /** The header fields; `content-length` is added, except on 204 and 304. */
  headers(length: number): HeaderList {
    const bare = this.status === 204 || this.status === 304;
    if (bare || this.announced !== null) return this.#headers;
    return [...this.#headers, ["content-length", String(length)]];
  }
}

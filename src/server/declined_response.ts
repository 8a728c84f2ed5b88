/**
 * The answer of an app that declines a stream or a WebSocket.
 *
 * @module
 */

import type { HeaderList } from "../pagi/types.ts";
import { fieldValue } from "../http/headers.ts";
import { endToEnd } from "./end_to_end.ts";

const ENCODER = new TextEncoder();

/** Gathers such an answer until it is whole (PAGI.md 3.4, 3.5). */
export class DeclinedResponse {
  readonly #headers: HeaderList;
  readonly #pieces: Uint8Array[] = [];

  constructor(readonly status: number, headers: HeaderList) {
    this.#headers = endToEnd(headers);
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

  /** The header fields; `content-length` is added, except on 204 and 304. */
  headers(length: number): HeaderList {
    const bare = this.status === 204 || this.status === 304;
    if (bare || fieldValue(this.#headers, "content-length") !== null) {
      return this.#headers;
    }
    return [...this.#headers, ["content-length", String(length)]];
  }
}

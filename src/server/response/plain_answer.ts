/**
 * Short responses that the server makes by itself: to requests that it refuses,
 * in place of an app that failed, and for an app that declines a stream or a
 * WebSocket.
 */

import type { Fields } from "../../http/headers.ts";
import { hasBody, hasLength } from "../../http/headers.ts";
import { logLimit } from "../../log/log.ts";
import type { HeaderList } from "../../pagi/types.ts";
import {
  announcedLength,
  removeContentLength,
  stripHopByHop,
  withDefaultHeaders,
  wrongLength,
} from "./headers.ts";
import { concat } from "../../std/bytes.ts";

/** Seats and descriptors come back as other requests end: try in 5 seconds. */
export const RETRY_SOON: readonly [name: string, value: string] = Object.freeze(
  ["retry-after", "5"],
);

/** The type of answers that the server makes. */
export const TEXT: [name: string, value: string] = [
  "content-type",
  "text/plain; charset=utf-8",
];

/** A request that the server answers itself, without the app (PAGI.md 6). */
export class Refusal extends Error {
  override readonly name: string = "Refusal";

  constructor(
    readonly status: number,
    /** What is wrong, for the person at the client. */
    override readonly message: string,
    readonly headers: HeaderList = [],
    /** The limit that was hit, for the log: `--max-body-size is 10`. */
    readonly limit: string | null = null,
  ) {
    super(message);
  }

  /**
   * Says in the log what was refused, and for which limit.
   *
   * @param request Names the request.
   */
  log(request: () => string, how = `refused with ${this.status}`): void {
    const { limit, message, status } = this;
    // Only who runs the server can do something about a limit.
    const level = limit === null ? "info" : "warn";
    logLimit(level, `${status} ${limit}`, () => {
      const what = message.replace(/\.$/, "");
      const why = limit === null ? "" : ` (${limit})`;
      return `${request()} was ${how}: ${what}${why}.`;
    });
  }

  /**
   * The answer: short `text/plain`, after which the connection closes. `added`
   * are the fields of `--header`.
   */
  toResponse(added: Fields | null): Response {
    const headers: HeaderList = [
      TEXT,
      ["connection", "close"],
      ...this.headers,
    ];
    return new Response(this.message + "\n", {
      status: this.status,
      headers: withDefaultHeaders(headers, added),
    });
  }
}

/** Something in the server or the app failed; the client learns no more. */
export const FAILED = new Refusal(500, "Internal Server Error");

const OUT_OF_DESCRIPTORS = new Refusal(
  503,
  "The server has too many files open.",
  [[...RETRY_SOON]],
);

/** Whether an app failed because too many files are open. */
export function lacksDescriptors(error: unknown): boolean {
  const code = error instanceof Error && (error as { code?: string }).code;
  return code === "EMFILE" || code === "ENFILE";
}

/** The answer for what an app has thrown, or for one that did not answer. */
export function failureAnswer(error?: unknown): Refusal {
  return lacksDescriptors(error) ? OUT_OF_DESCRIPTORS : FAILED;
}

const ENCODER = new TextEncoder();

/** Gathers the answer of an app that declines until it is whole (PAGI.md 3.4, 3.5). */
export class DeclinedResponse {
  /** Bytes of the body by its `content-length`; null without one. */
  readonly announced: number | null;
  readonly #headers: HeaderList;
  readonly #chunks: Uint8Array[] = [];

  /** @throws {TypeError} When `content-length` is no number. */
  constructor(readonly status: number, headers: HeaderList) {
    this.#headers = stripHopByHop(headers);
    this.announced = announcedLength(this.#headers);
  }

  /** The text of a response in place of the app's. */
  static of({ status, message, headers }: Refusal): DeclinedResponse {
    const answer = new DeclinedResponse(status, [TEXT, ...headers]);
    answer.add(message + "\n");
    return answer;
  }

  /** Takes a chunk of the body; the app may use its buffer again. */
  add(chunk: Uint8Array | string): void {
    this.#chunks.push(
      typeof chunk === "string" ? ENCODER.encode(chunk) : chunk.slice(),
    );
  }

  /** The chunks as one. */
  body(): Uint8Array<ArrayBuffer> {
    return concat(this.#chunks);
  }

  /** What is wrong with a body of `length` bytes; null where nothing is. */
  fault(length: number): string | null {
    const { announced, status } = this;
    return announced === null || announced === length || !hasBody(status)
      ? null
      : wrongLength(length, announced);
  }

  /** The header fields, with `content-length` where there is a body. */
  headers(length: number): HeaderList {
    const headers = [...this.#headers];
    if (!hasLength(this.status)) removeContentLength(headers);
    else if (hasBody(this.status) && this.announced === null) {
      headers.push(["content-length", String(length)]);
    }
    return headers;
  }
}

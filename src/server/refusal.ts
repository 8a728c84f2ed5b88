/**
 * Answers that the server gives by itself.
 *
 * @module
 */

import type { HeaderList } from "../pagi/types.ts";

/** A request that the server answers itself, without the app (PAGI.md 6). */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    readonly status: number,
    /** What is wrong, for the person at the client. */
    override readonly message: string,
    readonly headers: HeaderList = [],
  ) {
    super(message);
  }

  /** The answer: short `text/plain`, after which the connection closes. */
  toResponse(): Response {
    return plainResponse(this.status, this.message, this.headers);
  }
}

/** A short `text/plain` answer that says the connection will close. */
export function plainResponse(
  status: number,
  text: string,
  headers: HeaderList = [],
): Response {
  return new Response(text + "\n", {
    status,
    headers: [
      ["content-type", "text/plain; charset=utf-8"],
      ["connection", "close"],
      ...headers,
    ],
  });
}

/**
 * Answers that the server gives by itself.
 *
 * @module
 */

import type { Fields } from "../http/headers.ts";
import type { HeaderList } from "../pagi/types.ts";
import { withAdded } from "./added_headers.ts";

/** Seats and descriptors come back as other requests end: try in 5 seconds. */
export const RETRY_SOON: readonly [name: string, value: string] = Object.freeze(
  ["retry-after", "5"],
);

/** A request that the server answers itself, without the app (PAGI.md 6). */
export class Refusal extends Error {
  override readonly name = "Refusal";

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
   * The answer: short `text/plain`, after which the connection closes. `added`
   * are the fields of `--header`.
   */
  toResponse(added: Fields | null): Response {
    const headers: HeaderList = [
      ["content-type", "text/plain; charset=utf-8"],
      ["connection", "close"],
      ...this.headers,
    ];
    return new Response(this.message + "\n", {
      status: this.status,
      headers: withAdded(headers, added),
    });
  }
}

/**
 * A whole response, as a test looks at it.
 *
 * @module
 */

import type { SendEvent } from "../pagi/types.ts";

/** What an app answered. */
export class TestResponse {
  /**
   * @param headers What app and server say. The fields of the connection are
   * the engine's: `date`, `connection`, `transfer-encoding`, and a
   * `content-length` that the app did not give.
   * @param events All that the app sent, in order.
   */
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly body: Uint8Array,
    readonly events: readonly SendEvent[],
  ) {}

  /** The body as UTF-8; a byte order mark stays. */
  get text(): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.body);
  }

  /**
   * The body as JSON.
   *
   * @throws {SyntaxError} When it is none.
   */
  json(): unknown {
    return JSON.parse(this.text);
  }
}

/** An app answered a request for a stream or a WebSocket with a response. */
export class DeclinedError extends Error {
  override readonly name = "DeclinedError";

  constructor(
    /** Of the request, as in `GET /events`. */
    request: string,
    /** What the app answered instead. */
    readonly response: TestResponse,
  ) {
    super(
      `${request}: the app declined with status ${response.status}: ${
        response.text.slice(0, 200)
      }`,
    );
  }
}

/**
 * A response that a test reads piece by piece.
 *
 * @module
 */

import type { SendEvent } from "../pagi/types.ts";
import type { TestExchange } from "./test_exchange.ts";

/** A started response; iterate its pieces, or leave in its middle. */
export class TestStream implements AsyncDisposable {
  /** As the app gave it, or the server in its stead. */
  readonly status: number;
  /** What app and server say. */
  readonly headers: Headers;
  readonly #exchange: TestExchange;
  #over = false;

  /** Made by the client's `stream`. */
  constructor(exchange: TestExchange, { status, headers }: Response) {
    this.#exchange = exchange;
    this.status = status;
    this.headers = headers;
  }

  /** All that the app sent so far, in order. */
  get events(): readonly SendEvent[] {
    return this.#exchange.watch.events;
  }

  /**
   * Waits for the next piece of the body; null when it is complete.
   *
   * @throws {Error} When the app breaks its response off.
   * @throws {TimeoutError} When nothing comes in time.
   */
  async next(): Promise<Uint8Array | null> {
    if (this.#over) return null;
    const piece = await this.#exchange.within(
      "go on with its response",
      this.#exchange.read(),
    );
    if (piece === null) {
      this.#over = true;
      await this.#exchange.ended();
    }
    return piece;
  }

  /** The pieces to the end of the body. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (
      let piece = await this.next();
      piece !== null;
      piece = await this.next()
    ) yield piece;
  }

  /** The client leaves; waits until the app has returned. */
  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#exchange.leave();
  }

  /** As `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * What all streams that a test reads have in common.
 *
 * @module
 */

import type { SendEvent } from "../pagi/types.ts";
import type { TestExchange } from "./test_exchange.ts";

/** A started response that is read part by part; iterate it, or leave. */
export abstract class PartialResponse<Part> implements AsyncDisposable {
  /** As the app gave it, or the server in its stead. */
  readonly status: number;
  /** What app and server say. */
  readonly headers: Headers;
  readonly #exchange: TestExchange;
  #over = false;

  /** Made by the client. */
  constructor(exchange: TestExchange, { status, headers }: Response) {
    this.#exchange = exchange;
    this.status = status;
    this.headers = headers;
  }

  /** What the app is to do next, for the message of a timeout. */
  protected abstract readonly awaited: string;

  /** Reads up to the end of the next part; null at the end of all. */
  protected abstract readPart(
    read: () => Promise<Uint8Array | null>,
  ): Promise<Part | null>;

  /** All that the app sent so far, in order. */
  get events(): readonly SendEvent[] {
    return this.#exchange.watch.events;
  }

  /**
   * Waits for the next part; null when the app has ended its response.
   *
   * @throws {Error} When the app breaks its response off.
   * @throws {TimeoutError} When nothing comes in time.
   */
  async next(): Promise<Part | null> {
    if (this.#over) return null;
    const exchange = this.#exchange;
    const part = await exchange.within(
      this.awaited,
      this.readPart(() => exchange.read()),
    );
    if (part === null) {
      this.#over = true;
      await exchange.ended();
    }
    return part;
  }

  /** The parts to the end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Part> {
    for (
      let part = await this.next();
      part !== null;
      part = await this.next()
    ) yield part;
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

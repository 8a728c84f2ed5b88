/**
 * An event stream, as a browser reads it.
 *
 * @module
 */

import type { SendEvent } from "../pagi/types.ts";
import type { TestExchange } from "./test_exchange.ts";

/** One event of a stream. */
export interface StreamEvent {
  /** The event's name; `message` unless the app gave one. */
  event: string;
  /** Its lines, joined by LF. */
  data: string;
  /** null unless this event has one. */
  id: string | null;
  /** Milliseconds; null unless this event has them. */
  retry: number | null;
}

/** A started event stream; iterate it, or ask for the next event. */
export class TestEventStream implements AsyncDisposable {
  /** 200 unless the app gave another. */
  readonly status: number;
  /** What app and server say. */
  readonly headers: Headers;
  /** The comments so far, without their first colon. */
  readonly comments: string[] = [];
  readonly #exchange: TestExchange;
  readonly #decoder = new TextDecoder();
  #text = "";
  #over = false;

  /** Made by the client's `sse`. */
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
   * Waits for the next event; null when the app has ended the stream.
   *
   * @throws {TimeoutError} When none comes in time.
   */
  async next(): Promise<StreamEvent | null> {
    if (this.#over) return null;
    const exchange = this.#exchange;
    const event = await exchange.within("send an event", this.#next());
    if (event === null) {
      this.#over = true;
      await exchange.ended();
    }
    return event;
  }

  async #next(): Promise<StreamEvent | null> {
    while (true) {
      const end = this.#text.indexOf("\n\n");
      if (end < 0) {
        const piece = await this.#exchange.read();
        if (piece === null) return null;
        this.#text += this.#decoder.decode(piece, { stream: true });
        continue;
      }
      const event = this.#parse(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 2);
      if (event !== null) return event;
    }
  }

  /** The events to the end of the stream. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent> {
    for (
      let event = await this.next();
      event !== null;
      event = await this.next()
    ) yield event;
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

  /** HTML standard, 9.2.6: an event without data is none. */
  #parse(block: string): StreamEvent | null {
    const data: string[] = [];
    let event = "message";
    let id: string | null = null;
    let retry: number | null = null;
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "") this.comments.push(line.slice(1));
      else if (field === "data") data.push(value);
      else if (field === "event") event = value;
      else if (field === "id") id = value;
      else if (field === "retry") retry = Number(value);
    }
    if (data.length === 0) return null;
    return { event, data: data.join("\n"), id, retry };
  }
}

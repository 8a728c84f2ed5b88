/**
 * Responses that a test reads part by part: chunks, and events as a browser
 * reads them.
 *
 * @module
 */

import type { SendEvent } from "../src/pagi/types.ts";
import type { TestExchange } from "./exchange.ts";

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
export class TestEventStream extends PartialResponse<StreamEvent> {
  /** The comments so far, without their first colon. */
  readonly comments: string[] = [];
  /** For the message of a timeout. */
  protected override readonly awaited: string = "send an event";
  readonly #decoder = new TextDecoder();
  #text = "";

  /** Reads on to the next block that is an event. */
  protected override async readPart(
    read: () => Promise<Uint8Array | null>,
  ): Promise<StreamEvent | null> {
    while (true) {
      const end = this.#text.indexOf("\n\n");
      if (end < 0) {
        const piece = await read();
        if (piece === null) return null;
        this.#text += this.#decoder.decode(piece, { stream: true });
        continue;
      }
      const event = this.#parse(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 2);
      if (event !== null) return event;
    }
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

/** A started response; iterate its pieces, or leave in its middle. */
export class TestStream extends PartialResponse<Uint8Array> {
  /** For the message of a timeout. */
  protected override readonly awaited: string = "go on with its response";

  /** A piece as it comes. */
  protected override readPart(
    read: () => Promise<Uint8Array | null>,
  ): Promise<Uint8Array | null> {
    return read();
  }
}

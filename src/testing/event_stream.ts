/**
 * An event stream, as a browser reads it.
 *
 * @module
 */

import { PartialResponse } from "./partial_response.ts";

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

/**
 * What an app receives of one WebSocket.
 *
 * @module
 */

import type { ReceiveEvent } from "../../pagi/types.ts";

type DisconnectEvent = Extract<
  ReceiveEvent,
  { type: "websocket.disconnect" }
>;

/**
 * The events of one WebSocket on their way to the app: `websocket.connect`,
 * the messages, and last the disconnect, again and again (PAGI.md 3.4).
 */
export class WebSocketInbox {
  #events: ReceiveEvent[] = [{ type: "websocket.connect" }];
  #next = 0;
  #waiting: ((event: ReceiveEvent) => void)[] = [];
  #disconnect: DisconnectEvent | null = null;

  /** Messages that the app has not taken yet. */
  get length(): number {
    return this.#events.length - this.#next;
  }

  /** Takes a message in; nothing comes after the disconnect. */
  push(event: ReceiveEvent): void {
    if (this.#disconnect !== null) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting(event);
    else this.#events.push(event);
  }

  /** The end, after what is queued already. */
  end(code: number, reason: string): void {
    if (this.#disconnect !== null) return;
    this.#disconnect = { type: "websocket.disconnect", code, reason };
    for (const resolve of this.#waiting) resolve(this.#disconnect);
    this.#waiting = [];
  }

  /** The next event. */
  receive(): Promise<ReceiveEvent> {
    if (this.#next < this.#events.length) {
      const event = this.#events[this.#next++];
      // Forget what was taken once it is worth the move.
      if (this.#next === this.#events.length || this.#next > 512) {
        this.#events = this.#events.slice(this.#next);
        this.#next = 0;
      }
      return Promise.resolve(event);
    }
    if (this.#disconnect !== null) return Promise.resolve(this.#disconnect);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

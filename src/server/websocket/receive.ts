/**
 * What an app receives of one WebSocket.
 *
 * @module
 */

import { Queue } from "../queue.ts";
import type { ReceiveEvent } from "../../pagi/types.ts";
import type { Ending } from "./ending.ts";

type DisconnectEvent = Extract<
  ReceiveEvent,
  { type: "websocket.disconnect" }
>;

/**
 * The events of one WebSocket on their way to the app: `websocket.connect`,
 * the messages, and last the disconnect, again and again (PAGI.md 3.4).
 */
export class WebSocketInbox {
  /** Messages that came so far. */
  received = 0;
  #connected = false;
  /** What came before the app asked for it; mostly nothing does. */
  #events: Queue<ReceiveEvent> | null = null;
  /** The call that waits for the next event; mostly there is one. */
  #waiter: ((event: ReceiveEvent) => void) | null = null;
  /** Those that wait behind it. */
  #waiting: ((event: ReceiveEvent) => void)[] | null = null;
  #disconnect: DisconnectEvent | null = null;
  readonly #limit: number;

  /** @param limit So many messages may wait for the app. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a message in; false when too many wait already. */
  push(data: string | ArrayBuffer): boolean {
    this.received++;
    const event: ReceiveEvent = typeof data === "string"
      ? { type: "websocket.receive", text: data }
      : { type: "websocket.receive", bytes: new Uint8Array(data) };
    const waiter = this.#waiter;
    if (waiter !== null) {
      this.#waiter = this.#waiting?.shift() ?? null;
      waiter(event);
      return true;
    }
    const events = this.#events ??= new Queue();
    if (events.length >= this.#limit) return false;
    // Nothing comes after the disconnect.
    if (this.#disconnect === null) events.push(event);
    return true;
  }

  /** The end, after what is queued already. */
  end(ending: Ending): void {
    if (this.#disconnect !== null) return;
    this.#disconnect = { type: "websocket.disconnect", ...ending };
    this.#waiter?.(this.#disconnect);
    this.#waiter = null;
    for (const resolve of this.#waiting ?? []) resolve(this.#disconnect);
    this.#waiting = null;
  }

  /** The next event. */
  receive(): Promise<ReceiveEvent> {
    if (!this.#connected) {
      this.#connected = true;
      return Promise.resolve({ type: "websocket.connect" });
    }
    const event = this.#events?.shift();
    if (event !== undefined) return Promise.resolve(event);
    if (this.#disconnect !== null) return Promise.resolve(this.#disconnect);
    return new Promise((resolve) => {
      if (this.#waiter === null) this.#waiter = resolve;
      else (this.#waiting ??= []).push(resolve);
    });
  }
}

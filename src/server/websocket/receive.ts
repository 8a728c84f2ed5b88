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
  /**
   * What the app has received: nothing, though perhaps nothing but the end is
   * to come, or the connect event, or all. A message looks at no other field
   * that an end changes first: the engine compiles what has never changed as
   * if it never would, and the first end would undo that for all that are left.
   */
  #phase: "new" | "new and over" | "open" | "over" = "new";
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
    this.#phase = this.#phase === "open" ? "over" : "new and over";
    this.#waiter?.(this.#disconnect);
    this.#waiter = null;
    if (this.#waiting === null) return;
    for (const resolve of this.#waiting) resolve(this.#disconnect);
    this.#waiting = null;
  }

  /** The next event. */
  receive(): Promise<ReceiveEvent> {
    if (this.#phase !== "open") return Promise.resolve(this.#outside());
    const event = this.#events?.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => {
      if (this.#waiter === null) this.#waiter = resolve;
      else (this.#waiting ??= []).push(resolve);
    });
  }

  /** The next event before the messages, or after the end. */
  #outside(): ReceiveEvent {
    switch (this.#phase) {
      case "new":
        this.#phase = "open";
        return { type: "websocket.connect" };
      case "new and over":
        this.#phase = "over";
        return { type: "websocket.connect" };
      default:
        return this.#events?.shift() ?? this.#disconnect!;
    }
  }
}

/** What an app receives of one WebSocket. */

import type { ScopeChannels } from "../../channels/scope_channels.ts";
import type { ReadPause } from "../../engine/websocket.ts";
import type { ReceiveEvent } from "../../pagi/types.ts";
import { Queue } from "../response/outbound_body.ts";
import { afterEnd } from "../response/transport_state.ts";
import type { CloseInfo } from "./close_info.ts";

type Resolve = (event: ReceiveEvent) => void;

/** Resolves the promise that was made last. */
let lastResolve: Resolve;
/** The same for all promises: a closure for each would be one more object. */
function noteResolve(resolve: Resolve): void {
  lastResolve = resolve;
}

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
   * Whether the app has received the connect event, and whether the connection is
   * over. For a message only this field is read: V8 compiles a field that never
   * changed as a constant, so one that only an end changes would deoptimise the
   * code for all other WebSockets.
   */
  #phase: "new" | "new and over" | "open" | "over" = "new";
  /** Events that came before the app asked for them; rarely used. */
  #events: Queue<ReceiveEvent> | null = null;
  /** The `receive()` that waits for the next event; usually there is one. */
  #waiter: Resolve | null = null;
  /** Further calls that wait behind it. */
  #waiting: Resolve[] | null = null;
  #disconnect: DisconnectEvent | null = null;
  /** The message that found the queue full. */
  #excess: ReceiveEvent | null = null;
  /** Notified of messages taken while the queue is full; else null. */
  #pause: ReadPause | null = null;
  readonly #limit: number;
  /** The scope's channels; null before the first event of one waits. */
  #channels: ScopeChannels | null = null;
  /** Whether the last event came from there: they take turns. */
  #fromChannels = false;

  /** @param limit How many messages may wait for the app. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Adds a message. False if the queue is full; then this one is kept beside it
   * until {@linkcode waitFor} or {@linkcode overflow} is called.
   */
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
    // Nothing comes after the disconnect.
    if (this.#disconnect !== null) return true;
    if (events.length >= this.#limit) {
      this.#excess = event;
      return false;
    }
    events.push(event);
    return true;
  }

  /** Passes an event of a channel to the app, if that waits for one. */
  channelEventCame(channels: ScopeChannels): void {
    this.#channels = channels;
    const waiter = this.#waiter;
    const event = waiter === null ? null : channels.shift();
    if (event === null) return;
    this.#waiter = this.#waiting?.shift() ?? null;
    waiter!(event);
  }

  /** Resumes `pause` when half of the full queue has been taken. */
  waitFor(pause: ReadPause): void {
    this.#pause = pause;
  }

  /** Drops the message beside the full queue: the connection is closed. */
  overflow(): void {
    this.#excess = null;
  }

  /** Adds the disconnect behind the queued events. */
  end(info: CloseInfo): void {
    if (this.#disconnect !== null) return;
    this.#takeExcess();
    this.#pause = null;
    this.#disconnect = { type: "websocket.disconnect", ...info };
    this.#phase = this.#phase === "open" ? "over" : "new and over";
    this.#waiter?.(this.#disconnect);
    this.#waiter = null;
    if (this.#waiting === null) return;
    for (const resolve of this.#waiting) resolve(this.#disconnect);
    this.#waiting = null;
  }

  /** The next event. */
  receive(): Promise<ReceiveEvent> {
    if (this.#phase !== "open") {
      const event = this.#outside();
      return event === this.#disconnect
        ? afterEnd().then(() => event)
        : Promise.resolve(event);
    }
    if (this.#channels !== null) {
      this.#fromChannels = !this.#fromChannels || !this.#events?.length;
      const event = this.#fromChannels ? this.#channels.shift() : null;
      if (event !== null) return Promise.resolve(event);
    }
    const event = this.#events?.shift();
    if (event !== undefined) {
      if (this.#pause !== null) this.#tookFromFull(this.#pause);
      return Promise.resolve(event);
    }
    const promise = new Promise(noteResolve);
    if (this.#waiter === null) this.#waiter = lastResolve;
    else (this.#waiting ??= []).push(lastResolve);
    return promise;
  }

  /** A message of a full queue has been taken. */
  #tookFromFull(pause: ReadPause): void {
    this.#takeExcess();
    pause.taken();
    if (this.#events!.length > this.#limit / 2) return;
    this.#pause = null;
    pause.resume();
  }

  #takeExcess(): void {
    if (this.#excess !== null) this.#events!.push(this.#excess);
    this.#excess = null;
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

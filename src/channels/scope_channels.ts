/** What one scope has of channels: `pagi.channels`. */

import type {
  ChannelEvent,
  PagiChannels,
  ReceiveEvent,
} from "../pagi/types.ts";
import { threadChannels } from "./channels.ts";
import { EventQueue, type Missed } from "./event_queue.ts";
import { createMessage, type Message } from "./message.ts";
import type { Subscriber } from "./subscribers.ts";

/** Whose scope it is. */
export interface ChannelsOwner {
  /** An event waits, for which no call of {@linkcode ScopeChannels.receive} does. */
  channelEventCame(channels: ScopeChannels): void;
}

/** The start of own channels, unlike any of other threads and processes. */
const PREFIX = `conn.${
  crypto.getRandomValues(new Uint8Array(9)).toBase64({ alphabet: "base64url" })
}.`;
/** Ends of names: to convert a new number for each scope takes 40 ns more. */
const ENDINGS = Array.from({ length: 1024 }, (_, i) => `.${i}`);
let block = "";
let blocks = 0;
let next = ENDINGS.length;

/** The name of an own channel; each is used once. */
function newName(): string {
  if (next === ENDINGS.length) {
    block = PREFIX + ++blocks;
    next = 0;
  }
  return block + ENDINGS[next++];
}

/**
 * Every scope has one; it is nothing but a name until the app subscribes.
 */
export class ScopeChannels implements PagiChannels, Subscriber {
  readonly ownChannel: string = newName();
  readonly #owner: ChannelsOwner;
  /** Null before anything was subscribed to. */
  #queue: EventQueue | null = null;
  #channels: Set<string> | null = null;
  /** Calls of `receive`. */
  #waiting: ((event: ReceiveEvent) => void)[] | null = null;
  #over = false;

  constructor(owner: ChannelsOwner) {
    this.#owner = owner;
  }

  // deno-lint-ignore require-await -- what it throws must reject
  async publish(
    channel: string,
    message: unknown,
    options?: { exclude?: string | readonly string[] },
  ): Promise<void> {
    threadChannels().send(createMessage(channel, message, options?.exclude));
  }

  send(channel: string, message: unknown): Promise<void> {
    return this.publish(channel, message);
  }

  async subscribe(channel: string): Promise<void> {
    if (this.#over) return;
    const channels = threadChannels();
    const joined = channels.add(channel, this);
    const own = this.#channels === null
      ? channels.add(this.ownChannel, this)
      : null;
    this.#queue ??= new EventQueue();
    (this.#channels ??= new Set([this.ownChannel])).add(channel);
    await joined;
    await own;
  }

  // deno-lint-ignore require-await -- what it throws must reject
  async unsubscribe(channel: string): Promise<void> {
    if (this.#channels?.delete(channel)) {
      threadChannels().remove(channel, this);
    }
  }

  take(message: Message): boolean {
    const taken = this.#queue!.push(message);
    this.#wake();
    return taken;
  }

  gap(channel: string, missed: Missed): void {
    this.#queue!.gap(channel, missed);
    this.#wake();
  }

  /** The next event; null when none waits. */
  shift(): ChannelEvent | null {
    return this.#queue?.shift() ?? null;
  }

  /** The next event, or what `whenOver` resolves to. */
  receive(whenOver: () => Promise<ReceiveEvent>): Promise<ReceiveEvent> {
    const event = this.shift();
    if (event !== null) return Promise.resolve(event);
    // Once: a stream may last for a million messages.
    const waiting = this.#waiting ?? [];
    if (this.#waiting === null) {
      this.#waiting = waiting;
      whenOver().then((over) => {
        this.end();
        for (const resolve of waiting.splice(0)) resolve(over);
      });
    }
    return new Promise((resolve) => waiting.push(resolve));
  }

  /** Leaves all channels; called when nothing can be received any more. */
  end(): void {
    this.#over = true;
    if (this.#channels === null) return;
    for (const channel of this.#channels) {
      threadChannels().remove(channel, this);
    }
    this.#channels = null;
  }

  #wake(): void {
    if (!this.#waiting?.length) return this.#owner.channelEventCame(this);
    const event = this.shift();
    if (event !== null) this.#waiting.shift()!(event);
  }
}

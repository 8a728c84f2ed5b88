/** One subscription as an async iterable. */

import type { ChannelEvent } from "../pagi/types.ts";
import { EventQueue, type Missed } from "./event_queue.ts";
import type { Message } from "./message.ts";
import type { Subscriber, Subscribers } from "./subscribers.ts";

/** How to subscribe. */
export interface SubscribeOptions {
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
  /** Messages that may wait; beyond that they are dropped (10,000). */
  readonly limit?: number;
}

/**
 * The events of a channel, from the call of `subscribe` on. Leaving the loop
 * ends it, and so do `signal` and `close()`.
 */
export interface Subscription
  extends AsyncIterableIterator<ChannelEvent>, AsyncDisposable {
  /**
   * Resolves when messages of other workers arrive too, and of other machines
   * as far as the broker can be reached.
   */
  readonly ready: Promise<void>;
  /** Ends it. */
  close(): void;
}

/** A subscription with what waits for its loop. */
export class SubscriptionQueue implements Subscription, Subscriber {
  readonly ownChannel = null;
  readonly ready: Promise<void>;
  readonly #channels: Subscribers;
  readonly #queue: EventQueue;
  /** Calls of `next` that wait. */
  readonly #waiting: (() => void)[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #close = (): void => this.close();
  #closed = false;

  constructor(
    channels: Subscribers,
    readonly channel: string,
    { signal, limit }: SubscribeOptions = {},
  ) {
    this.#channels = channels;
    this.#queue = new EventQueue(limit);
    this.ready = channels.add(channel, this);
    this.#signal = signal;
    if (signal?.aborted) this.close();
    else signal?.addEventListener("abort", this.#close);
  }

  take(message: Message): boolean {
    const taken = this.#queue.push(message);
    this.#waiting.shift()?.();
    return taken;
  }

  gap(channel: string, missed: Missed): void {
    this.#queue.gap(channel, missed);
    this.#waiting.shift()?.();
  }

  async next(): Promise<IteratorResult<ChannelEvent>> {
    while (!this.#closed) {
      const value = this.#queue.shift();
      if (value !== null) return { done: false, value };
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return { done: true, value: undefined };
  }

  /** Called on leaving a loop. */
  return(): Promise<IteratorResult<ChannelEvent>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#close);
    this.#channels.remove(this.channel, this);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

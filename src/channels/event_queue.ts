/** Messages that wait for one subscriber, and what it missed. */

import type { ChannelEvent } from "../pagi/types.ts";
import type { Message } from "./message.ts";

/** Messages that may wait for one subscriber … */
export const MAX_WAITING = 10_000;
/** … and their size, in bytes or UTF-16 units. */
export const MAX_WAITING_SIZE = 4 * 1024 * 1024;

/** A number of messages; null when it is unknown. */
export type Missed = number | null;

/** Stands for all channels, where messages of too many were lost. */
export const ALL_CHANNELS = "*";
/** Channels whose losses are counted. */
const MAX_COUNTED = 10_000;

/** Counts of lost messages, by channel. */
export class Losses {
  readonly #missed = new Map<string, Missed>();

  /** Adds `missed` messages of `channel`. */
  add(channel: string, missed: Missed): void {
    if (this.#missed.size >= MAX_COUNTED && !this.#missed.has(channel)) {
      this.#missed.clear();
      channel = ALL_CHANNELS;
    }
    if (this.#missed.has(ALL_CHANNELS)) {
      [channel, missed] = [ALL_CHANNELS, null];
    }
    const before = this.#missed.has(channel) ? this.#missed.get(channel)! : 0;
    this.#missed.set(
      channel,
      missed === null || before === null ? null : before + missed,
    );
  }

  /** The number of channels. */
  get size(): number {
    return this.#missed.size;
  }

  /** Takes all out. */
  take(): [channel: string, missed: Missed][] {
    const all = [...this.#missed];
    this.#missed.clear();
    return all;
  }
}

/** A message, or how many are missing in its place. */
type Waiting =
  | Message
  | { readonly channel: string; readonly missed: Missed };

/**
 * Events in order. From a full queue on, messages are dropped until half of it
 * is taken; then comes one gap for each channel, and messages again.
 */
export class EventQueue {
  #items: Waiting[] = [];
  /** Where the first of them is. */
  #first = 0;
  #size = 0;
  readonly #lost = new Losses();

  /** @throws {RangeError} When a limit is below 1. */
  constructor(
    readonly limit: number = MAX_WAITING,
    readonly maxSize: number = MAX_WAITING_SIZE,
  ) {
    if (limit >= 1 && maxSize >= 1) return;
    throw new RangeError(
      `The limit of what may wait for a subscriber is at least 1, not ${
        limit >= 1 ? maxSize : limit
      }.`,
    );
  }

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** False when the message was dropped. */
  push(message: Message): boolean {
    if (this.#lost.size > 0 && this.length <= this.limit / 2) this.#tellLost();
    const full = this.length >= this.limit ||
      this.length > 0 && this.#size + message.size > this.maxSize;
    if (full || this.#lost.size > 0) {
      this.#lost.add(message.channel, 1);
      return false;
    }
    this.#items.push(message);
    this.#size += message.size;
    return true;
  }

  /** Puts in what was missed before. */
  gap(channel: string, missed: Missed): void {
    this.#lost.add(channel, missed);
    if (this.length <= this.limit / 2) this.#tellLost();
  }

  /** The next event; null when none waits. */
  shift(): ChannelEvent | null {
    const item = this.shiftItem();
    if (item === null) return null;
    const { channel } = item;
    return "missed" in item
      ? { type: "channel.gap", channel, missed: item.missed }
      : { type: "channel.message", channel, message: item.value };
  }

  /** As `shift`, but the message as it was serialized. */
  shiftItem(): Waiting | null {
    if (this.#lost.size > 0 && this.length <= this.limit / 2) this.#tellLost();
    if (this.length === 0) return null;
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined!;
    if (this.#first > 1000 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    if (!("missed" in item)) this.#size -= item.size;
    return item;
  }

  #tellLost(): void {
    for (const [channel, missed] of this.#lost.take()) {
      const last = this.#items.at(-1);
      if (
        this.length > 0 && last !== undefined && "missed" in last &&
        last.channel === channel
      ) {
        this.#items.pop();
        this.#lost.add(channel, last.missed);
        this.#lost.add(channel, missed);
        const [[, sum]] = this.#lost.take();
        this.#items.push({ channel, missed: sum });
      } else this.#items.push({ channel, missed });
    }
  }
}

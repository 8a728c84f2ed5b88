/** Messages that wait to be handed on, many at once and bounded. */

import { countDropped } from "../metrics/counters.ts";
import { Losses, type Missed } from "./event_queue.ts";
import type { Message } from "./message.ts";

/** Messages that may wait for a busy receiver … */
const MAX_QUEUED = 100_000;
/** … and their size, in bytes or UTF-16 units. */
const MAX_QUEUED_SIZE = 16 * 1024 * 1024;
/** Items in a batch; the receiving event loop can do other work after each. */
const BATCH = 200;
/** Batches on their way. */
const IN_FLIGHT = 4;

/** How the items of a queue are made and handed on. */
interface BatchOptions<T> {
  message(message: Message): T;
  gap(channel: string, missed: Missed): T;
  /** Where they go, for metrics. */
  readonly to: "thread" | "broker";
  /** Hands items on; then {@linkcode BatchQueue.answered} is to be called. */
  send(items: readonly T[]): void;
}

interface Batch<T> {
  readonly items: T[];
  messages: number;
  size: number;
}

/**
 * Few batches are on their way at a time; what comes meanwhile waits here. So
 * batches grow with the load, and what waits for somebody who does not answer
 * is known, bounded and counted.
 */
export class BatchQueue<T> {
  readonly #options: BatchOptions<T>;
  readonly #lost = new Losses();
  #batches: Batch<T>[] = [];
  /** Messages in all batches that wait. */
  #queued = 0;
  #size = 0;
  #inFlight = 0;
  #scheduled = false;

  constructor(options: BatchOptions<T>) {
    this.#options = options;
  }

  /** False when too much waits already: then the message is counted. */
  message(message: Message): boolean {
    const { size } = message;
    const full = this.#queued >= MAX_QUEUED ||
      this.#queued > 0 && this.#size + size > MAX_QUEUED_SIZE;
    if (full || this.#lost.size > 0) {
      countDropped(this.#options.to, 1);
      this.#lost.add(message.channel, 1);
      if (this.#inFlight === 0) this.#tellLost();
      return false;
    }
    this.#queued++;
    this.#size += size;
    const batch = this.push(this.#options.message(message));
    batch.messages++;
    batch.size += size;
    return true;
  }

  /** Adds anything else, of which there is never much. */
  push(item: T): Batch<T> {
    let batch = this.#batches.at(-1);
    if (batch === undefined || batch.items.length >= BATCH) {
      batch = { items: [], messages: 0, size: 0 };
      this.#batches.push(batch);
    }
    batch.items.push(item);
    if (!this.#scheduled && this.#inFlight < IN_FLIGHT) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
    return batch;
  }

  /** A batch has arrived. */
  answered(): void {
    this.#inFlight--;
    this.#tellLost();
    this.#flush();
  }

  /** What has not been sent yet. */
  waiting(): T[] {
    this.#tellLost();
    return this.#batches.flatMap(({ items }) => items);
  }

  #tellLost(): void {
    if (this.#lost.size === 0 || this.#queued > MAX_QUEUED / 2) return;
    for (const [channel, missed] of this.#lost.take()) {
      this.push(this.#options.gap(channel, missed));
    }
  }

  #flush(): void {
    while (this.#inFlight < IN_FLIGHT) {
      const batch = this.#batches.shift();
      if (batch === undefined) return;
      this.#queued -= batch.messages;
      this.#size -= batch.size;
      this.#inFlight++;
      this.#options.send(batch.items);
    }
  }
}

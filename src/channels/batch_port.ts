/**
 * Messages between two threads, many at once and bounded.
 *
 * @module
 */

import { Losses, type Missed } from "./event_queue.ts";
import { Message } from "./message.ts";

/** What may wait for a thread that is busy: messages … */
const MAX_QUEUED = 100_000;
/** … and their size, in bytes or UTF-16 units. */
const MAX_QUEUED_SIZE = 16 * 1024 * 1024;
/** Events in a batch: those who take them get their turn after each. */
const BATCH = 200;
/** Batches on their way. */
const IN_FLIGHT = 2;

/** What the other thread hears, in order. */
export interface PortEvents {
  message(message: Message): void;
  /** @param channel Perhaps {@linkcode ALL_CHANNELS}. */
  gap(channel: string, missed: Missed): void;
  /** From a worker: to be answered with `joined`. */
  join?(channel: string, id: number): void;
  leave?(channel: string): void;
  /** To a worker. */
  joined?(channel: string, id: number): void;
}

type Kind = keyof PortEvents;
/** Kind, channel, and two more: less to copy than an object for each event. */
type Batch = { readonly events: unknown[]; messages: number; size: number };

/**
 * One end of a port. Few batches are on their way at a time; what comes
 * meanwhile waits here, so that batches grow with the load, and what waits for
 * a thread that does not answer is known, bounded and counted.
 */
export class BatchPort {
  /** Messages that were dropped here. */
  dropped = 0;
  readonly #port: MessagePort;
  #batches: Batch[] = [];
  /** Messages in all batches that wait. */
  #queued = 0;
  #size = 0;
  readonly #lost = new Losses();
  #inFlight = 0;
  #scheduled = false;

  constructor(port: MessagePort, events: PortEvents) {
    this.#port = port;
    port.onmessage = ({ data }) => {
      if (data === null) return this.#answered();
      handle(data, events);
      port.postMessage(null);
    };
  }

  /** Sends a message, unless too much waits already: then it is counted. */
  message(message: Message): void {
    const { channel, body, exclude, size } = message;
    const full = this.#queued >= MAX_QUEUED ||
      this.#queued > 0 && this.#size + size > MAX_QUEUED_SIZE;
    if (full || this.#lost.size > 0) {
      this.dropped++;
      this.#lost.add(channel, 1);
      return;
    }
    this.#queued++;
    this.#size += size;
    const batch = this.#push("message", channel, body, exclude);
    batch.messages++;
    batch.size += size;
  }

  /** Sends anything else; of this there is never much. */
  send(kind: Exclude<Kind, "message">, channel: string, more?: unknown): void {
    this.#push(kind, channel, more, null);
  }

  close(): void {
    this.#port.close();
  }

  #push(kind: Kind, channel: string, body: unknown, more: unknown): Batch {
    let batch = this.#batches.at(-1);
    if (batch === undefined || batch.events.length >= 4 * BATCH) {
      batch = { events: [], messages: 0, size: 0 };
      this.#batches.push(batch);
    }
    batch.events.push(kind, channel, body, more);
    if (!this.#scheduled && this.#inFlight < IN_FLIGHT) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
    return batch;
  }

  #flush(): void {
    while (this.#inFlight < IN_FLIGHT) {
      const batch = this.#batches.shift();
      if (batch === undefined) return;
      this.#queued -= batch.messages;
      this.#size -= batch.size;
      this.#inFlight++;
      this.#port.postMessage(batch.events);
    }
  }

  #answered(): void {
    this.#inFlight--;
    if (this.#lost.size > 0 && this.#queued <= MAX_QUEUED / 2) {
      for (const [channel, missed] of this.#lost.take()) {
        this.#push("gap", channel, missed, null);
      }
    }
    this.#flush();
  }
}

function handle(batch: unknown[], events: PortEvents): void {
  for (let at = 0; at < batch.length; at += 4) {
    const kind = batch[at] as Kind;
    const channel = batch[at + 1] as string;
    const body = batch[at + 2];
    if (kind === "message") {
      const exclude = batch[at + 3] as readonly string[] | null;
      events.message(new Message(channel, body as string, exclude));
    } else events[kind]?.(channel, body as number);
  }
}

/** Channels between two threads. */

import { BatchQueue } from "./batch_queue.ts";
import type { Missed } from "./event_queue.ts";
import { Message } from "./message.ts";

/** What the other thread hears, in order. */
export interface PortEvents {
  message(message: Message): void;
  /** @param channel Perhaps `ALL_CHANNELS`. */
  gap(channel: string, missed: Missed): void;
  /** From a worker: to be answered with `joined`. */
  join?(channel: string, id: number): void;
  leave?(channel: string): void;
  /** To a worker. */
  joined?(channel: string, id: number): void;
}

/** Arrays are cheaper to copy than objects. */
type PortItem = readonly [
  kind: keyof PortEvents,
  channel: string,
  body?: unknown,
  exclude?: readonly string[] | null,
];

/** One end of a port. Every batch is answered with null. */
export class BatchPort {
  readonly #port: MessagePort;
  readonly #queue = new BatchQueue<PortItem>({
    to: "thread",
    message: ({ channel, body, exclude }) =>
      exclude === null
        ? ["message", channel, body]
        : ["message", channel, body, exclude],
    gap: (channel, missed) => ["gap", channel, missed],
    send: (items) => this.#port.postMessage(items),
  });

  constructor(port: MessagePort, events: PortEvents) {
    this.#port = port;
    port.onmessage = ({ data }) => {
      if (data === null) return this.#queue.answered();
      for (const item of data as PortItem[]) handle(item, events);
      port.postMessage(null);
    };
  }

  /** False when too much waits already: then the message is counted. */
  message(message: Message): boolean {
    return this.#queue.message(message);
  }

  /** Sends anything else. */
  send(...item: PortItem): void {
    this.#queue.push(item);
  }

  close(): void {
    this.#port.close();
  }
}

function handle(
  [kind, channel, body, exclude = null]: PortItem,
  events: PortEvents,
): void {
  if (kind === "message") {
    events.message(new Message(channel, body as string, exclude));
  } else events[kind]?.(channel, body as number);
}

/**
 * Who in one thread has subscribed to which channel, and the way to the other
 * threads and machines.
 */

import { countDropped } from "../metrics/counters.ts";
import { logLimit } from "../log/log.ts";
import { ALL_CHANNELS, type Missed } from "./event_queue.ts";
import { checkName, type Message } from "./message.ts";

/** Who gets the messages of a channel. Takes each at once, and never throws. */
export interface Subscriber {
  /** The connection's own channel, by which messages exclude it; else null. */
  readonly ownChannel: string | null;
  /** False when the message was dropped. */
  take(message: Message): boolean;
  gap(channel: string, missed: Missed): void;
}

/** The way to other threads and machines. */
export interface Uplink {
  /** Hands a message on to all others. Never waits. */
  publish(message: Message): void;
  /** Resolves when messages from elsewhere arrive. */
  join(channel: string): Promise<void>;
  leave(channel: string): void;
}

const DONE = Promise.resolve();

/** The subscribers of one thread. Without an uplink, that is all there is. */
export class Subscribers {
  /** Messages that subscribers of this thread missed for being slow. */
  dropped = 0;
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  readonly #joined = new Map<string, Promise<void>>();
  #uplink: Uplink | null = null;

  /** Connects this thread with others. */
  connect(uplink: Uplink | null): void {
    this.#uplink = uplink;
    if (uplink === null) return;
    for (const channel of this.#subscribers.keys()) {
      this.#joined.set(channel, uplink.join(channel));
    }
  }

  /** Hands a message to all subscribers, here and elsewhere. */
  send(message: Message): void {
    this.deliver(message);
    this.#uplink?.publish(message);
  }

  /**
   * Adds a subscriber; again without effect. Resolves when messages from
   * elsewhere arrive.
   *
   * @throws {TypeError} When the name cannot be one.
   */
  add(channel: string, subscriber: Subscriber): Promise<void> {
    checkName(channel);
    const known = this.#subscribers.get(channel);
    if (known !== undefined) known.add(subscriber);
    else {
      this.#subscribers.set(channel, new Set([subscriber]));
      if (this.#uplink !== null) {
        this.#joined.set(channel, this.#uplink.join(channel));
      }
    }
    return this.#joined.get(channel) ?? DONE;
  }

  /** Removes a subscriber; without effect where it is none. */
  remove(channel: string, subscriber: Subscriber): void {
    const known = this.#subscribers.get(channel);
    if (!known?.delete(subscriber) || known.size > 0) return;
    this.#subscribers.delete(channel);
    this.#joined.delete(channel);
    this.#uplink?.leave(channel);
  }

  /** Gives a message to the subscribers of this thread. */
  deliver(message: Message): void {
    const subscribers = this.#subscribers.get(message.channel);
    if (subscribers === undefined) return;
    const { exclude } = message;
    for (const subscriber of subscribers) {
      const { ownChannel } = subscriber;
      if (ownChannel !== null && exclude?.includes(ownChannel)) continue;
      if (!subscriber.take(message)) this.#drop(message.channel);
    }
  }

  /** Tells subscribers what they missed. */
  gap(channel: string, missed: Missed): void {
    const channels = channel === ALL_CHANNELS
      ? this.#subscribers.keys()
      : [channel];
    for (const name of channels) {
      for (const subscriber of this.#subscribers.get(name) ?? []) {
        subscriber.gap(name, missed);
      }
    }
  }

  #drop(channel: string): void {
    this.dropped++;
    countDropped("subscriber", 1);
    logLimit(
      "warn",
      "dropped",
      () =>
        `A subscriber of the channel ${channel} takes its messages too slowly: some are dropped, and it is told how many. ${this.dropped} were dropped in this worker so far.`,
    );
  }
}

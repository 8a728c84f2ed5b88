/**
 * The channels of a process: its threads, and the broker that connects it with
 * other processes.
 */

import { logLimit } from "../log/log.ts";
import { BatchPort } from "./batch_port.ts";
import type { Channels } from "./channels.ts";
import { ALL_CHANNELS, type Missed } from "./event_queue.ts";
import type { Message } from "./message.ts";
import type { Uplink } from "./subscribers.ts";

/** A thread of this process. */
interface Member {
  deliver(message: Message): void;
  gap(channel: string, missed: Missed): void;
}

/** The way to other processes: a broker. */
export interface Outside extends Uplink {
  /** Tells others that they miss so many messages of this process. */
  lost(channel: string, missed: Missed): void;
  close(): Promise<void>;
}

const DONE = Promise.resolve();

/** Hands messages on between the threads of this process, and to the broker. */
export class Hub {
  readonly #members = new Map<string, Set<Member>>();
  /** Resolve when the broker sends a channel's messages. */
  readonly #joined = new Map<string, Promise<void>>();
  #outside: Outside | null = null;

  /** Connects with other processes. */
  connect(outside: Outside): void {
    this.#outside = outside;
    for (const channel of this.#members.keys()) {
      this.#joined.set(channel, outside.join(channel));
    }
  }

  /** Adds the channels of this thread itself. */
  addLocal(channels: Channels): void {
    const member: Member = channels;
    channels.connect({
      publish: (message) => this.publish(message, member),
      join: (channel) => this.#join(channel, member),
      leave: (channel) => this.#leave(channel, member),
    });
  }

  /**
   * Adds a worker.
   *
   * @param number As the log names it.
   * @returns what removes it, and the end of the port that the worker needs
   */
  addWorker(number: number): { readonly port: MessagePort; remove(): void } {
    const { port1, port2 } = new MessageChannel();
    const channels = new Set<string>();
    const member: Member = {
      deliver: (message) => {
        if (port.message(message)) return;
        logLimit(
          "warn",
          "dropped",
          () =>
            `Worker ${number} is too busy to take the messages of the channel ${message.channel}: some are dropped, and its subscribers are told how many.`,
        );
      },
      gap: (channel, missed) => port.send("gap", channel, missed),
    };
    const port = new BatchPort(port1, {
      message: (message) => this.publish(message, member),
      // It could not hand on so many.
      gap: (channel, missed) => this.gap(channel, missed, member),
      join: (channel, id) => {
        channels.add(channel);
        this.#join(channel, member)
          .then(() => port.send("joined", channel, id));
      },
      leave: (channel) => {
        channels.delete(channel);
        this.#leave(channel, member);
      },
    });
    const remove = (): void => {
      for (const channel of channels) this.#leave(channel, member);
      channels.clear();
      port.close();
    };
    return { port: port2, remove };
  }

  /** Hands a message to all but `from`; null is the broker. */
  publish(message: Message, from: Member | null): void {
    for (const member of this.#members.get(message.channel) ?? []) {
      if (member !== from) member.deliver(message);
    }
    if (from !== null) this.#outside?.publish(message);
  }

  /** Tells all but `from` what they missed. */
  gap(channel: string, missed: Missed, from: Member | null): void {
    const channels = channel === ALL_CHANNELS
      ? this.#members.keys()
      : [channel];
    for (const name of channels) {
      for (const member of this.#members.get(name) ?? []) {
        if (member !== from) member.gap(name, missed);
      }
    }
    if (from !== null) this.#outside?.lost(channel, missed);
  }

  #join(channel: string, member: Member): Promise<void> {
    const known = this.#members.get(channel);
    if (known !== undefined) known.add(member);
    else {
      this.#members.set(channel, new Set([member]));
      this.#joined.set(channel, this.#outside?.join(channel) ?? DONE);
    }
    return this.#joined.get(channel)!;
  }

  #leave(channel: string, member: Member): void {
    const known = this.#members.get(channel);
    if (!known?.delete(member) || known.size > 0) return;
    this.#members.delete(channel);
    this.#joined.delete(channel);
    this.#outside?.leave(channel);
  }
}

/** Connects the channels of a worker's thread with its process. */
export function connectToHub(channels: Channels, port: MessagePort): void {
  const joining = new Map<number, () => void>();
  let ids = 0;
  const batches = new BatchPort(port, {
    message: (message) => channels.deliver(message),
    gap: (channel, missed) => channels.gap(channel, missed),
    joined: (_channel, id) => {
      joining.get(id)?.();
      joining.delete(id);
    },
  });
  channels.connect({
    publish: (message) => batches.message(message),
    join: (channel) =>
      new Promise((resolve) => {
        joining.set(++ids, resolve);
        batches.send("join", channel, ids);
      }),
    leave: (channel) => batches.send("leave", channel),
  });
}

/**
 * A WebSocket that gets the messages of a channel as they are.
 *
 * @module
 */

import { type Timer, unref } from "../std/timer.ts";
import { Losses, MAX_WAITING_SIZE, type Missed } from "./event_queue.ts";
import { checkName, type Message } from "./message.ts";
import type { Subscriber, Subscribers } from "./subscribers.ts";

/** How often a full socket is asked whether it has drained (ms). */
const POLL_MS = 100;

/** How a WebSocket joins a channel. */
export interface JoinOptions {
  /**
   * What to send for a gap; null sends nothing. By default the text
   * `{"type":"channel.gap","channel":"…","missed":3}`.
   */
  readonly gap?: (
    channel: string,
    missed: number | null,
  ) => string | Uint8Array<ArrayBuffer> | null;
  /** Bytes that may wait unsent; beyond that messages are dropped (4 MiB). */
  readonly limit?: number;
}

/** A WebSocket in a channel. */
export interface Membership {
  /** Resolves when messages arrive; also when the WebSocket closes before. */
  readonly ready: Promise<void>;
  /** Ends it; closing the WebSocket does too. */
  leave(): void;
}

/** Sends the messages of `channel` to `socket`, from its opening to its end. */
export function joinSocket(
  channels: Subscribers,
  socket: WebSocket,
  channel: string,
  options: JoinOptions = {},
): Membership {
  checkName(channel);
  const member = new SocketMember(socket, options);
  const ready = Promise.withResolvers<void>();
  const join = (): void => {
    channels.add(channel, member).then(ready.resolve, ready.reject);
  };
  const leave = (): void => {
    socket.removeEventListener("open", join);
    socket.removeEventListener("close", leave);
    channels.remove(channel, member);
    member.end();
    ready.resolve();
  };
  socket.addEventListener("close", leave);
  if (socket.readyState === WebSocket.OPEN) join();
  else if (socket.readyState === WebSocket.CONNECTING) {
    socket.addEventListener("open", join, { once: true });
  } else leave();
  return { ready: ready.promise, leave };
}

class SocketMember implements Subscriber {
  readonly ownChannel = null;
  readonly #socket: WebSocket;
  readonly #gap: NonNullable<JoinOptions["gap"]>;
  readonly #limit: number;
  readonly #lost = new Losses();
  #poll: Timer | undefined;

  constructor(socket: WebSocket, options: JoinOptions) {
    this.#socket = socket;
    this.#gap = options.gap ?? gapText;
    this.#limit = options.limit ?? MAX_WAITING_SIZE;
  }

  take(message: Message): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return true;
    if (this.#lost.size > 0) this.#tellLost();
    const { bufferedAmount } = this.#socket;
    const fits = bufferedAmount === 0 ||
      bufferedAmount + message.size <= this.#limit;
    if (this.#lost.size === 0 && fits) {
      this.#send(message.body as string | Uint8Array<ArrayBuffer>);
      return true;
    }
    this.gap(message.channel, 1);
    return false;
  }

  gap(channel: string, missed: Missed): void {
    this.#lost.add(channel, missed);
    this.#tellLost();
    if (this.#lost.size === 0) return;
    this.#poll ??= unref(setInterval(() => this.#tellLost(), POLL_MS));
  }

  end(): void {
    clearInterval(this.#poll);
  }

  /** Tells what was lost once half of the buffer is free. */
  #tellLost(): void {
    if (this.#socket.bufferedAmount > this.#limit / 2) return;
    clearInterval(this.#poll);
    this.#poll = undefined;
    for (const [channel, missed] of this.#lost.take()) {
      const told = this.#gap(channel, missed);
      if (told !== null) this.#send(told);
    }
  }

  #send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(data);
  }
}

function gapText(channel: string, missed: number | null): string {
  return JSON.stringify({ type: "channel.gap", channel, missed });
}

/** A WebSocket that gets the messages of a channel as they are. */

import { EventQueue, type Missed } from "./event_queue.ts";
import { checkName, type Message } from "./message.ts";
import type { Subscriber, Subscribers } from "./subscribers.ts";

/** How often full sockets that take nothing are asked for room (ms). */
const POLL_MS = 10;
/**
 * What a socket may have to write before it has to wait: messages, each of which
 * the engine writes by a task of its own, and with many sockets thousands of
 * them would leave no time for anything else; and bytes.
 */
const MAX_UNSENT = 64;
const MAX_UNSENT_BYTES = 65_536;

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
  /** Bytes that may wait; beyond that messages are dropped (4 MiB). */
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

/** Sockets that have more to send. */
const full = new Set<SocketMember>();
let isPolling = false;

/** Has `member` try again soon. */
function sendLater(member: SocketMember): void {
  full.add(member);
  if (isPolling) return;
  isPolling = true;
  poll(0);
}

/**
 * The engine has no event for a socket that has drained. It writes between two
 * timers, so while sockets drain the next one is due at once.
 */
function poll(ms: number): void {
  setTimeout(() => {
    let drains = false;
    for (const one of full) drains = one.flush() || drains;
    isPolling = full.size > 0;
    if (isPolling) poll(drains ? 0 : POLL_MS);
  }, ms);
}

class SocketMember implements Subscriber {
  readonly ownChannel = null;
  readonly #socket: WebSocket;
  readonly #gap: NonNullable<JoinOptions["gap"]>;
  readonly #queue: EventQueue;
  /** Messages since the socket had nothing to write. */
  #unsent = 0;

  constructor(socket: WebSocket, { gap = gapText, limit }: JoinOptions) {
    this.#socket = socket;
    this.#gap = gap;
    this.#queue = new EventQueue(undefined, limit);
  }

  take(message: Message): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return true;
    const taken = this.#queue.push(message);
    if (!full.has(this)) this.flush();
    return taken;
  }

  gap(channel: string, missed: Missed): void {
    this.#queue.gap(channel, missed);
    this.flush();
  }

  end(): void {
    full.delete(this);
  }

  /**
   * Sends what waits, as far as the socket takes it.
   *
   * @returns Whether it took something.
   */
  flush(): boolean {
    let taken = false;
    while (this.#socket.readyState === WebSocket.OPEN) {
      if (!this.#takesMore()) {
        sendLater(this);
        return taken;
      }
      const item = this.#queue.shiftItem();
      if (item === null) break;
      taken = true;
      const data = "missed" in item
        ? this.#gap(item.channel, item.missed)
        : item.body as string | Uint8Array<ArrayBuffer>;
      if (data === null) continue;
      this.#socket.send(data);
      this.#unsent++;
    }
    this.end();
    return taken;
  }

  #takesMore(): boolean {
    const { bufferedAmount } = this.#socket;
    if (bufferedAmount === 0) this.#unsent = 0;
    return this.#unsent < MAX_UNSENT && bufferedAmount < MAX_UNSENT_BYTES;
  }
}

function gapText(channel: string, missed: number | null): string {
  return JSON.stringify({ type: "channel.gap", channel, missed });
}

/**
 * Pings on an open WebSocket.
 *
 * @module
 */

import type { Timer } from "../../std/timer.ts";
import { symbolOf } from "./symbol_of.ts";

/** A wait of the engine's, in seconds, that ends at once; 0 would switch it off. */
const AT_ONCE = 0.001;
/** One that is never seen to end; a timer cannot wait for much longer. */
const NEVER = 4_000_000;
/** The longest that a timer can wait, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Pings a peer at an interval, and notices when it does not answer (PAGI.md
 * 3.4; 8, item 75).
 *
 * The engine offers no ping. It sends one by itself after half of the idle
 * timeout, and would close the socket after the other half; each message and
 * each pong start that time anew. The timeout can be chosen only before the
 * socket opens, but the socket holds it, and the method that starts it, under
 * symbols. So a ping is sent by starting a time that is nearly over and making
 * the rest of it endless; and the method, replaced on this one socket, tells
 * when something comes.
 */
export class KeepAlive {
  #pings: Timer | undefined;
  #deadline: Timer | undefined;

  private constructor(
    readonly ping: () => void,
    readonly forget: () => void,
    readonly onSilence: () => void,
  ) {}

  /**
   * @param onSilence Called when nothing comes in time after a ping.
   * @returns null where the engine hides how to ping.
   */
  static of(socket: WebSocket, onSilence: () => void): KeepAlive | null {
    const duration = symbolOf(socket, "[[idleTimeout]]");
    const restart = symbolOf(
      WebSocket.prototype,
      "[[serverHandleIdleTimeout]]",
    );
    const timer = symbolOf(socket, "[[idleTimeoutTimeout]]");
    if (!duration || !restart || !timer) return null;
    const inner = socket as unknown as Record<symbol, unknown>;
    const start = inner[restart] as () => void;
    const ping = () => {
      inner[duration] = AT_ONCE;
      start.call(socket);
      inner[duration] = NEVER;
    };
    const forget = () => clearTimeout(inner[timer] as Timer | undefined);
    const keepAlive = new KeepAlive(ping, forget, onSilence);
    inner[restart] = () => keepAlive.#heard();
    return keepAlive;
  }

  /**
   * Pings every `interval` seconds and waits `timeout` seconds for an answer;
   * 0 means never, and for ever. The latest call holds.
   */
  set(interval: number, timeout: number): void {
    this.stop();
    if (interval === 0) return;
    this.#pings = setInterval(() => {
      this.ping();
      if (timeout === 0) return;
      this.#deadline ??= setTimeout(this.onSilence, milliseconds(timeout));
    }, milliseconds(interval));
  }

  /** No more pings. */
  stop(): void {
    clearInterval(this.#pings);
    this.forget();
    this.#heard();
  }

  #heard(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}

function milliseconds(seconds: number): number {
  return Math.min(seconds * 1000, LONGEST);
}

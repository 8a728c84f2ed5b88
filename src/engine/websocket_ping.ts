/**
 * Pings on an open WebSocket.
 *
 * @module
 */

import { type Timer, timerDelay } from "../std/timer.ts";
import { symbolOf } from "./symbol_of.ts";

/** An idle timeout, in seconds, that ends at once; 0 would switch it off. */
const AT_ONCE = 0.001;
/** One that outlasts the last moments of a connection. */
const BRIEF = 2;
/** One that is never seen to end; a timer cannot wait for much longer. */
const NEVER = 4_000_000;

/** What the engine's socket holds under symbols. */
interface IdleTimeout {
  duration: number;
  timer: Timer | undefined;
  /** Starts the time anew; the engine calls it for each message and pong. */
  restart: () => void;
}

/**
 * Pings a peer at an interval, and notices when it does not answer (PAGI.md
 * 3.4; 8, item 75).
 *
 * The engine offers no ping. It sends one by itself after half of the idle
 * timeout, and would close the socket after the other half. It lets the
 * timeout be chosen only before the socket opens, but the socket holds all of
 * it under symbols. So a ping is sent by starting a time that is nearly over
 * and making the rest of it endless; and `restart`, replaced on this one
 * socket, tells when something comes.
 */
export class KeepAlive {
  readonly #idle: IdleTimeout;
  readonly #restart: () => void;
  readonly #onSilence: () => void;
  #pings: Timer | undefined;
  /** The engine's timer of the last ping; it has another once that has left. */
  #leaving: Timer | undefined;
  #deadline: Timer | undefined;

  private constructor(idle: IdleTimeout, onSilence: () => void) {
    this.#idle = idle;
    this.#restart = idle.restart;
    this.#onSilence = onSilence;
    idle.restart = () => this.#heard();
  }

  /**
   * @param onSilence Called when nothing comes in time after a ping.
   * @returns null where the engine hides how to ping.
   */
  static of(socket: WebSocket, onSilence: () => void): KeepAlive | null {
    const idle = idleTimeoutOf(socket);
    return idle && new KeepAlive(idle, onSilence);
  }

  /**
   * Pings every `interval` seconds and waits `timeout` seconds for an answer;
   * 0 means never, and for ever. The latest call holds.
   */
  set(interval: number, timeout: number): void {
    this.#rest();
    if (interval === 0) return;
    this.#pings = setInterval(() => {
      this.#ping();
      if (timeout === 0) return;
      this.#deadline ??= setTimeout(() => {
        this.#deadline = undefined;
        this.#onSilence();
      }, timerDelay(timeout));
    }, timerDelay(interval));
  }

  /** The socket is at its end. */
  end(): void {
    this.#rest();
    // A ping may still be on its way out; what it starts is not to last.
    this.#idle.duration = BRIEF;
  }

  #ping(): void {
    const idle = this.#idle;
    // Pings wait behind messages: one that waits is enough.
    if (this.#leaving !== undefined && this.#leaving === idle.timer) return;
    idle.duration = AT_ONCE;
    this.#restart();
    idle.duration = NEVER;
    this.#leaving = idle.timer;
  }

  #rest(): void {
    clearInterval(this.#pings);
    clearTimeout(this.#idle.timer);
    this.#leaving = undefined;
    this.#heard();
  }

  #heard(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}

/** The idle timeout of `socket`, or null where it cannot be found. */
function idleTimeoutOf(socket: WebSocket): IdleTimeout | null {
  const duration = symbolOf(socket, "[[idleTimeout]]");
  const timer = symbolOf(socket, "[[idleTimeoutTimeout]]");
  const restart = symbolOf(WebSocket.prototype, "[[serverHandleIdleTimeout]]");
  if (!duration || !timer || !restart) return null;
  const inner = socket as unknown as Record<symbol, unknown>;
  return {
    set duration(seconds: number) {
      inner[duration] = seconds;
    },
    get timer() {
      return inner[timer] as Timer | undefined;
    },
    get restart() {
      return (inner[restart] as () => void).bind(socket);
    },
    set restart(replacement) {
      inner[restart] = replacement;
    },
  };
}

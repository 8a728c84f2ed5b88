/**
 * A WebSocket whose queue of received messages is full.
 *
 * @module
 */

import { type Timer, unref } from "../std/timer.ts";
import { symbolOf } from "./symbol_of.ts";

/** What the engine's state of a socket is called that reads no more. */
const CLOSED = WebSocket.CLOSED;
/**
 * For how long the app may take no message of a full queue, in milliseconds.
 * An app that reads as fast as it can takes one in each turn that it gets.
 */
const STALL_MS = 50;

/**
 * Has the engine read no more of one WebSocket until the app has taken half of
 * a full queue. All messages of a burst are read at once, before the app gets
 * a turn to take any, so that a full queue alone tells nothing of the app.
 *
 * The engine offers no pause. Its loop over what comes ends where it finds the
 * socket closed, and looks for that right after it has told of a message; both
 * the state and the loop can be reached under symbols. So the state is changed
 * for that one look, and the loop started anew later.
 */
export class FullQueue {
  readonly #socket: Record<symbol, unknown>;
  readonly #state: symbol;
  readonly #read: () => Promise<void>;
  /** Called when the app stalls; null where it may. */
  readonly #onStall: (() => void) | null;
  #paused = false;
  /** What the state is to be again. */
  #stateBefore: unknown;
  #taken = false;
  #timer: Timer | undefined;

  private constructor(
    socket: WebSocket,
    state: symbol,
    loop: symbol,
    onStall: (() => void) | null,
  ) {
    this.#socket = socket as unknown as Record<symbol, unknown>;
    this.#state = state;
    this.#read = this.#socket[loop] as () => Promise<void>;
    this.#onStall = onStall;
  }

  /**
   * @param onStall Called when the app takes no message for some time; null
   * where the peer is to wait for the app, however long that takes.
   * @returns null where the engine hides how to pause.
   */
  static of(
    socket: WebSocket,
    onStall: (() => void) | null,
  ): FullQueue | null {
    const state = symbolOf(socket, "[[readyState]]");
    const loop = symbolOf(WebSocket.prototype, "[[eventLoop]]");
    return state === undefined || loop === undefined
      ? null
      : new FullQueue(socket, state, loop, onStall);
  }

  /** True while nothing is read. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Reads no more; to be called while the engine tells of a message. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#stateBefore = this.#socket[this.#state];
    this.#socket[this.#state] = CLOSED;
    queueMicrotask(() => this.#restore());
    if (this.#onStall !== null) this.#watch();
  }

  /** The app has taken a message. */
  taken(): void {
    this.#taken = true;
  }

  /** Reads on. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    clearTimeout(this.#timer);
    this.#restore();
    // A socket that ended meanwhile cannot be read.
    this.#read.call(this.#socket).catch(() => {});
  }

  #restore(): void {
    if (this.#stateBefore === undefined) return;
    this.#socket[this.#state] = this.#stateBefore;
    this.#stateBefore = undefined;
  }

  #watch(): void {
    this.#taken = false;
    this.#timer = unref(setTimeout(() => {
      // What the app waits for may have come in this very turn.
      this.#timer = unref(setTimeout(() => {
        if (this.#taken) this.#watch();
        else this.#onStall!();
      }, 0));
    }, STALL_MS));
  }
}

/**
 * Timers: an idle timeout, and a wait with a timeout that can be ended early.
 */

import { type Timer, timerDelay, unref } from "../std/timer.ts";

/** A promise of what is done already. */
export const DONE: Promise<void> = Promise.resolve();

/** Calls back once when nothing has happened for a while. */
export class IdleTimer {
  readonly #seconds: number;
  readonly #onIdle: () => void;
  readonly #idleTime: () => number | null;
  #lastAt = performance.now();
  #timer: Timer | undefined;

  /**
   * @param seconds The idle timeout, from now on; more than 0.
   * @param idleTime Asked before `onIdle` is called, for activity that `touch`
   * is not called for: how long ago that was (ms), or null if unknown.
   */
  constructor(
    seconds: number,
    onIdle: () => void,
    idleTime: () => number | null = () => null,
  ) {
    this.#seconds = seconds;
    this.#onIdle = onIdle;
    this.#idleTime = idleTime;
    this.#wait(seconds);
  }

  /** Something has happened: the timeout starts again. */
  touch(): void {
    this.#lastAt = performance.now();
  }

  /** Stops the timer. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #wait(seconds: number): void {
    this.#timer = unref(setTimeout(() => this.#check(), timerDelay(seconds)));
  }

  #check(): void {
    let left = this.#seconds - (performance.now() - this.#lastAt) / 1000;
    if (left <= 0) {
      left = this.#seconds - (this.#idleTime() ?? Infinity) / 1000;
    }
    if (left > 0) this.#wait(left);
    else this.#onIdle();
  }
}

/** How a wait ended. */
type WaitOutcome = "done" | "timeout" | "ended";

/** Waits for one thing after another, each with a timeout. */
export class GracePeriod {
  #ended = Promise.withResolvers<void>();

  /** Ends the current wait, or else the next one. */
  end(): void {
    this.#ended.resolve();
  }

  /**
   * Waits for `work`, for at most `seconds` (0 means no timeout).
   *
   * @throws What `work` rejects with.
   */
  async wait(work: Promise<unknown>, seconds: number): Promise<WaitOutcome> {
    let timer: Timer | undefined;
    const timeout = new Promise<"timeout">((resolve) => {
      if (seconds === 0) return;
      timer = setTimeout(() => resolve("timeout"), timerDelay(seconds));
    });
    const ended = this.#ended;
    try {
      return await Promise.race([
        work.then(() => "done" as const),
        timeout,
        ended.promise.then(() => "ended" as const),
      ]);
    } finally {
      clearTimeout(timer);
      this.#ended = Promise.withResolvers();
    }
  }
}

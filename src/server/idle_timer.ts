/**
 * Notices that nothing happens.
 *
 * @module
 */

import { type Timer, timerDelay, unref } from "../std/timer.ts";

/** Calls back once when nothing has happened for some time. */
export class IdleTimer {
  readonly #seconds: number;
  readonly #onIdle: () => void;
  readonly #silence: () => number | null;
  #lastAt = performance.now();
  #timer: Timer | undefined;

  /**
   * @param seconds How long nothing may happen, from now on; more than 0.
   * @param silence Asked before `onIdle` is called: for how long nothing that
   * `touch` does not tell has happened (ms), or null when nobody knows.
   */
  constructor(
    seconds: number,
    onIdle: () => void,
    silence: () => number | null = () => null,
  ) {
    this.#seconds = seconds;
    this.#onIdle = onIdle;
    this.#silence = silence;
    this.#wait(seconds);
  }

  /** Something has happened: the time starts anew. */
  touch(): void {
    this.#lastAt = performance.now();
  }

  /** Nothing is waited for any more. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #wait(seconds: number): void {
    this.#timer = unref(setTimeout(() => this.#look(), timerDelay(seconds)));
  }

  #look(): void {
    let left = this.#seconds - (performance.now() - this.#lastAt) / 1000;
    if (left <= 0) {
      left = this.#seconds - (this.#silence() ?? Infinity) / 1000;
    }
    if (left > 0) this.#wait(left);
    else this.#onIdle();
  }
}

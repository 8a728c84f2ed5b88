/**
 * Time limits: many of one length, of silence, and of a wait.
 *
 * @module
 */

import { type Timer, timerDelay, unref } from "../std/timer.ts";

/** One wait; its only use is to be cancelled. */
export interface Deadline {
  readonly due: number;
  readonly onDue: () => void;
}

/** Waits that all last equally long, so that the oldest is always due first. */
export class DeadlineSet {
  readonly #waits = new Set<Deadline>();
  #timer: Timer | undefined;

  /** @param milliseconds How long each wait lasts; 0 means for ever. */
  constructor(readonly milliseconds: number) {}

  /** Calls `onDue` when the time is over, unless the wait is cancelled. */
  add(onDue: () => void): Deadline | null {
    if (this.milliseconds === 0) return null;
    const wait = { due: performance.now() + this.milliseconds, onDue };
    this.#waits.add(wait);
    this.#timer ??= this.#arm(this.milliseconds);
    return wait;
  }

  /** Ends a wait before its time. */
  cancel(wait: Deadline | null): void {
    if (wait !== null) this.#waits.delete(wait);
  }

  /** Ends all waits. */
  clear(): void {
    this.#waits.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(milliseconds: number): Timer {
    return unref(setTimeout(() => this.#look(), Math.max(1, milliseconds)));
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const wait of this.#waits) {
      if (wait.due > now) {
        this.#timer ??= this.#arm(wait.due - now);
        return;
      }
      this.#waits.delete(wait);
      wait.onDue();
    }
  }
}

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

/** How a wait ended. */
export type WaitOutcome = "done" | "late" | "ended";

/** Waits for one thing after the other. */
export class Patience {
  #ended = Promise.withResolvers<void>();

  /** Ends the wait that is on, or else the next one. */
  end(): void {
    this.#ended.resolve();
  }

  /**
   * Waits for `work`, but no longer than `seconds` (0: as long as it takes).
   *
   * @throws What `work` rejects with.
   */
  async for(work: Promise<unknown>, seconds: number): Promise<WaitOutcome> {
    let timer: Timer | undefined;
    const late = new Promise<"late">((resolve) => {
      if (seconds === 0) return;
      timer = setTimeout(() => resolve("late"), timerDelay(seconds));
    });
    const ended = this.#ended;
    try {
      return await Promise.race([
        work.then(() => "done" as const),
        late,
        ended.promise.then(() => "ended" as const),
      ]);
    } finally {
      clearTimeout(timer);
      this.#ended = Promise.withResolvers();
    }
  }
}

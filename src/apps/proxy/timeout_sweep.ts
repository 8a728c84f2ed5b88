/** Many time limits on one timer, for those that are set for each request. */

import { type Timer, timerDelay, unref } from "../../std/timer.ts";

/** One time limit after another. */
export class TimeLimit {
  /** When it is exceeded (`performance.now()`); infinite while it is not set. */
  due = Infinity;
  seconds = 0;

  /** @param what What has happened when it is exceeded. */
  constructor(readonly what: string) {}

  /** Sets it to `seconds` from now on; 0 means no limit. */
  start(seconds: number, now: number): void {
    this.seconds = seconds;
    this.due = seconds === 0 ? Infinity : now + seconds * 1000;
  }

  stop(): void {
    this.due = Infinity;
  }
}

/** What may be overdue. */
export interface Timed {
  /** When it will be (`performance.now()`); infinite without a limit. */
  readonly due: number;
  /** Called when that time has come; from then on nothing is due. */
  expire(): void;
}

/**
 * Notices what is overdue. A limit that is set and lifted again, as nearly all
 * are, takes no timer of its own: the timer only looks at what is still due.
 */
export class TimeoutSweep {
  readonly #watched = new Set<Timed>();
  #timer: Timer | undefined;
  #next = Infinity;

  watch(timed: Timed): void {
    this.#watched.add(timed);
  }

  /** Stops the timer as well when nothing is left to watch. */
  unwatch(timed: Timed): void {
    this.#watched.delete(timed);
    if (this.#watched.size > 0) return;
    clearTimeout(this.#timer);
    this.#next = Infinity;
  }

  /** To be called whenever something watched has a new time that it is due. */
  schedule(due: number): void {
    if (due >= this.#next) return;
    clearTimeout(this.#timer);
    this.#next = due;
    const seconds = Math.max(0, due - performance.now()) / 1000;
    this.#timer = unref(
      setTimeout(() => this.#sweep(), Math.ceil(timerDelay(seconds))),
    );
  }

  #sweep(): void {
    this.#next = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const timed of this.#watched) {
      if (timed.due <= now) timed.expire();
      else next = Math.min(next, timed.due);
    }
    this.schedule(next);
  }
}

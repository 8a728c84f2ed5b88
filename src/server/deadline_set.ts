/**
 * Many waits of the same length, one timer.
 *
 * @module
 */

import { type Timer, unref } from "../std/timer.ts";
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

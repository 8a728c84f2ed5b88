/**
 * Waits that have a limit, and that can be called off.
 *
 * @module
 */

import { type Timer, timerDelay } from "../std/timer.ts";

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

/**
 * How long to wait before a crashed worker is replaced.
 *
 * @module
 */

/** A worker that served this long did not crash because of its start (ms). */
const STEADY_MS = 10_000;
const FIRST_MS = 100;
const LONGEST_MS = 30_000;

/** Doubles the pause from crash to crash until a worker stays. */
export class CrashPause {
  #next = 0;

  /**
   * The milliseconds to wait after a worker crashed that had served for
   * `served` milliseconds.
   */
  after(served: number): number {
    if (served >= STEADY_MS) this.#next = 0;
    const pause = this.#next;
    this.#next = Math.min(LONGEST_MS, Math.max(FIRST_MS, pause * 2));
    return pause;
  }
}

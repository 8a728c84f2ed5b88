/**
 * How long to wait before something that failed is tried again.
 *
 * @module
 */

/** A worker that served this long did not crash because of its start (ms). */
const STEADY_MS = 10_000;
const FIRST_MS = 100;
const LONGEST_MS = 30_000;

/** Doubles the pause from failure to failure. */
export class Backoff {
  #next = FIRST_MS;

  /** The milliseconds to wait before the next try. */
  next(): number {
    const pause = this.#next;
    this.#next = Math.min(LONGEST_MS, pause * 2);
    return pause;
  }

  /** A try succeeded: the next pause is the shortest again. */
  reset(): void {
    this.#next = FIRST_MS;
  }
}

/** The pause before a crashed worker is replaced: none before the first. */
export class CrashPause {
  readonly #backoff = new Backoff();
  #crashed = false;

  /**
   * The milliseconds to wait after a worker crashed that had served for
   * `served` milliseconds.
   */
  after(served: number): number {
    if (served >= STEADY_MS) this.#crashed = false;
    if (this.#crashed) return this.#backoff.next();
    this.#crashed = true;
    this.#backoff.reset();
    return 0;
  }
}

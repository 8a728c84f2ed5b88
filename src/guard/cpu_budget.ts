/** Limits the CPU time of the guard, whose scans block requests. */

/** Limits the share of a thread's time that some work takes. */
export class CpuBudget {
  /** Work in excess of the share at the time {@linkcode #at} (ms). */
  #debt = 0;
  /** Milliseconds, `performance.now()`. */
  #at = -Infinity;

  /**
   * @param share The share of all time, above 0 and up to 1.
   * @param maxDebt The most that is left of earlier work when more is done (ms),
   * so that a burst does not delay work long after it.
   */
  constructor(public share: number, readonly maxDebt = 0) {}

  /** Counts work that began at `began` (ms) and has just ended. */
  spend(began: number): void {
    const now = performance.now();
    this.#debt = Math.min(this.#debtAt(began), this.maxDebt) + now - began;
    this.#at = now;
  }

  /** True when at most `burst` milliseconds exceed the share. */
  affords(burst: number): boolean {
    return this.#debtAt(performance.now()) <= burst;
  }

  /** The pause after which nothing exceeds the share (ms). */
  get rest(): number {
    return this.#debtAt(performance.now()) / this.share;
  }

  #debtAt(now: number): number {
    return Math.max(0, this.#debt - (now - this.#at) * this.share);
  }
}

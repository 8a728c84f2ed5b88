/**
 * Messages that peers can cause as often as they like.
 *
 * @module
 */

import { log } from "./log.ts";

/** Milliseconds in which one message of a kind is logged. */
const INTERVAL_MS = 10_000;

/**
 * Logs the first message of each kind at once, then at most one in ten
 * seconds, with the number of those that were left out: what tells which
 * limit was hit must not become a flood of its own.
 */
export class SeldomLog {
  /** By kind, of which there are as many as places in the code that log. */
  readonly #kinds = new Map<string, { next: number; left: number }>();
  readonly #now: () => number;

  /** @param now Milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /**
   * @param kind Names the limit; not anything that a peer chooses.
   * @param text Makes the message, where it is logged.
   */
  say(level: "info" | "warn", kind: string, text: () => string): void {
    const now = this.#now();
    const known = this.#kinds.get(kind);
    // The clock may have been set back.
    if (
      known !== undefined && now < known.next && now >= known.next - INTERVAL_MS
    ) {
      known.left++;
      return;
    }
    const left = known?.left ?? 0;
    this.#kinds.set(kind, { next: now + INTERVAL_MS, left: 0 });
    log[level](
      left === 0
        ? text()
        : `${text()} Since the last such message it happened ${left} times more.`,
    );
  }
}

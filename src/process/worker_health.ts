/** Heartbeats of workers, and the pauses after they crashed. */

import type { WorkerHandle } from "./worker_handle.ts";

/** Called about workers that do not respond. */
export interface HeartbeatEvents {
  /** Some beats are missing (true), or the worker is back (false). */
  onLate(worker: WorkerHandle, late: boolean): void;
  /** The timeout has passed. */
  onBlocked(worker: WorkerHandle): void;
}

/** A busy worker may miss some beats. */
const BEATS_TO_BE_LATE = 3;

/**
 * Interval of heartbeats (ms): five in the timeout (seconds), as in PAGI.md 6,
 * but at least one a second, so that a late worker soon gets no connections.
 */
export function beatInterval(timeout: number): number {
  return Math.min(1000, timeout * 1000 / 5);
}

/** Finds workers whose event loop is blocked. */
export class Heartbeat {
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  readonly #late = new Set<WorkerHandle>();

  /**
   * @param timeout Seconds without a message after which a worker is blocked;
   * 0 for never.
   * @param workers Those that serve: a start may be slow.
   */
  constructor(
    timeout: number,
    workers: () => Iterable<WorkerHandle>,
    events: HeartbeatEvents,
  ) {
    if (timeout === 0) return;
    const beat = beatInterval(timeout);
    let checkedAt = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      // After SIGSTOP and SIGCONT the messages of workers are still unread.
      const suspended = now - checkedAt > 2 * beat;
      checkedAt = now;
      if (suspended) {
        for (const worker of workers()) worker.seenAt = now;
      }
      for (const worker of [...workers()]) {
        const idleMs = now - worker.seenAt;
        if (idleMs > timeout * 1000) {
          this.#late.delete(worker);
          events.onBlocked(worker);
        } else if (idleMs > BEATS_TO_BE_LATE * beat) {
          if (this.#late.has(worker)) continue;
          this.#late.add(worker);
          events.onLate(worker, true);
        } else if (this.#late.delete(worker)) events.onLate(worker, false);
      }
    }, beat);
  }

  /** Stops checking. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

/**
 * A worker that served for so long (ms) did not crash because of its start. It
 * is replaced at once, since a start takes a small part of that time: pauses
 * would add up to an outage where an app crashes again and again.
 */
const STEADY_MS = 1000;
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 30_000;

/** Doubles the pause after each failure. */
export class Backoff {
  #next = MIN_PAUSE_MS;

  /** Milliseconds until the next try. */
  next(): number {
    const pause = this.#next;
    this.#next = Math.min(MAX_PAUSE_MS, pause * 2);
    return pause;
  }

  /** To be called after a success: the next pause is the shortest again. */
  reset(): void {
    this.#next = MIN_PAUSE_MS;
  }
}

/** The pause before a crashed worker is replaced: none before the first. */
export class CrashPause {
  readonly #backoff = new Backoff();
  #crashed = false;

  /** Milliseconds to wait after a crash; the worker had `served` for so long. */
  after(served: number): number {
    if (served >= STEADY_MS) this.#crashed = false;
    if (this.#crashed) return this.#backoff.next();
    this.#crashed = true;
    this.#backoff.reset();
    return 0;
  }
}

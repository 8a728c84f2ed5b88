/**
 * Whether workers are alive.
 *
 * @module
 */

import type { WorkerHandle } from "./worker_handle.ts";

/** What becomes of workers that show no sign of life. */
export interface HeartbeatEvents {
  /** Some beats are missing (true), or the worker is back (false). */
  onLate(worker: WorkerHandle, late: boolean): void;
  /** The timeout is over. */
  onBlocked(worker: WorkerHandle): void;
}

/** A busy worker may miss some beats. */
const BEATS_TO_BE_LATE = 3;

/**
 * How often a worker says that it lives (ms): five times in the timeout
 * (seconds), as PAGI.md 6 has it, but at least every second, so that one that
 * is late can be spared new connections soon.
 */
export function beatInterval(timeout: number): number {
  return Math.min(1000, timeout * 1000 / 5);
}

/** Finds workers whose event loop does not turn. */
export class Heartbeat {
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  readonly #late = new Set<WorkerHandle>();

  /**
   * @param timeout Seconds of silence that mean that a worker is blocked; 0
   * for any number.
   * @param workers Those that serve: start-up may be slow.
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
      // Stopped and continued, this process has yet to read what workers said.
      const overslept = now - checkedAt > 2 * beat;
      checkedAt = now;
      if (overslept) {
        for (const worker of workers()) worker.seenAt = now;
      }
      for (const worker of [...workers()]) {
        const silence = now - worker.seenAt;
        if (silence > timeout * 1000) {
          this.#late.delete(worker);
          events.onBlocked(worker);
        } else if (silence > BEATS_TO_BE_LATE * beat) {
          if (this.#late.has(worker)) continue;
          this.#late.add(worker);
          events.onLate(worker, true);
        } else if (this.#late.delete(worker)) events.onLate(worker, false);
      }
    }, beat);
  }

  /** Checks no more. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

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

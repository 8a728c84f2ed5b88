/**
 * Whether workers are alive.
 *
 * @module
 */

import type { WorkerHandle } from "./worker_handle.ts";

/** Checks twice per timeout; a worker beats five times in it (PAGI.md 6). */
const CHECKS_PER_TIMEOUT = 2;

/** Finds workers whose event loop does not turn. */
export class Heartbeat {
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param timeout Seconds of silence that mean that a worker is blocked; 0
   * for any number.
   * @param workers Those that serve: start-up may be slow.
   */
  constructor(
    timeout: number,
    workers: () => Iterable<WorkerHandle>,
    onBlocked: (worker: WorkerHandle) => void,
  ) {
    if (timeout === 0) return;
    this.#timer = setInterval(() => {
      const latest = performance.now() - timeout * 1000;
      for (const worker of [...workers()]) {
        if (worker.seenAt < latest) onBlocked(worker);
      }
    }, timeout * 1000 / CHECKS_PER_TIMEOUT);
  }

  /** Checks no more. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

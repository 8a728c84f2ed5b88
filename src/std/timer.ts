/**
 * Timers, whose type differs between versions of Deno (a number, or an object as
 * in Node), and many timeouts on one timer.
 */

/** What `setTimeout` and `setInterval` return. */
export type Timer = ReturnType<typeof setTimeout>;

/** Lets the process end while the timer is pending. */
export function unref(timer: Timer): Timer {
  Deno.unrefTimer(timer as unknown as number);
  return timer;
}

/** Seconds as the delay of a timer (ms), which overflows above 2³¹ − 1. */
export function timerDelay(seconds: number): number {
  return Math.min(seconds * 1000, 2 ** 31 - 1);
}

/** Waits at most `ms` for a promise; resolves with whether it was fulfilled. */
export async function settledWithin(
  promise: Promise<unknown>,
  ms: number,
): Promise<boolean> {
  let timer: Timer | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `ms` milliseconds. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A handle for cancelling a timeout. */
export interface Deadline {
  readonly due: number;
  readonly onDue: () => void;
}

/**
 * Timeouts of the same length, on one timer of the engine: the oldest is always
 * due first.
 */
export class DeadlineSet {
  readonly #deadlines = new Set<Deadline>();
  #timer: Timer | undefined;

  /** @param milliseconds The length of each; 0 means no timeout. */
  constructor(readonly milliseconds: number) {}

  /** Calls `onDue` after that time, unless it is cancelled. */
  add(onDue: () => void): Deadline | null {
    if (this.milliseconds === 0) return null;
    const wait = { due: performance.now() + this.milliseconds, onDue };
    this.#deadlines.add(wait);
    this.#timer ??= this.#arm(this.milliseconds);
    return wait;
  }

  /** Cancels one. */
  cancel(wait: Deadline | null): void {
    if (wait !== null) this.#deadlines.delete(wait);
  }

  /** Stops the timer while there is no timeout; the next one starts it again. */
  rest(): void {
    if (this.#deadlines.size === 0) this.clear();
  }

  /** Cancels all. */
  clear(): void {
    this.#deadlines.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(milliseconds: number): Timer {
    return unref(setTimeout(() => this.#check(), Math.max(1, milliseconds)));
  }

  #check(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const wait of this.#deadlines) {
      if (wait.due > now) {
        this.#timer ??= this.#arm(wait.due - now);
        return;
      }
      this.#deadlines.delete(wait);
      wait.onDue();
    }
  }
}

/**
 * A clock that a test sets, for code that asks for the time or sets timers.
 *
 * @module
 */

interface FakeTimer {
  due: number;
  /** Milliseconds between two calls; null for one call. */
  readonly every: number | null;
  readonly act: () => void;
}

/** What it replaces, as it was. */
const REAL = {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  unrefTimer: Deno.unrefTimer,
  dateNow: Date.now,
  now: performance.now.bind(performance),
};

/**
 * Replaces the time and the timers of this thread until it is disposed of. No
 * server may run meanwhile: its timers would come only with {@linkcode advance}.
 */
export class FakeClock implements Disposable {
  #passed = 0;
  readonly #date = REAL.dateNow();
  /** Whole, so that sums and differences of times are exact. */
  readonly #start = Math.round(REAL.now());
  readonly #timers = new Map<number, FakeTimer>();
  #last = 0;

  constructor() {
    const add = (act: () => void, ms = 0, repeats: boolean): number => {
      const delay = Math.max(1, ms);
      this.#timers.set(++this.#last, {
        due: this.#passed + delay,
        every: repeats ? delay : null,
        act,
      });
      return this.#last;
    };
    const clear = (id: number): void => void this.#timers.delete(id);
    Object.assign(globalThis, {
      setTimeout: (act: () => void, ms?: number) => add(act, ms, false),
      setInterval: (act: () => void, ms?: number) => add(act, ms, true),
      clearTimeout: clear,
      clearInterval: clear,
    });
    Deno.unrefTimer = () => {};
    Date.now = () => this.#date + this.#passed;
    performance.now = () => this.#start + this.#passed;
  }

  /** Lets so many milliseconds pass, and calls what is due in the order of time. */
  async advance(ms: number): Promise<void> {
    const end = this.#passed + ms;
    while (true) {
      const next = [...this.#timers].filter(([, { due }]) => due <= end)
        .sort(([, a], [, b]) => a.due - b.due).at(0);
      if (next === undefined) break;
      const [id, timer] = next;
      this.#passed = Math.max(this.#passed, timer.due);
      if (timer.every === null) this.#timers.delete(id);
      else timer.due += timer.every;
      timer.act();
      // What waits for it may set the next timer.
      await new Promise<void>((resolve) => REAL.setTimeout(resolve, 0));
    }
    this.#passed = ms < 0 ? end : Math.max(this.#passed, end);
  }

  /** Lets time pass within a turn of the event loop: no timer is called. */
  pass(ms: number): void {
    this.#passed += ms;
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  [Symbol.dispose](): void {
    const { unrefTimer, dateNow, now, ...timers } = REAL;
    Object.assign(globalThis, timers);
    Deno.unrefTimer = unrefTimer;
    Date.now = dateNow;
    performance.now = now;
  }
}

/**
 * Has this thread believe that it is three seconds later, until it is disposed
 * of: for servers of files that were just written, whose times count as settled
 * then. What changes meanwhile may go unnoticed.
 */
export class LaterDate implements Disposable {
  constructor() {
    Date.now = () => REAL.dateNow() + 3000;
  }

  [Symbol.dispose](): void {
    Date.now = REAL.dateNow;
  }
}

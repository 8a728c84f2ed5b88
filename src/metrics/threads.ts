/**
 * The counters of all threads of a process. Those of a thread that has ended go
 * on counting in the sums, so that no counter goes back when a worker is
 * replaced.
 */

import { AT, ownNumbers, SERIES } from "./counters.ts";
import type { UpstreamState } from "./upstreams.ts";

/** The sums of several threads. */
export class CounterSums {
  /** What stands before the series, in the order of {@linkcode AT}. */
  readonly numbers: Float64Array = new Float64Array(AT.series);
  /** The durations of each series, as histograms, by its key. */
  readonly series = new Map<number, Float64Array>();

  /**
   * Adds the counters of a thread.
   *
   * @param hasEnded Leaves out its gauges.
   */
  add(memory: SharedArrayBuffer, hasEnded = false): void {
    const numbers = new Float64Array(memory);
    const from = hasEnded ? AT.counters : 0;
    for (let i = from; i < AT.seriesCount; i++) this.numbers[i] += numbers[i];
    for (let i = 0; i < numbers[AT.seriesCount]; i++) {
      const place = AT.series + i * SERIES.step;
      this.#addSeries(
        numbers[place],
        numbers.subarray(place + 1, place + SERIES.step),
      );
    }
  }

  /** Adds what is no series. */
  addNumbers(numbers: Float64Array): void {
    for (const [at, value] of numbers.entries()) this.numbers[at] += value;
  }

  /** Adds other sums. */
  addSums(other: CounterSums): void {
    this.addNumbers(other.numbers);
    for (const [key, durations] of other.series) {
      this.#addSeries(key, durations);
    }
  }

  #addSeries(key: number, durations: Float64Array): void {
    const sums = this.series.get(key);
    if (sums === undefined) this.series.set(key, durations.slice());
    else for (const [at, value] of durations.entries()) sums[at] += value;
  }
}

/** A thread that serves, or is about to, or has ended. */
export interface CountedThread {
  readonly state: "starting" | "serving" | "stopping" | "gone";
  /** When it was started (ms, `performance.now()`). */
  readonly startedAt: number;
  /** When there was a sign of life last (ms); null where nobody looks. */
  readonly seenAt: number | null;
  /** The targets of its proxies. */
  readonly upstreams: readonly UpstreamState[];
}

/** Where a thread counts. The memory may be asked for each time it is read. */
interface Counted {
  readonly memory: SharedArrayBuffer;
}

interface Entry {
  readonly thread: CountedThread;
  readonly counters: Counted;
  readonly slot: number;
}

/** A thread that has not ended, as metrics show it. */
export interface ShownThread extends CountedThread {
  /** 1, 2, …: of two threads at the same time never the same. */
  readonly slot: number;
  readonly sums: CounterSums;
}

/** All threads of a process that count. */
export class CountedThreads {
  #entries: Entry[] = [];
  readonly #ended = new CounterSums();
  readonly #endedUpstreams = new Map<string, UpstreamState>();
  /** Threads that were started so far. */
  starts = 0;

  /** Adds a thread. */
  add(thread: CountedThread, counters: Counted): void {
    this.#settle();
    const taken = new Set(this.#entries.map(({ slot }) => slot));
    let slot = 1;
    while (taken.has(slot)) slot++;
    this.#entries.push({ thread, counters, slot });
    this.starts++;
  }

  /** Those that have not ended. */
  get threads(): ShownThread[] {
    this.#settle();
    return this.#entries.map(({ thread, counters, slot }) => {
      const { state, startedAt, seenAt, upstreams } = thread;
      const sums = new CounterSums();
      sums.add(counters.memory);
      return { state, startedAt, seenAt, upstreams, slot, sums };
    });
  }

  /** The sums of `threads`, of all that have ended, and of this thread itself. */
  sums(threads: readonly ShownThread[]): CounterSums {
    const all = new CounterSums();
    all.addSums(this.#ended);
    const own = ownNumbers();
    if (own !== null) all.addNumbers(own);
    for (const { sums } of threads) all.addSums(sums);
    return all;
  }

  /**
   * The targets that proxies have now, each once: down where one thread says
   * so, for the others may not have asked it lately.
   */
  upstreams(threads: readonly ShownThread[]): UpstreamState[] {
    const all = new Map<string, UpstreamState>();
    for (const { upstreams } of threads) addUpstreams(all, upstreams);
    const ended = [...this.#endedUpstreams.values()];
    addUpstreams(all, ended.filter(({ target }) => all.has(target)));
    return [...all.values()];
  }

  #settle(): void {
    this.#entries = this.#entries.filter(({ thread, counters }) => {
      if (thread.state !== "gone") return true;
      this.#ended.add(counters.memory, true);
      const left = thread.upstreams
        .map((one) => ({ ...one, up: true, idle: 0, active: 0 }));
      addUpstreams(this.#endedUpstreams, left);
      return false;
    });
  }
}

function addUpstreams(
  all: Map<string, UpstreamState>,
  more: readonly UpstreamState[],
): void {
  for (const one of more) {
    const known = all.get(one.target);
    all.set(
      one.target,
      known === undefined ? one : {
        target: one.target,
        up: known.up && one.up,
        idle: known.idle + one.idle,
        active: known.active + one.active,
        requests: known.requests + one.requests,
        failures: known.failures + one.failures,
      },
    );
  }
}

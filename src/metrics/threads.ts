/**
 * The counters of all threads of a process. Those of a thread that has ended go
 * on counting in the sums, so that no counter goes back when a worker is
 * replaced.
 */

import { CounterSums, ownNumbers } from "./counters.ts";
import type { UpstreamState } from "./upstreams.ts";

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

/**
 * Whether a run leaves more and more behind.
 *
 * @module
 */

/** What a process holds. */
interface Holdings {
  /** Bytes of live objects; 0 where garbage cannot be collected. */
  readonly heap: number;
  /** Bytes of memory. */
  readonly rss: number;
  readonly descriptors: number;
}

/** Growth that says nothing: caches that fill, code that is compiled. */
const NOISE: Holdings = {
  heap: 6 * 2 ** 20,
  rss: 64 * 2 ** 20,
  descriptors: 8,
};
/** How long the ends of connections may take, in milliseconds. */
const SETTLE_MS = 1500;

/** Compares what is held at the middle of a run and at its end. */
export class Leaks {
  readonly #looks: Holdings[] = [];

  /** Looks; nothing should be going on. */
  async look(): Promise<void> {
    await new Promise((resume) => setTimeout(resume, SETTLE_MS));
    const { gc } = globalThis as { gc?: () => void };
    gc?.();
    const { heapUsed, rss } = Deno.memoryUsage();
    const heap = gc === undefined ? 0 : heapUsed;
    const descriptors = [...Deno.readDirSync("/proc/self/fd")].length;
    this.#looks.push({ heap, rss, descriptors });
  }

  /** Sentences about what has grown. */
  found(): string[] {
    const [first, last] = this.#looks;
    if (last === undefined) return [];
    return (["heap", "rss", "descriptors"] as const)
      .filter((what) => last[what] - first[what] > NOISE[what])
      .map((what) =>
        `${what} grew from ${first[what]} at half of the inputs to ${
          last[what]
        } at the end`
      );
  }

  /** What has grown, in a few words for a line. */
  get summary(): string {
    const [first, last] = this.#looks;
    if (last === undefined) return "";
    const grown = (what: "heap" | "rss") =>
      `${((last[what] - first[what]) / 2 ** 20).toFixed(1)} MB`;
    return `; second half: heap +${grown("heap")}, memory +${
      grown("rss")
    }, descriptors +${last.descriptors - first.descriptors}`;
  }
}

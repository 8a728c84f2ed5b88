/**
 * What can be fuzzed, and a run over it.
 *
 * @module
 */

import { delay } from "../helpers/wait.ts";
import { Random } from "./random.ts";

/** One part of the server that takes what strangers send. */
export interface Target {
  readonly name: string;
  /** Its part of the inputs of a run over all targets. */
  readonly share: number;
  open(): Session | Promise<Session>;
}

/** A target at work. */
export interface Session {
  /** Rounds that go on at the same time. */
  readonly parallel: number;
  /**
   * Tries what `random` gives. Returns how many inputs that were; throws where
   * something does not hold.
   */
  round(random: Random): number | Promise<number>;
  /** Ends the work; throws where something does not hold of the whole. */
  close(): void | Promise<void>;
}

/** Something that does not hold. */
export class Finding extends Error {
  override readonly name = "Finding";
}

/** Throws a {@linkcode Finding} where something does not hold. */
export function hold(condition: boolean, what: () => string): void {
  if (!condition) throw new Finding(what());
}

/** How to run. */
export interface RunOptions {
  /** The first round's seed; each further round has the next one. */
  readonly seed: number;
  /** Inputs, at least. */
  readonly count: number;
  /** Called now and then with the inputs so far and the latest seed. */
  readonly onProgress?: (inputs: number, seed: number) => void;
  /** Called at the middle and at the end, when nothing is going on. */
  readonly onPause?: (session: Session) => void | Promise<void>;
}

/** What came of a run. */
export interface Outcome {
  readonly inputs: number;
  readonly seconds: number;
  /** Sentences, each with the seed that shows it. */
  readonly findings: readonly string[];
}

/** How long a round may take, in milliseconds. */
const DEADLINE_MS = 10_000;
/** Findings after which a run ends: more would say the same. */
const MOST_FINDINGS = 5;
/** Characters of a finding that is one of many. */
const MOST_TOLD = 500;
/** Rounds without a wait, after which timers and signals get their turn. */
const BATCH = 2000;

/** Runs `target`, and closes it. */
export async function runTarget(
  target: Target,
  { seed, count, onProgress, onPause }: RunOptions,
): Promise<Outcome> {
  let milliseconds = 0;
  const findings: string[] = [];
  const session = await target.open();
  let next = seed;
  let inputs = 0;

  const note = (seed: number | null, error: unknown) => {
    const again = seed === null ? "" : ` --seed ${seed} --count 1`;
    const what = error instanceof Finding
      ? error.message
      : error instanceof Error
      ? error.stack ?? error.message
      : `It threw ${typeof error}.`;
    const told = count === 1 ? what : what.slice(0, MOST_TOLD);
    findings.push(`--target ${target.name}${again}: ${told}`);
  };
  const loop = async (end: number) => {
    let rounds = 0;
    while (inputs < end && findings.length < MOST_FINDINGS) {
      const seed = next++;
      try {
        const begun = session.round(new Random(seed));
        const tried = typeof begun === "number" ? begun : await inTime(begun);
        inputs += tried;
      } catch (error) {
        inputs++;
        note(seed, error);
      }
      if (++rounds % BATCH === 0) {
        await delay(0);
        onProgress?.(inputs, seed);
      }
    }
  };
  // A single round is one that is looked at again.
  const parallel = count === 1 ? 1 : session.parallel;
  for (const end of onPause ? [Math.ceil(count / 2), count] : [count]) {
    const started = performance.now();
    await Promise.all(Array.from({ length: parallel }, () => loop(end)));
    milliseconds += performance.now() - started;
    await onPause?.(session);
  }
  try {
    await session.close();
  } catch (error) {
    note(null, error);
  }
  return { inputs, seconds: milliseconds / 1000, findings };
}

/** Rejects when `work` takes longer than a round may. */
async function inTime(work: Promise<number>): Promise<number> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Finding(`no end after ${DEADLINE_MS / 1000} s`)),
      DEADLINE_MS,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

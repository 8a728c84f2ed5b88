/**
 * What an endurance scenario is, and how one runs: the real server in a process
 * of its own, clients that treat it badly, and a look at the process before and
 * after.
 *
 * @module
 */

import type { RawConnection } from "../helpers/raw_connection.ts";
import { RawConnection as Connection } from "../helpers/raw_connection.ts";
import {
  type Program,
  type ProgramOptions,
  startProgram,
} from "../helpers/run_program.ts";
import { delay } from "../helpers/wait.ts";

/** One kind of trouble. */
export interface Scenario {
  readonly name: string;
  /** What is done, in a sentence. */
  readonly does: string;
  /** Arguments of the server besides its port. */
  readonly args: readonly string[];
  readonly options?: ProgramOptions;
  /** Why it cannot run here; null where it can. */
  readonly unavailable?: () => string | null;
  /** Prepares what the server's arguments name; its result undoes that. */
  readonly prepare?: (folder: string) => Promise<() => Promise<void>>;
  /** Does it once, and waits until the clients have left. */
  round(run: Run): Promise<void>;
  /** Checks the figures of all rounds; not in the tests. */
  judge?(run: Run): void;
  /** Lines that the log is to have for each thing that is done. */
  readonly expectedLines?: RegExp;
  /** False where the app keeps memory, which is no fault of the server. */
  readonly judgesMemory?: boolean;
}

/** What a process holds. */
export interface Sample {
  /** Resident memory in bytes. */
  readonly memory: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** What a run has shown. */
export interface Result {
  readonly name: string;
  readonly does: string;
  readonly date: string;
  readonly seconds: number;
  readonly rounds: number;
  /** What clients saw, and how often. */
  readonly seen: Readonly<Record<string, number>>;
  /** Measured values, as text. */
  readonly figures: Readonly<Record<string, string>>;
  /** The lines of the server's log, numbers left out, and how often each came. */
  readonly log: Readonly<Record<string, number>>;
  readonly before: Sample;
  readonly after: Sample;
  /** Processor time of the idle server afterwards (ms in a second). */
  readonly idle: number;
  /** What was not as it should be. */
  readonly faults: readonly string[];
}

/** How much more memory may be in use afterwards. */
const MEMORY_FACTOR = 1.15;
/**
 * Of a kind of line three in ten seconds are logged, and the number of the others
 * (src/log/repeats.ts); a few more at the start.
 */
const LINES_AT_ONCE = 6;
const LINES_PER_SECOND = 0.4;
/** An idle server does not use more processor time (ms in a second). */
const IDLE_MS = 50;

/** A running scenario, as its rounds see it. */
export class Run {
  readonly seen: Record<string, number> = {};
  readonly faults: string[] = [];
  readonly #figures = new Map<string, { values: number[]; unit: string }>();
  /** The process; another one after a takeover. */
  pid: number;

  /**
   * @param seconds How long a round takes, where it takes a time.
   * @param short In the tests: nothing depends on how fast the machine is.
   */
  constructor(
    readonly program: Program,
    readonly port: number,
    readonly seconds: number,
    readonly short: boolean,
    readonly folder: string,
  ) {
    this.pid = program.pid;
  }

  /** Counts what a client saw. */
  tell(what: string, count = 1): void {
    this.seen[what] = (this.seen[what] ?? 0) + count;
  }

  /** Takes one of several values, of which the median is shown. */
  figure(name: string, value: number, unit: string): void {
    const figure = this.#figures.get(name);
    if (figure === undefined) {
      this.#figures.set(name, { values: [value], unit });
    } else figure.values.push(value);
  }

  /** The median of a figure; NaN if there is none. */
  median(name: string): number {
    const values = this.#figures.get(name)?.values.toSorted((a, b) => a - b);
    return values?.[values.length >> 1] ?? NaN;
  }

  get figures(): Record<string, string> {
    return Object.fromEntries(
      [...this.#figures].map(([name, { unit }]) => [
        name,
        `${this.median(name).toFixed(2)} ${unit}`.trim(),
      ]),
    );
  }

  /** Notes a fault, once. */
  check(holds: boolean, fault: string): void {
    if (!holds && !this.faults.includes(fault)) this.faults.push(fault);
  }

  /** Forgets all that the first round has shown. */
  reset(): void {
    for (const what of Object.keys(this.seen)) delete this.seen[what];
    this.#figures.clear();
  }

  connect(): Promise<RawConnection> {
    return Connection.open(this.port);
  }

  /** Asks on a connection of its own; the status, or how it ended. */
  async ask(target = "/", ...headers: string[]): Promise<number | string> {
    try {
      using connection = await this.connect();
      await connection.request(`GET ${target}`, ...headers);
      return (await connection.response()).status;
    } catch (error) {
      return error instanceof Deno.errors.ConnectionRefused
        ? "refused"
        : "closed without an answer";
    }
  }

  /** Asks, and counts the answer. */
  async askAndTell(target = "/", ...headers: string[]): Promise<void> {
    this.tell(`${target}: ${await this.ask(target, ...headers)}`);
  }

  /** Resolves once the server answers with 200. */
  async answers(target = "/"): Promise<void> {
    for (let i = 0; i < 600; i++) {
      if (await this.ask(target) === 200) return;
      await delay(50);
    }
    this.check(false, `${target} was not answered with 200 afterwards`);
  }
}

/**
 * Runs a scenario for that many seconds, at least one round, after half as long
 * to warm up (30 s at most).
 */
export async function runScenario(
  scenario: Scenario,
  { seconds, roundSeconds = 10, short = false }: {
    readonly seconds: number;
    readonly roundSeconds?: number;
    readonly short?: boolean;
  },
): Promise<Result> {
  const folder = await Deno.makeTempDir({ prefix: "pagi-endurance-" });
  const undo = await scenario.prepare?.(folder);
  try {
    await using program = await startProgram(
      ["-p", "0", ...scenario.args.map((arg) => arg.replace("%", folder))],
      scenario.options,
    );
    const run = new Run(program, program.port, roundSeconds, short, folder);
    try {
      return await observe(scenario, run, seconds);
    } finally {
      if (run.pid !== program.pid) kill(run.pid);
    }
  } finally {
    await undo?.();
    await Deno.remove(folder, { recursive: true });
  }
}

async function observe(
  scenario: Scenario,
  run: Run,
  seconds: number,
): Promise<Result> {
  const { program } = run;
  // The first rounds load and compile what the others use, and let the heap
  // grow to what the work needs.
  const start = performance.now();
  do await scenario.round(run); while (
    (performance.now() - start) / 1000 < Math.min(seconds / 2, 30)
  );
  const before = await settled(run, null);
  run.reset();
  const logged = program.log.length;
  const began = performance.now();
  const passed = () => (performance.now() - began) / 1000;
  let rounds = 0;
  do {
    await scenario.round(run);
    rounds++;
  } while (passed() < seconds);
  const took = passed();
  await run.answers();
  const after = await settled(run, before);
  const idle = await idleTime(run.pid, run.short);
  const log = countLines(program.log.slice(logged));
  judge(scenario, run, { before, after, idle, log, seconds: took });
  return {
    name: scenario.name,
    does: scenario.does,
    date: new Date().toISOString().slice(0, 10),
    seconds: Math.round(took),
    rounds,
    seen: run.seen,
    figures: run.figures,
    log,
    before,
    after,
    idle,
    faults: run.faults,
  };
}

function judge(
  scenario: Scenario,
  run: Run,
  { before, after, idle, log, seconds }: Pick<
    Result,
    "before" | "after" | "idle" | "log" | "seconds"
  >,
): void {
  const { judgesMemory = true, expectedLines } = scenario;
  for (const what of ["descriptors", "threads"] as const) {
    run.check(
      after[what] <= before[what],
      `${what}: ${before[what]} before, ${after[what]} afterwards`,
    );
  }
  const most = LINES_AT_ONCE + LINES_PER_SECOND * seconds;
  for (const [line, count] of Object.entries(log)) {
    const expected = expectedLines?.test(line) ?? false;
    run.check(expected || count <= most, `${count} times in the log: ${line}`);
  }
  if (run.short) return;
  scenario.judge?.(run);
  run.check(
    !judgesMemory || after.memory <= MEMORY_FACTOR * before.memory,
    `memory: ${megabytes(before.memory)} before, ${
      megabytes(after.memory)
    } afterwards`,
  );
  run.check(idle <= IDLE_MS, `the idle server uses ${idle} ms a second`);
}

/** Waits until the process holds no more than before, for 20 s at most. */
async function settled(run: Run, before: Sample | null): Promise<Sample> {
  let last = sample(run.pid);
  for (let i = 0; i < (run.short ? 200 : 40); i++) {
    await delay(run.short ? 50 : 500);
    const now = sample(run.pid);
    const enough = before === null
      ? i > 3 && now.descriptors === last.descriptors &&
        now.threads === last.threads
      : now.descriptors <= before.descriptors &&
        now.threads <= before.threads &&
        (run.short || now.memory <= before.memory * MEMORY_FACTOR);
    last = now;
    if (enough) break;
  }
  return last;
}

/** What the process holds at this moment. */
function sample(pid: number): Sample {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const value = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)![1]);
  return {
    memory: value("VmRSS") * 1024,
    descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    threads: value("Threads"),
  };
}

/** How much processor time passes in a second in which nobody asks (ms). */
async function idleTime(pid: number, short: boolean): Promise<number> {
  if (short) return 0;
  const before = processorTime(pid);
  await delay(2000);
  return (processorTime(pid) - before) / 2;
}

/** The processor time that a process has used (ms). */
export function processorTime(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A hundred ticks are a second (getconf CLK_TCK).
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The lines of the server's own log, without times and numbers. */
function countLines(log: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of log.split("\n")) {
    const [, text] = /^\S+T\S+ ((?:info|warn|error) .*)$/.exec(line) ?? [];
    if (text === undefined) continue;
    const kind = text.replaceAll(/\d+(\.\d+)*/g, "N").slice(0, 200);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/**
 * One scenario, from the start of its contenders to its figures.
 *
 * @module
 */

import { type Ask, checkSame } from "./answers.ts";
import type { Base } from "./base.ts";
import type { Contender } from "./contenders.ts";
import {
  type CurvePoint,
  type Figures,
  NotThere,
  type ScenarioResult,
} from "./figures.ts";
import type { Load } from "./load.ts";
import type { Measure } from "./measures.ts";
import { RunningServer } from "./running_server.ts";
import type { Workplace } from "./workplace.ts";

/** One thing that is measured. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What is counted per second. */
  readonly unit: string;
  readonly contenders: readonly Contender[];
  /** More than these rounds tell no more. */
  readonly maxRounds?: number;
  /** So many rounds at least, however long they take; a quick run has fewer. */
  readonly minRounds?: number;
  /** What has to be answered the same by all. */
  readonly ask?: Ask;
  /** Loads servers that run side by side through a round, … */
  readonly load?: Load;
  /** … or measures one that is started for each. */
  readonly measure?: Measure;
  /** Requests per second, where all are asked as many. */
  readonly fixedRate?: number;
  /** Of which growth curve it is a point. */
  readonly curve?: CurvePoint;
  /** What runs behind the contenders, on the core of the load. */
  readonly upstream?: Contender;
  /**
   * Writes what is served.
   *
   * @throws {NotThere} When it cannot be had.
   */
  prepare?(workplace: Workplace): void | Promise<void>;
}

/** How long to measure. */
export interface RunOptions {
  readonly rounds: number;
  /** Of one round. */
  readonly seconds: number;
  /** Of a whole scenario; it has fewer rounds where they would take longer. */
  readonly rowSeconds: number;
  /** Shows that it works and nothing else. */
  readonly quick: boolean;
  /** Ours is compared with this version of it, and with nobody else. */
  readonly base: Base | null;
}

/**
 * Most seconds of load before each round, in which engines compile what is used
 * most; none for a quick run. The clients then leave, and others come.
 */
const WARM_UP = 0.5;
/** Seconds that a contender takes in a round beside that, about. */
const OVERHEAD = 2.5;

/** About how many seconds a scenario takes. */
export function estimatedSeconds(
  scenario: Scenario,
  options: Omit<RunOptions, "base">,
): number {
  const round = scenario.contenders.length * (OVERHEAD + options.seconds);
  const all = round * roundsOf(scenario, options);
  return Math.max(round, Math.min(options.rowSeconds, all));
}

function roundsOf(
  { maxRounds = Infinity, minRounds = 1 }: Scenario,
  { rounds, quick }: Pick<RunOptions, "rounds" | "quick">,
): number {
  return Math.min(quick ? rounds : Math.max(rounds, minRounds), maxRounds);
}

/** Measures the contenders in turn, as often as there are rounds. */
export async function runScenario(
  scenario: Scenario,
  workplace: Workplace,
  options: RunOptions,
): Promise<ScenarioResult> {
  const { name, title, unit, curve, fixedRate } = scenario;
  const { base, seconds } = options;
  const contestants = base === null
    ? scenario.contenders
    : scenario.contenders.flatMap((contender) => {
      const other = contender.at?.(base.main, base.name);
      return other === undefined ? [] : [contender, other];
    });
  const skipped: string[] = [];
  const rounds: Record<string, Figures[]> = {};
  const date = new Date().toISOString().slice(0, 10);
  const told = { name, title, unit, date, seconds, curve, fixedRate };
  let start = NaN;
  try {
    await scenario.prepare?.(workplace);
    start = performance.now();
    await using stack = new AsyncDisposableStack();
    if (scenario.upstream !== undefined) {
      const upstream = await RunningServer.start(
        { ...scenario.upstream, place: "load" },
        workplace,
      );
      workplace.upstream = stack.use(upstream).port;
    }
    await (scenario.load === undefined
      ? measureFresh(scenario.measure!)
      : measureRunning(scenario.load));
    return { ...told, rounds, skipped };
  } catch (error) {
    if (error instanceof NotThere) {
      return { ...told, rounds, skipped: [error.message] };
    }
    return { ...told, rounds, skipped, failure: causes(error) };
  }

  /**
   * Each round has servers of its own: two processes of one program differ by
   * a tenth for as long as they run.
   */
  async function measureRunning(load: Load): Promise<void> {
    let contenders = contestants;
    for (let round = 0; hasTimeFor(round); round++) {
      await using stack = new AsyncDisposableStack();
      const servers: RunningServer[] = [];
      for (const contender of inOrder(contenders, round)) {
        await unlessNotThere(async () => {
          servers.push(
            stack.use(await RunningServer.start(contender, workplace)),
          );
        });
      }
      if (servers.length === 0) return;
      if (round === 0) contenders = servers.map(({ contender }) => contender);
      if (round === 0 && scenario.ask !== undefined) {
        // Another version may answer in other words.
        const any = base === null ? {} : { anyBody: true, fields: [] };
        await checkSame(servers, { ...scenario.ask, ...any });
      }
      if (!options.quick) {
        await load(servers, Math.min(WARM_UP, options.seconds));
      }
      const figures = await load(servers, options.seconds);
      servers.forEach(({ name }, index) => keep(name, figures[index]));
    }
  }

  async function measureFresh(measure: Measure): Promise<void> {
    const contenders: Contender[] = [];
    for (const contender of contestants) {
      await unlessNotThere(async () => {
        await using _server = await RunningServer.start(contender, workplace);
        contenders.push(contender);
      });
    }
    for (let round = 0; hasTimeFor(round); round++) {
      for (const contender of inOrder(contenders, round)) {
        const figures = await measure(contender, workplace, options.quick);
        keep(contender.name, figures);
      }
    }
  }

  /** Whether another round would end in time, if it took as long as others. */
  function hasTimeFor(round: number): boolean {
    if (round >= roundsOf(scenario, options)) return false;
    if (round < (scenario.minRounds ?? 1)) return true;
    const spent = (performance.now() - start) / 1000;
    return spent * (round + 1) / round <= options.rowSeconds;
  }

  function keep(name: string, figures: Figures): void {
    (rounds[name] ??= []).push(figures);
  }

  async function unlessNotThere(start: () => Promise<void>): Promise<void> {
    try {
      await start();
    } catch (error) {
      if (!(error instanceof NotThere)) throw error;
      skipped.push(error.message);
    }
  }
}

/**
 * For a round: none is always first, and each second time the other way round,
 * so that none always comes after the same one.
 */
export function inOrder<T>(all: readonly T[], round: number): T[] {
  const first = Math.floor(round / 2) % all.length;
  const order = [...all.slice(first), ...all.slice(0, first)];
  return round % 2 === 0 ? order : order.reverse();
}

function causes(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause === undefined ? message : `${message} ${causes(cause)}`;
}

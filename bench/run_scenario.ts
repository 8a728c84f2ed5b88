/**
 * One scenario, from the start of its contenders to its figures.
 *
 * @module
 */

import { checkSame } from "./answers.ts";
import type { Contender } from "./contenders.ts";
import type { Figures, ScenarioResult } from "./figures.ts";
import type { Load } from "./load.ts";
import type { Measure } from "./measures.ts";
import { NotThere, RunningServer } from "./running_server.ts";
import type { Scenario } from "./scenario.ts";
import type { Workplace } from "./workplace.ts";

/** How long to measure. */
export interface RunOptions {
  readonly rounds: number;
  /** Of one round. */
  readonly seconds: number;
  /** Shows that it works and nothing else. */
  readonly quick: boolean;
}

/** Seconds of load before the first round; none for a quick run. */
const WARM_UP = 2;

/** Measures the contenders in turn, as often as there are rounds. */
export async function runScenario(
  scenario: Scenario,
  workplace: Workplace,
  options: RunOptions,
): Promise<ScenarioResult> {
  const { name, title, unit } = scenario;
  const skipped: string[] = [];
  const rounds: Record<string, Figures[]> = {};
  try {
    scenario.prepare?.(workplace);
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
      : measureRunning(scenario.load, stack));
    return { name, title, unit, rounds, skipped };
  } catch (error) {
    if (error instanceof NotThere) {
      return { name, title, unit, rounds, skipped: [error.message] };
    }
    return { name, title, unit, rounds, skipped, failure: causes(error) };
  }

  async function measureRunning(
    load: Load,
    stack: AsyncDisposableStack,
  ): Promise<void> {
    const servers: RunningServer[] = [];
    for (const contender of scenario.contenders) {
      await unlessNotThere(async () => {
        servers.push(
          stack.use(await RunningServer.start(contender, workplace)),
        );
      });
    }
    if (scenario.ask !== undefined) await checkSame(servers, scenario.ask);
    for (const server of options.quick ? [] : servers) {
      await load(server, WARM_UP);
    }
    await inTurn(servers, (server) => load(server, options.seconds));
  }

  async function measureFresh(measure: Measure): Promise<void> {
    const contenders: Contender[] = [];
    for (const contender of scenario.contenders) {
      await unlessNotThere(async () => {
        await using _server = await RunningServer.start(contender, workplace);
        contenders.push(contender);
      });
    }
    await inTurn(
      contenders,
      (contender) => measure(contender, workplace, options.quick),
    );
  }

  /** Each round begins with another one, so that none is always first. */
  async function inTurn<T extends { readonly name: string }>(
    all: readonly T[],
    measure: (one: T) => Promise<Figures>,
  ): Promise<void> {
    for (const { name } of all) rounds[name] = [];
    const count = Math.min(options.rounds, scenario.maxRounds ?? Infinity);
    for (let round = 0; round < count; round++) {
      for (let i = 0; i < all.length; i++) {
        const one = all[(i + round) % all.length];
        rounds[one.name].push(await measure(one));
      }
    }
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

function causes(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause === undefined ? message : `${message} ${causes(cause)}`;
}

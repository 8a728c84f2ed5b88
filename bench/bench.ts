/**
 * The benchmark: `deno task bench --help`.
 *
 * @module
 */

import { type BenchOptions, benchOptions, HELP } from "./bench_options.ts";
import { PINNED } from "./command.ts";
import type { Run, ScenarioResult } from "./figures.ts";
import { outcomes } from "./goals.ts";
import { machine } from "./machine.ts";
import { runScenario } from "./run_scenario.ts";
import { Workplace } from "./workplace.ts";
import { writeResults } from "./write_results.ts";

/** Runs what the command line says; resolves with the exit code. */
async function bench(args: readonly string[]): Promise<number> {
  let options: BenchOptions;
  try {
    options = benchOptions(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n`);
    console.error(HELP);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const run = await measure(options);
  writeResults(run, options.folder, options.name);
  tellOutcomes(run);
  console.log(`Results: ${options.folder}`);
  return run.scenarios.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

async function measure(options: BenchOptions): Promise<Run> {
  const { date, quick, rounds, seconds } = options;
  using workplace = new Workplace();
  const scenarios: ScenarioResult[] = [];
  for (const scenario of options.scenarios) {
    console.log(`${scenario.name}: ${scenario.title}`);
    const result = await runScenario(scenario, workplace, options);
    for (const reason of result.skipped) console.log(`  skipped: ${reason}`);
    if (result.failure) console.error(`  FAILED: ${result.failure}`);
    scenarios.push(result);
  }
  return {
    date,
    quick,
    rounds,
    seconds,
    pinned: PINNED,
    machine: machine(),
    scenarios,
  };
}

function tellOutcomes(run: Run): void {
  for (const { goal, ratio, cpuRatio, met } of outcomes(run)) {
    const verdict = met === undefined
      ? "not measured"
      : met
      ? "met"
      : "NOT met";
    const cpu = cpuRatio === undefined
      ? ""
      : ` (by CPU ${cpuRatio.toFixed(2)})`;
    const figure = ratio === undefined ? "" : `${ratio.toFixed(2)}${cpu}, `;
    console.log(`${goal.title}: ${figure}${verdict}`);
  }
}

if (import.meta.main) Deno.exit(await bench(Deno.args));

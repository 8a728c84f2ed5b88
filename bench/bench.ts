/**
 * The benchmark: `deno task bench --help`.
 *
 * @module
 */

import { type Base, openBase } from "./base.ts";
import { type BenchOptions, benchOptions, HELP } from "./bench_options.ts";
import { PINNED } from "./command.ts";
import type { Run, ScenarioResult } from "./figures.ts";
import { outcomes } from "./goals.ts";
import { machine } from "./machine.ts";
import { ratioLines, scenarioCells, withError } from "./results_table.ts";
import { runScenario } from "./run_scenario.ts";
import { Workplace } from "./workplace.ts";
import { writeResults } from "./write_results.ts";

/** Runs what the command line says; resolves with the exit code. */
async function bench(args: readonly string[]): Promise<number> {
  using stack = new DisposableStack();
  let options: BenchOptions;
  let base: Base | null;
  try {
    options = benchOptions(args);
    base = options.compare === undefined
      ? null
      : openBase(options.compare, stack);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n`);
    console.error(HELP);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const scenarios = await measure({ ...options, base });
  console.log(`Results: ${options.folder}`);
  return scenarios.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

/** Measures one scenario after the other; the figures of each are there at once. */
async function measure(
  options: BenchOptions & { base: Base | null },
): Promise<readonly ScenarioResult[]> {
  const { date, quick, rounds, seconds, folder, name } = options;
  using workplace = new Workplace();
  const scenarios: ScenarioResult[] = [];
  const run: Run = {
    date,
    quick,
    rounds,
    seconds,
    pinned: PINNED,
    machine: machine(),
    scenarios,
  };
  for (const scenario of options.scenarios) {
    console.log(`${scenario.name}: ${scenario.title}`);
    const result = await runScenario(scenario, workplace, options);
    tell(result, options.base === null);
    scenarios.push(result);
    writeResults(run, folder, name);
  }
  return scenarios;
}

/** @param hasGoals False where ours is compared with another version. */
function tell(result: ScenarioResult, hasGoals: boolean): void {
  const cells = scenarioCells(result);
  const widths = cells[0].map((_, column) =>
    Math.max(...cells.map((row) => row[column].length))
  );
  for (const row of cells) {
    const [first, ...others] = row.map((text, column) =>
      column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column])
    );
    console.log(`  ${[first, ...others].join("  ")}`);
  }
  for (const line of ratioLines(result)) console.log(`  ${line}`);
  for (const reason of result.skipped) console.log(`  skipped: ${reason}`);
  if (result.failure) console.error(`  FAILED: ${result.failure}`);
  if (!hasGoals) return;
  for (const outcome of outcomes({ scenarios: [result] })) {
    const { goal, ratio, error, cpuRatio, cpuError, met } = outcome;
    const verdict = met === undefined
      ? "not measured"
      : met
      ? "met"
      : "NOT met";
    const cpu = cpuRatio === undefined
      ? ""
      : ` (by CPU ${withError(cpuRatio, cpuError)})`;
    const figure = ratio === undefined
      ? ""
      : `${withError(ratio, error)}${cpu}, `;
    console.log(`  ${goal.title}: ${figure}${verdict}`);
  }
}

if (import.meta.main) Deno.exit(await bench(Deno.args));

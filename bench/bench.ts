/**
 * The benchmark: `deno task bench --help`.
 *
 * @module
 */

import { type Base, openBase } from "./base.ts";
import { type BenchOptions, benchOptions, HELP } from "./bench_options.ts";
import { PINNED, stayAside } from "./command.ts";
import { estimateText, type Run, type ScenarioResult } from "./figures.ts";
import { bound, outcomes } from "./goals.ts";
import { machine } from "./machine.ts";
import { ratioLines, scenarioCells, titleOf } from "./results_table.ts";
import { runScenario } from "./run_scenario.ts";
import { Workplace } from "./workplace.ts";
import {
  merged,
  readResults,
  writeReport,
  writeResults,
} from "./write_results.ts";

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
  if (options.report) {
    writeReport(options.folder);
    return 0;
  }
  const run: Run = {
    quick: options.quick,
    pinned: PINNED,
    machine: machine(),
    scenarios: [],
  };
  let there: Run | null;
  try {
    there = options.adds ? readResults(options.folder, run) : null;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  }
  const count = options.scenarios.length;
  console.log(
    `${count} ${count === 1 ? "scenario" : "scenarios"}, about ${
      Math.ceil(options.duration / 60)
    } min`,
  );
  const results = await measure({ ...options, base }, run, there);
  console.log(`Results: ${options.folder}`);
  return results.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

/** Measures one scenario after the other; the figures of each are there at once. */
async function measure(
  options: BenchOptions & { base: Base | null },
  run: Run,
  there: Run | null,
): Promise<readonly ScenarioResult[]> {
  using workplace = new Workplace();
  stayAside();
  const scenarios: ScenarioResult[] = [];
  for (const scenario of options.scenarios) {
    console.log(`${scenario.name}: ${titleOf(scenario)}`);
    const result = await runScenario(scenario, workplace, options);
    tell(result, options.base === null ? run : null);
    scenarios.push(result);
    writeResults(merged(there, { ...run, scenarios }), options.folder);
  }
  return scenarios;
}

/** @param run Null where ours is compared with another version: no goals. */
function tell(result: ScenarioResult, run: Run | null): void {
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
  if (run === null) return;
  for (const outcome of outcomes({ ...run, scenarios: [result] })) {
    const { goal, ratio, cpuRatio, limitRatio, ofLimit, byCpu, met } = outcome;
    const figures = [
      ...(ratio === undefined ? [] : [estimateText(ratio)]),
      ...(cpuRatio === undefined ? [] : [`by CPU ${estimateText(cpuRatio)}`]),
      ...(limitRatio === undefined
        ? []
        : [`the engine's limit ${estimateText(limitRatio)}`]),
      ...(ofLimit === undefined
        ? []
        : [`ours / limit ${estimateText(ofLimit)}`]),
      met === undefined
        ? `not measured: ${outcome.reason ?? "no figures"}`
        : `${met ? "met" : "NOT met"}${byCpu ? " by CPU" : ""} (${
          bound(goal)
        })`,
    ];
    console.log(`  ${goal.title}: ${figures.join(", ")}`);
  }
}

if (import.meta.main) Deno.exit(await bench(Deno.args));

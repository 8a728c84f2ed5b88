/**
 * The command line of the benchmark.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { fromFileUrl, join } from "../src/std/path.ts";
import {
  estimatedSeconds,
  type RunOptions,
  type Scenario,
} from "./run_scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

const RESULTS = fromFileUrl(new URL("./results", import.meta.url));

/** Names of scenarios; the points of a curve share the first part. */
const CURVE_POINT = /^(grow-[a-z]+)-/;

/** What `--help` shows. */
export const HELP = `Usage: deno task bench [options]

  --scenario NAME...  Only these; repeatable
  --part N/M          Only the Nth of M parts, which take about as long each
  --rounds N          Rounds of each contender (5)
  --seconds S         Of a round (1)
  --row-seconds S     Most that a scenario may take: it has fewer rounds where
                      they would take longer (60)
  --quick             One cold round: shows that it works
  --compare BASE      Compare with another version of the server and with
                      nobody else: a commit, or a folder with a main.ts
  --out FOLDER        Add to the results in that folder, in place of those of
                      the same scenarios (without it: bench/results anew, or
                      bench/results/partial.tmp for parts and quick runs)
  --report            Measure nothing: write table and plots of the figures in
                      that folder anew, and the tables of docs/scaling.md

Scenarios:
${
  [
    ...SCENARIOS.filter(({ curve }) => curve === undefined)
      .map(({ name, title }) => [name, title]),
    ...new Map(
      SCENARIOS.flatMap(({ name, curve }) =>
        curve === undefined ? [] : [[curveName(name), curve.title] as const]
      ),
    ),
  ].map(([name, title]) => `  ${name.padEnd(20)}${title}`).join("\n")
}
`;

/** What is to be done. */
export interface BenchOptions extends Omit<RunOptions, "base"> {
  readonly help: boolean;
  /** Only writes what is made of the figures that are there. */
  readonly report: boolean;
  readonly scenarios: readonly Scenario[];
  /** For the results. */
  readonly folder: string;
  /** Whether what is there stays. */
  readonly adds: boolean;
  /** What to compare with, if with another version. */
  readonly compare: string | undefined;
  /** About how many seconds all of it takes. */
  readonly duration: number;
}

/**
 * Reads the command line.
 *
 * @throws {Error} When it is wrong.
 */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      scenario: { type: "string", multiple: true, default: [] },
      part: { type: "string", default: "1/1" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      "row-seconds": { type: "string" },
      quick: { type: "boolean", default: false },
      compare: { type: "string" },
      out: { type: "string" },
      report: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { quick, help, report, compare, out } = values;
  const names = [...values.scenario, ...positionals];
  const unknown = names.find((name) =>
    !SCENARIOS.some((scenario) => isNamed(scenario, name))
  );
  if (unknown !== undefined) throw new Error(`No scenario is named ${unknown}`);
  const complete = names.length === 0 && values.part === "1/1" && !quick &&
    compare === undefined;
  const times = {
    quick,
    rounds: count("--rounds", values.rounds, quick ? 1 : 5),
    seconds: positive("--seconds", values.seconds, 1),
    rowSeconds: positive("--row-seconds", values["row-seconds"], 60),
  };
  const wanted = SCENARIOS.filter((scenario) =>
    (names.length === 0 || names.some((name) => isNamed(scenario, name))) &&
    (compare === undefined || compared(scenario).length > 0)
  );
  const takes = (scenario: Scenario) =>
    estimatedSeconds({
      ...scenario,
      ...(compare !== undefined && { contenders: compared(scenario) }),
    }, times);
  const scenarios = part(values.part, wanted, takes);
  return {
    ...times,
    help,
    report,
    compare,
    scenarios,
    folder: out ?? (complete ? RESULTS : join(RESULTS, "partial.tmp")),
    adds: out !== undefined,
    duration: scenarios.reduce((sum, one) => sum + takes(one), 0),
  };
}

/** Those of ours, twice: at two versions. */
function compared({ contenders }: Scenario): Scenario["contenders"] {
  return contenders.flatMap((one) => one.at === undefined ? [] : [one, one]);
}

function curveName(name: string): string {
  return CURVE_POINT.exec(name)?.[1] ?? name;
}

function isNamed({ name }: Scenario, given: string): boolean {
  return given === name || given === curveName(name);
}

/** One of several parts of about equal duration, in the given order. */
function part(
  given: string,
  scenarios: readonly Scenario[],
  takes: (scenario: Scenario) => number,
): Scenario[] {
  const [, which, of] = (/^(\d+)\/(\d+)$/.exec(given) ?? []).map(Number);
  if (!(which >= 1 && which <= of)) {
    throw new Error(`--part takes a part such as 1/4, not "${given}"`);
  }
  const all = scenarios.reduce((sum, one) => sum + takes(one), 0);
  let before = 0;
  return scenarios.filter((scenario) => {
    const middle = before + takes(scenario) / 2;
    before += takes(scenario);
    return Math.floor(of * middle / all) === which - 1;
  });
}

function count(
  option: string,
  given: string | undefined,
  otherwise: number,
): number {
  const value = positive(option, given, otherwise);
  if (Number.isInteger(value)) return value;
  throw new Error(`${option} takes a whole number, not "${given}"`);
}

function positive(
  option: string,
  given: string | undefined,
  otherwise: number,
): number {
  const value = Number(given ?? otherwise);
  if (value > 0) return value;
  throw new Error(`${option} takes a number above 0, not "${given}"`);
}

/**
 * The command line of the benchmark.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { fromFileUrl, join } from "../src/std/path.ts";
import type { RunOptions } from "./run_scenario.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

const RESULTS = fromFileUrl(new URL("./results", import.meta.url));

/** What `--help` shows. */
export const HELP = `Usage: deno task bench [options]

  --scenario NAME...  Only these; repeatable
  --rounds N          Rounds of each contender (5)
  --seconds S         Of a round (2)
  --quick             One cold round of a second: shows that it works
  --compare BASE      Compare with another version of the server and with
                      nobody else: a commit, or a folder with a main.ts
  --name NAME         Of the file with the raw figures (the date)
  --out FOLDER        For the results (bench/results, and
                      bench/results/partial.tmp for parts and quick runs)

Scenarios:
${SCENARIOS.map(({ name, title }) => `  ${name.padEnd(20)}${title}`).join("\n")}
`;

/** What is to be done. */
export interface BenchOptions extends Omit<RunOptions, "base"> {
  readonly help: boolean;
  readonly scenarios: readonly Scenario[];
  /** Of the file with the raw figures. */
  readonly name: string;
  /** For the results. */
  readonly folder: string;
  readonly date: string;
  /** What to compare with, if with another version. */
  readonly compare: string | undefined;
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
      rounds: { type: "string" },
      seconds: { type: "string" },
      quick: { type: "boolean", default: false },
      compare: { type: "string" },
      name: { type: "string" },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const { quick, help, compare } = values;
  const names = [...values.scenario, ...positionals];
  const unknown = names.find((name) =>
    !SCENARIOS.some((scenario) => scenario.name === name)
  );
  if (unknown !== undefined) throw new Error(`No scenario is named ${unknown}`);
  const complete = names.length === 0 && !quick &&
    compare === undefined;
  const date = new Date().toISOString().slice(0, 10);
  return {
    help,
    quick,
    compare,
    date,
    name: values.name ?? date,
    rounds: count("--rounds", values.rounds, quick ? 1 : 5),
    seconds: count("--seconds", values.seconds, quick ? 1 : 2),
    scenarios: SCENARIOS.filter(({ name }) =>
      names.length === 0 || names.includes(name)
    ),
    folder: values.out ??
      (complete ? RESULTS : join(RESULTS, "partial.tmp")),
  };
}

function count(
  option: string,
  given: string | undefined,
  otherwise: number,
): number {
  const value = Number(given ?? otherwise);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${option} takes a whole number above 0, not "${given}"`);
}

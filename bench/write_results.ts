/**
 * The files of a run, and how a run adds to what is there.
 *
 * @module
 */

import { join } from "../src/std/path.ts";
import type { Run } from "./figures.ts";
import { plots } from "./plots.ts";
import { resultsTable } from "./results_table.ts";
import { writeScalingTables } from "./scaling_tables.ts";
import { SCENARIOS } from "./scenarios.ts";

const RAW = "results.json";

/**
 * The run whose results are in a folder; null when there are none.
 *
 * @throws {Error} When they are of another machine, engine or form: ratios of
 * two machines mean nothing.
 */
export function readResults(
  folder: string,
  { machine }: Pick<Run, "machine">,
): Run | null {
  const path = join(folder, RAW);
  let there: Run;
  try {
    there = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new Error(`${path} cannot be read: ${error}`);
  }
  const told = ({ cpu, cores, kernel, versions }: Run["machine"]) =>
    `${cpu}, ${cores} cores, Linux ${kernel}, deno ${versions.deno}`;
  const isOurs = told(there.machine) === told(machine) &&
    there.scenarios.every(({ date }) => date !== undefined);
  if (isOurs) return there;
  throw new Error(
    `${path} holds results of another machine or benchmark (${
      told(there.machine)
    }): remove it, or name another folder with --out`,
  );
}

/**
 * Writes table, plots and the tables of docs/scaling.md anew, of raw figures
 * that are there.
 *
 * @throws {Error} When there are none.
 */
export function writeReport(folder: string): void {
  const run: Run = JSON.parse(Deno.readTextFileSync(join(folder, RAW)));
  writeResults(run, folder);
  writeScalingTables(run);
}

/** The scenarios of `there` with those of `run` in their place. */
export function merged(there: Run | null, run: Run): Run {
  if (there === null) return run;
  const names = new Set(run.scenarios.map(({ name }) => name));
  const order = SCENARIOS.map(({ name }) => name);
  const scenarios = [
    ...there.scenarios.filter(({ name }) => !names.has(name)),
    ...run.scenarios,
  ].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  return { ...run, quick: there.quick || run.quick, scenarios };
}

/** Writes raw figures, table and plots. */
export function writeResults(run: Run, folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  const files = {
    [RAW]: JSON.stringify(run, rounded, 1) + "\n",
    "README.md": resultsTable(run, RAW),
    ...plots(run),
  };
  for (const [file, text] of Object.entries(files)) {
    Deno.writeTextFileSync(join(folder, file), text);
  }
}

/** More digits than these mean nothing. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(6)) : value;
}

/**
 * The files of a run.
 *
 * @module
 */

import { join } from "../src/std/path.ts";
import type { Run } from "./figures.ts";
import { plots } from "./plots.ts";
import { resultsTable } from "./results_table.ts";

/** Writes raw figures, table and plots; `name` is that of the raw figures. */
export function writeResults(run: Run, folder: string, name: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  const files = {
    [`${name}.json`]: JSON.stringify(run, rounded, 1) + "\n",
    "README.md": resultsTable(run, `${name}.json`),
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

/**
 * The long run: `deno task endurance [--scenario NAME] [--minutes N] [--list]`.
 * Writes what it saw to `docs/endurance.md`. Exit code 1: something was not as
 * it should be.
 *
 * @module
 */

import { parseArgs } from "../../src/std/cli.ts";
import { writeReport } from "./report.ts";
import { megabytes, type Result, runScenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

const { scenario, minutes, list, ["round-seconds"]: roundSeconds } = parseArgs(
  Deno.args,
  {
    boolean: ["list"],
    string: ["scenario", "minutes", "round-seconds"],
    collect: ["scenario"],
    unknown(arg) {
      console.error(
        `${arg} is not known; there are --list, --minutes, --round-seconds, --scenario.`,
      );
      Deno.exit(2);
    },
  },
) as unknown as {
  scenario: string[];
  minutes?: string;
  list: boolean;
  "round-seconds"?: string;
};

if (list) {
  for (const { name, does } of SCENARIOS) {
    console.log(`${name.padEnd(18)} ${does}`);
  }
  Deno.exit(0);
}

const seconds = number("--minutes", minutes, 1) * 60;
const round = number("--round-seconds", roundSeconds, 10);
const chosen = scenario.length === 0 ? SCENARIOS : scenario.map((name) => {
  const found = SCENARIOS.find((one) => one.name === name);
  if (found !== undefined) return found;
  console.error(`There is no scenario ${name}; --list shows all.`);
  Deno.exit(2);
});

let bad = 0;
for (const one of chosen) {
  const reason = one.unavailable?.() ?? null;
  if (reason !== null) {
    console.log(`${one.name}: left out, ${reason}`);
    continue;
  }
  console.log(`${one.name}: ${one.does}`);
  const result = await runScenario(one, { seconds, roundSeconds: round });
  console.log(inOneLine(result));
  if (result.faults.length > 0) bad++;
  await writeReport(result);
}
Deno.exit(bad > 0 ? 1 : 0);

/** Whether it passed, what was held before and after, what was seen and logged. */
function inOneLine(result: Result): string {
  const { before, after, faults, seen, figures, log } = result;
  const counts = (table: Readonly<Record<string, number | string>>): string =>
    Object.entries(table).map(([what, count]) => `${what}: ${count}`)
      .join("; ") || "nothing";
  return [
    `${
      faults.length === 0 ? "PASS" : `FAIL (${faults.join("; ")})`
    } ${result.name}`,
    `${result.rounds} rounds in ${result.seconds} s`,
    `memory ${megabytes(before.memory)} -> ${megabytes(after.memory)}`,
    `descriptors ${before.descriptors} -> ${after.descriptors}`,
    `threads ${before.threads} -> ${after.threads}`,
    `idle ${result.idle} ms/s (timers)`,
    `clients saw ${counts(seen)}`,
    `figures ${counts(figures)}`,
    `log ${counts(log)}`,
  ].join(" | ");
}

function number(name: string, text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (value > 0 && value < 1e6) return value;
  console.error(`${name} takes a number, not ${JSON.stringify(text)}.`);
  Deno.exit(2);
}

/**
 * The results as `docs/endurance.md`; what they are made of is kept beside it,
 * so that one scenario can be run anew.
 *
 * @module
 */

import { fromFileUrl } from "../../src/std/path.ts";
import { megabytes, type Result } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

const DATA = fromFileUrl(new URL("results.json", import.meta.url));
const PAGE = fromFileUrl(new URL("../../docs/endurance.md", import.meta.url));

const HEAD = `# Endurance

How the server behaves under stress that lasts. Made by
\`deno task endurance\`: \`--list\` shows the scenarios, \`--scenario NAME\` runs one
(repeatable), \`--minutes N\` says for how long (1), \`--round-seconds N\` how long
a round of it takes (10). Each starts the real server, warms it up with the same
work for half that time, looks at the process, goes on for the time asked for,
and looks again. Then memory must
be within 15 %, descriptors and threads must not be more, the idle server must
rest, and no line of the log may come more often than a few times and four times
in ten seconds.

`;

/** Writes the result of a scenario into the page, in place of an older one. */
export async function writeReport(result: Result): Promise<void> {
  const results = { ...await read(), [result.name]: result };
  await Deno.writeTextFile(DATA, JSON.stringify(results, null, 2) + "\n");
  await Deno.writeTextFile(PAGE, page(results));
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "-q", PAGE, DATA],
  }).output();
  if (!success) throw new Error(`${PAGE} could not be formatted`);
}

async function read(): Promise<Record<string, Result>> {
  try {
    return JSON.parse(await Deno.readTextFile(DATA));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

function page(results: Readonly<Record<string, Result>>): string {
  const shown = SCENARIOS.flatMap(({ name }) => results[name] ?? []);
  const rows = shown.map((result) => {
    const { before, after, faults } = result;
    return [
      `[${result.name}](#${result.name})`,
      `${result.seconds} s`,
      `${megabytes(before.memory)} → ${megabytes(after.memory)}`,
      `${before.descriptors} → ${after.descriptors}`,
      `${before.threads} → ${after.threads}`,
      `${result.idle} ms/s`,
      faults.length === 0 ? "yes" : "no",
    ];
  });
  const head = [
    ["Scenario", "Time", "Memory", "Descriptors", "Threads", "Idle", "Good"],
    ["---", "---", "---", "---", "---", "---", "---"],
  ];
  const table = [...head, ...rows].map((row) => `| ${row.join(" | ")} |\n`);
  return HEAD + table.join("") + shown.map(section).join("");
}

function section(result: Result): string {
  const { name, does, date, seconds, rounds, seen, figures, log } = result;
  const counts = (table: Readonly<Record<string, number>>): string[] =>
    Object.entries(table).sort(([, a], [, b]) => b - a)
      .map(([what, count]) => `${escape(what)} (${count} ×)`);
  const lines = [
    ...Object.entries(figures).map(([what, value]) => `${what}: ${value}`),
    ...counts(seen).map((what) => `Client: ${what}`),
    ...counts(log).map((line) => `Log: ${line}`),
    ...result.faults.map((fault) =>
      `**Not as it should be**: ${escape(fault)}`
    ),
  ];
  if (Object.keys(log).length === 0) lines.push("Log: nothing");
  return `
## ${name}

${does} ${rounds} rounds in ${seconds} s on ${date}.

${lines.map((line) => `- ${line}`).join("\n")}
`;
}

function escape(text: string): string {
  return text.replaceAll(/[\\`*_<>[\]|#]/g, "\\$&");
}

/**
 * The results as Markdown.
 *
 * @module
 */

import { median, type Run, type ScenarioResult, short } from "./figures.ts";
import { outcomes } from "./goals.ts";

/** A metric's column. */
interface Column {
  readonly title: string;
  readonly metric: string;
  text(value: number): string;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
const percent = (part: number): string => `${(part * 100).toFixed(0)} %`;
const milliseconds = (ms: number): string =>
  ms < 1 ? `${(ms * 1000).toFixed(0)} µs` : `${short(ms)} ms`;

function columns({ unit }: ScenarioResult): Column[] {
  return [
    { title: `${unit}/s`, metric: "rate", text: short },
    { title: "CPU µs each", metric: "cpu", text: short },
    { title: "server busy", metric: "busy", text: percent },
    { title: "load busy", metric: "load", text: percent },
    { title: "median", metric: "p50", text: milliseconds },
    { title: "99 %", metric: "p99", text: milliseconds },
    { title: "mean", metric: "mean", text: milliseconds },
    {
      title: "per connection",
      metric: "connection",
      text: (bytes) => `${(bytes / 1000).toFixed(1)} kB`,
    },
    { title: "first answer", metric: "start", text: milliseconds },
    { title: "idle", metric: "rss_idle", text: megabytes },
    { title: "after 10,000", metric: "rss_few", text: megabytes },
    { title: "after 1,000,000", metric: "rss_many", text: megabytes },
    { title: "memory", metric: "rss", text: megabytes },
  ];
}

/** The page of a run; `name` is that of the file with the raw figures. */
export function resultsTable(run: Run, name: string): string {
  return [
    "# Results",
    "",
    ...introduction(run, name),
    "",
    ...goalTable(run),
    "![Throughput](throughput.svg)",
    "",
    "![Latency](latency.svg)",
    "",
    "![Memory](memory.svg)",
    "",
    ...run.scenarios.flatMap(scenarioTable),
  ].join("\n").trimEnd() + "\n";
}

function introduction(run: Run, name: string): string[] {
  const { machine, rounds, seconds } = run;
  const versions = Object.entries(machine.versions)
    .map(([program, version]) => `${program} ${version}`);
  return [
    ...(run.quick
      ? [
        "**A quick run: it shows that the benchmark works, nothing else.**",
        "",
      ]
      : []),
    `${run.date}, ${machine.cpu}, ${machine.cores} cores, ${machine.memory} GB, ` +
    `Linux ${machine.kernel}; ${versions.join(", ")}.`,
    "",
    `Medians of ${rounds} alternating rounds of ${seconds} s` +
    (run.quick ? ". " : "; where a goal is near 1, of twice as many. ") +
    (run.pinned
      ? "Servers are pinned to one core, the load to another. "
      : "**Servers and load share cores: the figures mislead.** ") +
    `Only ratios of one run mean something. Raw figures: [${name}](${name}).`,
    "",
    "CPU is the processor time of the server for each unit, which other work on the machine changes least. A server that was not busy was not the bottleneck: its rate is that of the load.",
  ];
}

function goalTable(run: Run): string[] {
  const rows = outcomes(run).map(({ goal, ratio, cpuRatio, met }) => {
    const bound = goal.atLeast === undefined
      ? `≤ ${goal.atMost}`
      : `≥ ${goal.atLeast}`;
    const verdict = met === undefined ? "not measured" : met ? "yes" : "**no**";
    return [
      goal.title,
      bound,
      ratio?.toFixed(2) ?? "",
      cpuRatio?.toFixed(2) ?? "",
      verdict,
    ];
  });
  if (rows.length === 0) return [];
  return [
    "## Goals",
    "",
    ...table(["scenario", "goal", "ratio", "by CPU", "met"], rows),
    "",
  ];
}

function scenarioTable(result: ScenarioResult): string[] {
  const names = Object.keys(result.rounds);
  const shown = columns(result).filter(({ metric }) =>
    names.some((name) => median(result, name, metric) !== undefined)
  );
  const rows = names.map((name) => [
    name,
    ...shown.map(({ metric, text }) => {
      const value = median(result, name, metric);
      return value === undefined ? "" : text(value);
    }),
  ]);
  const titles = ["", ...shown.map(({ title }) => title)];
  return [
    `## ${result.title}`,
    "",
    ...(shown.length > 0 ? [...table(titles, rows), ""] : []),
    ...(result.failure === undefined
      ? []
      : [`**Not valid:** ${result.failure}`, ""]),
    ...result.skipped.flatMap((reason) => [`Skipped: ${reason}.`, ""]),
  ];
}

function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = titles.map((_, index) => index === 0 ? "---" : "---:");
  return [line(titles), line(rule), ...rows.map(line)];
}

/**
 * The results as Markdown.
 *
 * @module
 */

import {
  type Estimate,
  estimateText,
  median,
  ratio,
  type Run,
  type ScenarioResult,
  short,
} from "./figures.ts";
import { bound, outcomes } from "./goals.ts";

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
    {
      title: `${unit} per core-second`,
      metric: "cpu",
      text: (microseconds) => short(1e6 / microseconds),
    },
    { title: "CPU µs each", metric: "cpu", text: short },
    { title: "server busy", metric: "busy", text: percent },
    { title: "load busy", metric: "load", text: percent },
    { title: "median", metric: "p50", text: milliseconds },
    { title: "99 %", metric: "p99", text: milliseconds },
    { title: "99.9 %", metric: "p99.9", text: milliseconds },
    {
      title: "99 % beside a listing",
      metric: "p99_beside",
      text: milliseconds,
    },
    { title: "listings/s", metric: "listings", text: short },
    { title: "mean", metric: "mean", text: milliseconds },
    {
      title: "MB per idle client",
      metric: "connection",
      text: (bytes) => (bytes / 1e6).toFixed(4),
    },
    {
      title: "idle clients per GB",
      metric: "connection",
      text: (bytes) => short(1e9 / bytes),
    },
    { title: "first answer", metric: "start", text: milliseconds },
    { title: "CPU until then", metric: "start_cpu", text: milliseconds },
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
    ...costTable(run),
    "![Throughput](throughput.svg)",
    "",
    "![Latency](latency.svg)",
    "",
    "![Memory](memory.svg)",
    "",
    "![How cost grows](growth.svg)",
    "",
    ...run.scenarios.flatMap(scenarioTable),
  ].join("\n").trimEnd() + "\n";
}

function introduction(run: Run, name: string): string[] {
  const { machine, scenarios } = run;
  const versions = Object.entries(machine.versions)
    .map(([program, version]) => `${program} ${version}`);
  const rounds = scenarios.flatMap(({ rounds }) =>
    Object.values(rounds).map(({ length }) => length)
  );
  return [
    ...(run.quick
      ? [
        "**Of quick runs: they show that the benchmark works, nothing else.**",
        "",
      ]
      : []),
    `${
      range(scenarios.map(({ date }) => date))
    }, ${machine.cpu}, ${machine.cores} cores, ${machine.memory} GB, ` +
    `Linux ${machine.kernel}; ${versions.join(", ")}.`,
    "",
    `Medians of ${range(rounds)} alternating rounds of ${
      range(scenarios.map(({ seconds }) => seconds))
    } s. ` +
    (run.pinned
      ? "Servers are pinned to one core, the load to another. "
      : "**Servers and load share cores: the figures mislead.** ") +
    `Only ratios of one run mean something; they are the medians of those of the rounds, with the standard error. Raw figures: [${name}](${name}).`,
    "",
    "CPU is the processor time of the server for each unit, which other work on the machine changes least; how many of them a second of one core pays for says the same the other way round. A server that was not busy was not the bottleneck: its rate is that of the load.",
  ];
}

/** As "5", or "3 to 5". */
function range(values: readonly (string | number)[]): string {
  const [first, ...others] = [...new Set(values)].sort();
  return others.length === 0 ? String(first) : `${first} to ${others.at(-1)}`;
}

function goalTable(run: Run): string[] {
  const rows = outcomes(run).map((outcome) => {
    const { goal, met, reason } = outcome;
    const byCpu = outcome.byCpu ? ", by CPU" : "";
    const verdict = met === undefined
      ? `not measured${reason === undefined ? "" : `: ${reason}`}`
      : met
      ? `yes${byCpu}`
      : `**no**${byCpu}${
        outcome.limitMeets === false ? ", nor the limit" : ""
      }`;
    return [
      goal.title,
      bound(goal),
      withError(outcome.ratio),
      withError(outcome.cpuRatio),
      withError(outcome.limitRatio),
      goal.limit === null ? "this" : withError(outcome.ofLimit),
      verdict,
    ];
  });
  if (rows.length === 0) return [];
  return [
    "## Goals",
    "",
    "The engine's limit is the same ratio of the least that a server can do on this engine: what that does and leaves out is told in [bench/README.md](../README.md#the-engines-limit). Beside it stands ours to that limit. Both are by CPU where the goal is a rate. Where a server was busy for less than 90 % of the time, the rates are those of the load, and the verdict is by CPU.",
    "",
    ...table(
      [
        ...["scenario", "goal", "ratio", "by CPU"],
        ...["engine's limit", "ours / limit", "met"],
      ],
      rows,
    ),
    "",
  ];
}

/** What a core and a GB are good for, with ours. */
function costTable({ scenarios }: Run): string[] {
  const rows = scenarios.flatMap((result) => {
    const [ours] = Object.keys(result.rounds);
    const cpu = median(result, ours, "cpu");
    if (cpu === undefined || result.curve !== undefined) return [];
    return [[result.title, `${short(1e6 / cpu)} ${result.unit}`]];
  });
  const idle = scenarios.find(({ name }) => name === "idle");
  const bytes = median(idle, "ours", "connection");
  const clients = bytes === undefined ? [] : [
    `A client that is connected and says nothing costs ${
      (bytes / 1e6).toFixed(4)
    } MB: a GB holds ${short(1e9 / bytes)} of them.`,
    "",
  ];
  return rows.length === 0 ? [] : [
    "## Cost",
    "",
    "What our server does with one second of one core, apps as short as those of the benchmark:",
    "",
    ...table(["work", "per core-second"], rows),
    "",
    ...clients,
  ];
}

/** A ratio as a reader sees it; "" for none. */
function withError(ratio: Estimate | undefined): string {
  return ratio === undefined ? "" : estimateText(ratio);
}

/** What is compared with the first contender, and which way is better. */
const COMPARED = [
  { metric: "rate", title: "rate" },
  { metric: "cpu", title: "by CPU", inverse: true },
  { metric: "start", title: "first answer" },
  { metric: "start_cpu", title: "CPU until then" },
  { metric: "connection", title: "memory per connection" },
  { metric: "rss_many", title: "memory" },
  { metric: "p99_beside", title: "99 % beside a listing" },
  { metric: "p99.9", title: "99.9 %" },
] as const;

/** The ratios of the first contender to each other one, for a terminal. */
export function ratioLines(result: ScenarioResult): string[] {
  const [first, ...others] = Object.keys(result.rounds);
  return others.map((other) => {
    const ratios = COMPARED.flatMap(({ metric, title, ...rest }) => {
      const pair = [[first, metric], [other, metric]] as const;
      const [one, two] = "inverse" in rest ? pair.toReversed() : pair;
      const estimate = ratio(result, one, two);
      return estimate === undefined
        ? []
        : [`${title} ${estimateText(estimate)}`];
    });
    return `${first} / ${other}: ${ratios.join(", ")}`;
  });
}

/** The figures of a scenario: titles, and a row for each contender. */
export function scenarioCells(result: ScenarioResult): string[][] {
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
  return [["", ...shown.map(({ title }) => title)], ...rows];
}

/** With its place on the curve, where it belongs to one. */
export function titleOf(
  { title, curve }: Pick<ScenarioResult, "title" | "curve">,
): string {
  return curve === undefined ? title : `${curve.title}: ${curve.at}`;
}

function scenarioTable(result: ScenarioResult): string[] {
  const [titles, ...rows] = scenarioCells(result);
  return [
    `## ${titleOf(result)}`,
    "",
    ...(titles.length > 1 ? [...table(titles, rows), ""] : []),
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

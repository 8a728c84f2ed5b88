/**
 * The tables of docs/scaling.md, made of the results of the benchmark.
 *
 * @module
 */

import { fromFileUrl } from "../src/std/path.ts";
import { median, type Run, short } from "./figures.ts";

const PAGE = fromFileUrl(new URL("../docs/scaling.md", import.meta.url));

/** What a core-second is spent on. */
const WORK: readonly [scenario: string, title: string][] = [
  ["reply", "16-byte reply"],
  ["http2", "the same by HTTP/2 and TLS"],
  ["connect", "the same, a new connection for each"],
  ["json", "echo of 1 KB of JSON"],
  ["file-1k", "1 KB file"],
  ["file-100k", "100 KB file"],
  ["file-200m", "1 MB of large files"],
  ["proxy", "answers passed on by the proxy"],
  ["websocket-echo", "WebSocket messages, there and back"],
  ["websocket-broadcast", "messages to 1,000 WebSockets"],
  ["event-stream", "events to 1,000 event streams"],
  ["listing", "listings of 1,000 files"],
];

const OURS = "ours";

/** The table of what one core does. */
function coreTable({ scenarios, machine }: Run): string[] {
  const rows = WORK.flatMap(([name, title]) => {
    const result = scenarios.find((one) => one.name === name);
    const cpu = median(result, OURS, "cpu");
    return cpu === undefined || result?.failure !== undefined
      ? []
      : [`| ${title} | ${rounded(1e6 / cpu)} | ${microseconds(cpu)} |`];
  });
  return [
    `On one core of an ${machine.cpu}, with Deno ${machine.versions.deno}:`,
    "",
    "| Work | per core-second | processor time each |",
    "| --- | ---: | ---: |",
    ...rows,
  ];
}

/** The table of memory. */
function memoryTable({ scenarios }: Run): string[] {
  const value = (name: string, metric: string, contender = OURS) =>
    median(scenarios.find((one) => one.name === name), contender, metric);
  const idle = value("memory", "rss_idle");
  const rows: [what: string, bytes: number | undefined][] = [
    ["The process at rest", idle],
    ["… after 10,000 requests", value("memory", "rss_few")],
    ["… after 1,000,000 requests", value("memory", "rss_many")],
    [
      "A second worker, under load",
      difference(
        value("workers", "rss", "2 workers"),
        value("workers", "rss", "1 worker"),
      ),
    ],
    ["An idle client", value("idle", "connection")],
    [
      "An open event stream that is sent much",
      each(difference(value("event-stream", "rss"), idle)),
    ],
    [
      "An open WebSocket that is sent much",
      each(difference(value("websocket-broadcast", "rss"), idle)),
    ],
  ];
  return [
    "| What | Memory | in a GB |",
    "| --- | ---: | ---: |",
    ...rows.flatMap(([what, bytes]) =>
      bytes === undefined
        ? []
        : [`| ${what} | ${size(bytes)} | ${rounded(1e9 / bytes)} |`]
    ),
  ];
}

/** Of 1,000 clients. */
function each(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes / 1000;
}

function difference(
  one: number | undefined,
  other: number | undefined,
): number | undefined {
  return one === undefined || other === undefined ? undefined : one - other;
}

/** To two digits: another run has others. */
function rounded(value: number): string {
  return short(Number(value.toPrecision(2)));
}

function microseconds(value: number): string {
  return value < 1000 ? `${rounded(value)} µs` : `${rounded(value / 1000)} ms`;
}

function size(bytes: number): string {
  return bytes < 1e6
    ? `${rounded(bytes / 1e3)} kB`
    : `${rounded(bytes / 1e6)} MB`;
}

/** `page` with the tables of a run between their marks. */
export function withTables(page: string, run: Run): string {
  const tables = { core: coreTable(run), memory: memoryTable(run) };
  return Object.entries(tables).reduce((text, [name, lines]) => {
    const begin = `<!-- ${name}: made by \`deno task bench --report\` -->\n`;
    const end = `\n<!-- end of ${name} -->`;
    const [before, ...rest] = text.split(begin);
    const after = rest.join(begin).split(end);
    if (after.length !== 2) {
      throw new Error(`docs/scaling.md lacks the marks of the table "${name}"`);
    }
    return `${before}${begin}\n${lines.join("\n")}\n${end}${after[1]}`;
  }, page);
}

/** Writes the tables of a run into docs/scaling.md. */
export function writeScalingTables(run: Run): void {
  const text = withTables(Deno.readTextFileSync(PAGE), run);
  Deno.writeTextFileSync(PAGE, text);
  new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", PAGE] })
    .outputSync();
}

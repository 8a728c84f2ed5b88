/**
 * The plots of a run.
 *
 * @module
 */

import {
  barChart,
  type BarPanel,
  type Line,
  lineChart,
  type LinePanel,
} from "./charts.ts";
import { median, type Run, type ScenarioResult } from "./figures.ts";

const PARTS = [50, 75, 90, 99];
const TAILS = [50, 99, 99.9];
const MEGABYTE = 1e6;

/** SVG documents by file name. */
export function plots(run: Run): Record<string, string> {
  const single = run.scenarios.filter(({ curve }) => curve === undefined);
  const memory = single.flatMap((result) => [
    ...bars(result, "connection", `${result.title}, kB`, 1000),
    ...bars(result, "rss_idle", "Memory after the start, MB", MEGABYTE),
    ...bars(result, "rss_few", "… after 10,000 requests, MB", MEGABYTE),
    ...bars(result, "rss_many", "… after 1,000,000 requests, MB", MEGABYTE),
  ]);
  return {
    "throughput.svg": barChart(
      "Throughput, more is better",
      single.flatMap((result) =>
        bars(result, "rate", `${result.title}, ${result.unit} per second`, 1)
      ),
    ),
    "latency.svg": lineChart("Latency in milliseconds, less is better", [
      ...single.flatMap((result) => latency(result, TAILS)),
      ...single.flatMap((result) => latency(result, PARTS)),
    ]),
    "memory.svg": barChart("Memory, less is better", memory),
    "growth.svg": lineChart("How cost grows", growth(run.scenarios)),
  };
}

function bars(
  result: ScenarioResult,
  metric: string,
  title: string,
  scale: number,
): BarPanel[] {
  // A fixed rate is nobody's merit.
  if (result.fixedRate !== undefined && metric === "rate") return [];
  const all = Object.keys(result.rounds).flatMap((name) => {
    const value = median(result, name, metric);
    return value === undefined ? [] : [{ name, value: value / scale }];
  });
  return all.length === 0 ? [] : [{ title, bars: all }];
}

/** Tails are compared where all are asked at one rate, and else not shown. */
function latency(
  result: ScenarioResult,
  parts: readonly number[],
): LinePanel[] {
  if ((result.fixedRate !== undefined) !== (parts === TAILS)) return [];
  const lines = Object.keys(result.rounds).flatMap((name) => {
    const points = parts.flatMap((part) => {
      const value = median(result, name, `p${part}`);
      return value === undefined ? [] : [{ label: `${part} %`, value }];
    });
    return points.length < parts.length ? [] : [{ name, points }];
  });
  return lines.length === 0 ? [] : [{ title: result.title, lines }];
}

/** What curves show, from what was measured. */
const SHOWN = {
  core: (of: (metric: string) => number | undefined) => {
    const cpu = of("cpu");
    return cpu && 1e6 / cpu;
  },
  rate: (of: (metric: string) => number | undefined) => of("rate"),
  memory: (of: (metric: string) => number | undefined) => {
    const bytes = of("rss");
    return bytes && bytes / MEGABYTE;
  },
};

function growth(scenarios: readonly ScenarioResult[]): LinePanel[] {
  const titles = new Set(
    scenarios.flatMap(({ curve }) => curve === undefined ? [] : [curve.title]),
  );
  return [...titles].flatMap((title) => {
    const points = scenarios.filter(({ curve }) => curve?.title === title);
    const { unit, curve } = points[0];
    return curve!.shows.map((what): LinePanel => {
      const words = {
        core: `${unit} per core-second`,
        rate: `${unit} per second`,
        memory: "memory, MB",
      }[what];
      const names = new Set(
        points.flatMap(({ rounds }) => Object.keys(rounds)),
      );
      const lines = [...names].map((name): Line => ({
        name,
        points: points.flatMap((result) => {
          const value = SHOWN[what]((metric) => median(result, name, metric));
          return value ? [{ label: result.curve!.at, value }] : [];
        }),
      })).filter(({ points }) => points.length > 0);
      return {
        title: `${title}: ${words}`,
        lines,
        logarithmic: what !== "memory" && curve!.logarithmic,
      };
    }).filter(({ lines }) => lines.length > 0);
  });
}

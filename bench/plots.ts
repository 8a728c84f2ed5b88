/**
 * The plots of a run.
 *
 * @module
 */

import { median, type Run, type ScenarioResult } from "./figures.ts";
import { type Bar, barChart, type BarPanel } from "./bar_chart.ts";
import { lineChart, type LinePanel } from "./line_chart.ts";

/** SVG documents by file name. */
export function plots(run: Run): Record<string, string> {
  const { scenarios } = run;
  const throughput = scenarios.flatMap((result) =>
    bars(result, "rate", `${result.title}, ${result.unit} per second`, 1)
  );
  const megabyte = 1e6;
  const memory = scenarios.flatMap((result) => [
    ...bars(result, "connection", `${result.title}, kB`, 1000),
    ...bars(
      result,
      "rss_idle",
      "Resident memory after the start, MB",
      megabyte,
    ),
    ...bars(result, "rss_few", "… after 10,000 requests, MB", megabyte),
    ...bars(result, "rss_many", "… after 1,000,000 requests, MB", megabyte),
  ]);
  return {
    "throughput.svg": barChart("Throughput, more is better", throughput),
    "latency.svg": lineChart(
      "Latency in milliseconds, less is better",
      scenarios.flatMap(latency),
    ),
    "memory.svg": barChart("Memory, less is better", memory),
  };
}

function bars(
  result: ScenarioResult,
  metric: string,
  title: string,
  scale: number,
): BarPanel[] {
  const all = Object.keys(result.rounds).flatMap((name): Bar[] => {
    const value = median(result, name, metric);
    return value === undefined ? [] : [{ name, value: value / scale }];
  });
  return all.length === 0 ? [] : [{ title, bars: all }];
}

const PARTS = [50, 75, 90, 99];

function latency(result: ScenarioResult): LinePanel[] {
  const lines = Object.keys(result.rounds).flatMap((name) => {
    const points = PARTS.flatMap((part) => {
      const value = median(result, name, `p${part}`);
      return value === undefined ? [] : [{ label: `${part} %`, value }];
    });
    return points.length < PARTS.length ? [] : [{ name, points }];
  });
  return lines.length === 0 ? [] : [{ title: result.title, lines }];
}

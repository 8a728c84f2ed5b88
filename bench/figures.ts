/**
 * What is measured, and what is made of several rounds.
 *
 * @module
 */

import type { Machine } from "./machine.ts";

/**
 * The figures of one round by metric: `rate` (per second), `cpu` (µs of the
 * server per unit of `rate`), `busy` and `load` (what the server and the load
 * use of a core, 0 to 1), `p50` … `p99` (latency, ms), `start` (ms), and memory
 * in bytes: `rss_…`, `connection`.
 */
export type Figures = Readonly<Record<string, number>>;

/** What came of one scenario. */
export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  /** What `rate` counts: "requests". */
  readonly unit: string;
  /** The rounds of each contender, ours first. */
  readonly rounds: Readonly<Record<string, readonly Figures[]>>;
  /** Who was not measured, and why; also why the whole scenario was not. */
  readonly skipped: readonly string[];
  /** What is wrong; then the figures are not to be used. */
  readonly failure?: string;
}

/** A whole run, as it is kept. */
export interface Run {
  readonly date: string;
  /** Short rounds, which show that it works and nothing else. */
  readonly quick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  /** Whether servers and load had a core each. */
  readonly pinned: boolean;
  readonly machine: Machine;
  readonly scenarios: readonly ScenarioResult[];
}

/** The median over the rounds; undefined when it was not measured. */
export function median(
  result: ScenarioResult | undefined,
  contender: string,
  metric: string,
): number | undefined {
  const values = (result?.rounds[contender] ?? [])
    .flatMap((figures) => figures[metric] ?? [])
    .sort((a, b) => a - b);
  const middle = values.length >> 1;
  return values.length % 2 === 1 || values.length === 0
    ? values[middle]
    : (values[middle - 1] + values[middle]) / 2;
}

/** The value below which a part of the values lies. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

/** A number as short as a reader needs it. */
export function short(value: number): string {
  return value >= 100
    ? Math.round(value).toLocaleString("en")
    : String(+value.toPrecision(3));
}

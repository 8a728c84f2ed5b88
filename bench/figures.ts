/**
 * What is measured, and what is made of several rounds.
 *
 * @module
 */

import type { Machine } from "./machine.ts";

/**
 * The figures of one round by metric: `rate` (per second), `cpu` (µs of the
 * server per unit of `rate`), `busy` and `load` (what the server and the load
 * use of a core, 0 to 1), `p50` … `p99.9` (latency, ms), `p99_beside` (the same
 * beside other work), `start` and `start_cpu` (ms), and memory in bytes: `rss_…`, `connection`.
 */
export type Figures = Readonly<Record<string, number>>;

/** Why a contender, or a whole scenario, is not measured. */
export class NotThere extends Error {}

/** A point of a growth curve; those with one title make a curve. */
export interface CurvePoint {
  readonly title: string;
  /** Where on the axis: "10 connections". */
  readonly at: string;
  /** What is drawn: units per core-second, units per second, memory. */
  readonly shows: readonly ("core" | "rate" | "memory")[];
  readonly logarithmic?: boolean;
}

/** What came of one scenario. */
export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  /** What `rate` counts: "requests". */
  readonly unit: string;
  /** The day. */
  readonly date: string;
  /** Of one round. */
  readonly seconds: number;
  /** The rounds of each contender, ours first. */
  readonly rounds: Readonly<Record<string, readonly Figures[]>>;
  /** Who was not measured, and why; also why the whole scenario was not. */
  readonly skipped: readonly string[];
  readonly curve?: CurvePoint;
  /** Requests per second, where all are asked as many. */
  readonly fixedRate?: number;
  /** What is wrong; then the figures are not to be used. */
  readonly failure?: string;
}

/** Scenarios of one machine, as they are kept. */
export interface Run {
  /** Whether one has short rounds, which show that it works and nothing else. */
  readonly quick: boolean;
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
  const rounds = result?.rounds[contender] ?? [];
  return middle(rounds.flatMap((figures) => figures[metric] ?? []));
}

function middle(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = sorted.length >> 1;
  return sorted.length % 2 === 1 || sorted.length === 0
    ? sorted[at]
    : (sorted[at - 1] + sorted[at]) / 2;
}

/** The mean of figures by metric; a turn without an answer has few of them. */
export function mean(all: readonly Figures[]): Figures {
  const metrics = new Set(all.flatMap((figures) => Object.keys(figures)));
  return Object.fromEntries([...metrics].map((metric) => {
    const values = all.flatMap((figures) => figures[metric] ?? []);
    const sum = values.reduce((sum, value) => sum + value);
    return [metric, sum / values.length];
  }));
}

/** A median and its standard error. */
export interface Estimate {
  readonly value: number;
  /** NaN of one value alone. */
  readonly error: number;
}

/**
 * The ratio of two contenders: the median of the ratios of the rounds, in which
 * they took turns, and the standard error of their mean. Undefined when one was
 * not measured.
 */
export function ratio(
  result: ScenarioResult,
  [one, ofOne]: readonly [contender: string, metric: string],
  [other, ofOther]: readonly [contender: string, metric: string],
): Estimate | undefined {
  const rounds = result.rounds[one] ?? [];
  const others = result.rounds[other] ?? [];
  const ratios = rounds.flatMap((figures, round) => {
    const [above, below] = [figures[ofOne], others[round]?.[ofOther]];
    return above && below ? above / below : [];
  });
  const value = middle(ratios);
  if (value === undefined) return undefined;
  const count = ratios.length;
  const average = ratios.reduce((sum, one) => sum + one) / count;
  const squares = ratios.reduce((sum, one) => sum + (one - average) ** 2, 0);
  return { value, error: Math.sqrt(squares / (count - 1) / count) };
}

/** The ratio of two estimates that were made apart. */
export function quotient(above: Estimate, below: Estimate): Estimate {
  const value = above.value / below.value;
  const relative = [above, below].map(({ value, error }) => error / value);
  return { value, error: value * Math.hypot(...relative) };
}

/** As `0.94 ± 0.01`. */
export function estimateText({ value, error }: Estimate): string {
  return Number.isNaN(error)
    ? value.toFixed(2)
    : `${value.toFixed(2)} ± ${error.toFixed(2)}`;
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

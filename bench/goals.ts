/**
 * What the server has to reach, as ratios of medians of one run.
 *
 * @module
 */

import { LISTING } from "./contenders.ts";
import { median, ratio as roundRatio, type Run } from "./figures.ts";

/** A ratio of two medians, and its bound. */
export interface Goal {
  readonly title: string;
  readonly scenario: string;
  readonly of: Figure;
  readonly to: Figure;
  readonly atLeast?: number;
  readonly atMost?: number;
}

type Figure = readonly [contender: string, metric: string];

/** What came of a goal; without figures nothing can be said. */
export interface Outcome {
  readonly goal: Goal;
  readonly ratio?: number;
  /** Standard error of that, by the ratios of the rounds. */
  readonly error?: number;
  /**
   * The same comparison by processor time per request, which other work on the
   * machine changes less; above 1 means that ours takes less.
   */
  readonly cpuRatio?: number;
  readonly cpuError?: number;
  readonly met?: boolean;
}

/** In the order of the results. */
export const GOALS: readonly Goal[] = [
  rate("16-byte reply, ours / bare Deno.serve", "reply", 0.92),
  rate("16-byte reply, ours / Node http", "reply", 1.4, "Node http"),
  rate("16-byte reply, ours / uvicorn", "reply", 1.5, "uvicorn"),
  rate("fetch handler, ours / bare Deno.serve", "fetch", 0.95),
  rate(
    "fetch handler asked by a browser, ours / bare that lists the fields",
    "fetch-browser",
    0.95,
    LISTING,
  ),
  rate("async fetch handler, ours / bare", "fetch-async", 0.95),
  rate("Hono, ours / bare Deno.serve", "fetch-hono", 0.95),
  rate("JSON echo of a fetch handler, ours / bare", "fetch-json", 0.95),
  rate("streamed body of a fetch handler, ours / bare", "fetch-stream", 0.95),
  rate("100 events of a fetch handler, ours / bare", "fetch-events", 0.95),
  rate("WebSocket echo through Hono, ours / bare", "fetch-echo", 0.95),
  rate("1 KB file, ours / nginx", "file-1k", 1, "nginx"),
  rate("100 KB file, ours / nginx", "file-100k", 0.5, "nginx"),
  rate("200 MB file, ours / nginx", "file-200m", 0.9, "nginx"),
  rate(
    "access log to a file on / off",
    "access-log",
    0.95,
    "no access log",
    "access log",
  ),
  rate(
    "the guard on / off, beside 1,000 idle connections",
    "guard",
    0.95,
    "no guard",
    "guard",
  ),
  rate(
    "WebSocket echo, ours / bare Deno.upgradeWebSocket",
    "websocket-echo",
    0.92,
  ),
  rate(
    "event stream to 1,000 clients, ours / hand-written Deno.serve stream",
    "event-stream",
    0.9,
  ),
  rate("proxy, ours / caddy reverse-proxy", "proxy", 0.7, "caddy"),
  {
    title:
      "memory per idle keep-alive connection at 10,000, ours / bare Deno.serve",
    scenario: "idle",
    of: ["ours", "connection"],
    to: ["bare Deno.serve", "connection"],
    atMost: 1.15,
  },
  {
    title: "start to first answer, ours / bare Deno.serve",
    scenario: "start",
    of: ["ours", "start"],
    to: ["bare Deno.serve", "start"],
    atMost: 4,
  },
  {
    title: "resident memory after 1,000,000 requests / after 10,000",
    scenario: "memory",
    of: ["ours", "rss_many"],
    to: ["ours", "rss_few"],
    atMost: 1.15,
  },
];

function rate(
  title: string,
  scenario: string,
  atLeast: number,
  peer = "bare Deno.serve",
  own = "ours",
): Goal {
  return { title, scenario, of: [own, "rate"], to: [peer, "rate"], atLeast };
}

/** What came of the goals whose scenarios were run. */
export function outcomes({ scenarios }: Pick<Run, "scenarios">): Outcome[] {
  return GOALS.flatMap((goal) => {
    const result = scenarios.find(({ name }) => name === goal.scenario);
    if (result === undefined) return [];
    const ratioOf = (of: Figure, to: Figure): number | undefined => {
      const [above, below] = [of, to].map((one) => median(result, ...one));
      return above && below ? above / below : undefined;
    };
    const ratio = ratioOf(goal.of, goal.to);
    if (ratio === undefined) return [{ goal }];
    const { atLeast = -Infinity, atMost = Infinity } = goal;
    const cpu: [Figure, Figure] = [[goal.to[0], "cpu"], [goal.of[0], "cpu"]];
    return [{
      goal,
      ratio,
      error: roundRatio(result, goal.of, goal.to)?.error,
      cpuRatio: ratioOf(...cpu),
      cpuError: roundRatio(result, ...cpu)?.error,
      met: ratio >= atLeast && ratio <= atMost,
    }];
  });
}

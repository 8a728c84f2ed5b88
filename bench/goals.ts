/**
 * What the server has to reach, as ratios within one run.
 *
 * @module
 */

import { LIMIT } from "./contenders.ts";
import { type Estimate, ratio as ratioOf, type Run } from "./figures.ts";

/** A ratio, and its bound. */
export interface Goal {
  readonly title: string;
  readonly scenario: string;
  readonly of: Figure;
  readonly to: Figure;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Who shows what this engine allows: the least that a handler can do. */
  readonly limit?: string;
  /** How many cores it takes to tell. */
  readonly cores?: number;
}

type Figure = readonly [contender: string, metric: string];

/** What came of a goal; without figures nothing can be said. */
export interface Outcome {
  readonly goal: Goal;
  readonly ratio?: Estimate;
  /**
   * The same comparison by processor time per request, which other work on the
   * machine changes less; above 1 means that ours takes less.
   */
  readonly cpuRatio?: Estimate;
  /** The same ratio of what the engine allows. */
  readonly limitRatio?: Estimate;
  readonly met?: boolean;
  /** Why nothing can be said. */
  readonly reason?: string;
}

const BARE = "bare Deno.serve";

/** What fetch handlers are measured by, beside both bare servers. */
const FETCH_GOALS = [
  ["fetch handler", "fetch"],
  ["async fetch handler", "fetch-async"],
  ["Hono", "fetch-hono"],
  ["JSON echo of a fetch handler", "fetch-json"],
  ["streamed body of a fetch handler", "fetch-stream"],
  ["100 events of a fetch handler", "fetch-events"],
  ["WebSocket echo through Hono", "fetch-echo"],
] as const;

/** In the order of the results. */
export const GOALS: readonly Goal[] = [
  rate("16-byte reply, ours / bare Deno.serve", "reply", 0.92),
  rate("16-byte reply, ours / Node http", "reply", 1.4, "Node http"),
  rate("16-byte reply, ours / uvicorn", "reply", 1.5, "uvicorn"),
  ...FETCH_GOALS.flatMap(([what, scenario]) => [
    { ...rate(`${what}, ours / ${BARE}`, scenario, 0.95), limit: LIMIT },
    rate(`${what}, ours / the engine's limit`, scenario, 0.95, LIMIT),
  ]),
  rate(
    "fetch handler asked by a browser, ours / the engine's limit",
    "fetch-browser",
    0.95,
    LIMIT,
  ),
  rate("1 KB file, ours / the engine's limit", "file-1k", 0.95, LIMIT),
  { ...rate("1 KB file, ours / nginx", "file-1k", 1, "nginx"), limit: LIMIT },
  {
    ...rate("100 KB file, ours / nginx", "file-100k", 0.5, "nginx"),
    limit: LIMIT,
  },
  {
    ...rate("200 MB file, ours / nginx", "file-200m", 0.9, "nginx"),
    limit: LIMIT,
  },
  {
    ...rate("304 for a 1 KB file, ours / nginx", "not-modified", 0.85, "nginx"),
    limit: LIMIT,
  },
  {
    ...rate("gzip of text, ours / nginx gzip_static", "gzip", 0.8, "nginx"),
    limit: LIMIT,
  },
  {
    ...rate("listing of 1,000, ours / nginx", "listing", 0.6, "nginx"),
    limit: LIMIT,
  },
  {
    title: "99 % of others' requests, beside a listing of 50,000 / without",
    scenario: "listing-others",
    of: ["ours", "p99_beside"],
    to: ["ours", "p99"],
    atMost: 2,
    limit: LIMIT,
  },
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
  {
    ...rate("HTTP/2 over TLS, ours / bare Deno.serve", "http2", 0.95),
    limit: LIMIT,
  },
  rate("new connection per request, ours / bare", "connect", 0.95),
  {
    ...rate("proxy, 1 KB, ours / Caddy", "proxy", 1.5, "Caddy"),
    limit: LIMIT,
  },
  {
    ...rate("proxy, 1 KB, ours / nginx", "proxy", 0.55, "nginx"),
    limit: LIMIT,
  },
  {
    ...rate(
      "2 workers / 1 worker, a core each and the load on neither",
      "workers",
      1.8,
      "1 worker",
      "2 workers",
    ),
    cores: 3,
  },
  {
    title: "requests per core-second, 2 workers / 1 worker",
    scenario: "workers",
    of: ["1 worker", "cpu"],
    to: ["2 workers", "cpu"],
    atLeast: 0.9,
  },
  {
    title:
      "memory per idle keep-alive connection at 10,000, ours / bare Deno.serve",
    scenario: "idle",
    of: ["ours", "connection"],
    to: [BARE, "connection"],
    atMost: 1.15,
  },
  {
    title: "start to first answer, executable, ours / bare Deno.serve",
    scenario: "start-executable",
    of: ["ours", "start"],
    to: [BARE, "start"],
    atMost: 1.4,
  },
  {
    title: "start to first answer, deno run, ours / bare Deno.serve",
    scenario: "start",
    of: ["ours", "start"],
    to: [BARE, "start"],
    atMost: 1.8,
  },
  {
    title: "resident memory at rest, ours / bare Deno.serve",
    scenario: "memory",
    of: ["ours", "rss_idle"],
    to: [BARE, "rss_idle"],
    atMost: 1.4,
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
  peer = BARE,
  own = "ours",
): Goal {
  return { title, scenario, of: [own, "rate"], to: [peer, "rate"], atLeast };
}

/** As "≥ 0.9". */
export function bound({ atLeast, atMost }: Goal): string {
  return atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
}

/** What came of the goals whose scenarios were run. */
export function outcomes(
  { scenarios, machine }: Pick<Run, "scenarios" | "machine">,
): Outcome[] {
  return GOALS.flatMap((goal): Outcome[] => {
    const result = scenarios.find(({ name }) => name === goal.scenario);
    if (result === undefined) return [];
    const ratio = ratioOf(result, goal.of, goal.to);
    if (ratio === undefined) {
      return [{ goal, reason: result.failure ?? result.skipped[0] }];
    }
    const { cores = 0, limit, atLeast = -Infinity, atMost = Infinity } = goal;
    if (machine.cores < cores) {
      const reason = `it takes ${cores} cores, and there are ${machine.cores}`;
      return [{ goal, reason }];
    }
    const cpu: [Figure, Figure] = [[goal.to[0], "cpu"], [goal.of[0], "cpu"]];
    const comparesRates = goal.of[1] === "rate";
    return [{
      goal,
      ratio,
      cpuRatio: comparesRates ? ratioOf(result, ...cpu) : undefined,
      limitRatio: limit === undefined
        ? undefined
        : ratioOf(result, [limit, goal.of[1]], goal.to),
      met: ratio.value >= atLeast && ratio.value <= atMost,
    }];
  });
}

/**
 * What the server has to reach, as ratios within one run.
 *
 * @module
 */

import { AT_HAND, LIMIT } from "./contenders.ts";
import {
  type Estimate,
  median,
  quotient,
  ratio as ratioOf,
  type Run,
  type ScenarioResult,
} from "./figures.ts";

/** A ratio, and its bound. */
export interface Goal {
  readonly title: string;
  readonly scenario: string;
  readonly of: Figure;
  readonly to: Figure;
  readonly atLeast?: number;
  readonly atMost?: number;
  /**
   * Who shows what this engine allows, in the place of `of` (the engine's limit);
   * none where it is `to`.
   */
  readonly limit: string | null;
  /** The same in the place of `to`, where that is ours as well. */
  readonly limitTo?: string;
  /** How many cores it takes to tell. */
  readonly cores?: number;
}

type Figure = readonly [contender: string, metric: string];

/** What came of a goal; without figures nothing can be said. */
export interface Outcome {
  readonly goal: Goal;
  readonly ratio?: Estimate;
  /**
   * The same comparison by processor time, which other work on the machine
   * changes less; the other way round, so that it has the same bound.
   */
  readonly cpuRatio?: Estimate;
  /** What the engine allows; rates by processor time … */
  readonly limitRatio?: Estimate;
  /** … and ours to that. */
  readonly ofLimit?: Estimate;
  readonly met?: boolean;
  /** Whether the engine allows it. */
  readonly limitMeets?: boolean;
  /** It was told by processor time: the rate was that of the load. */
  readonly byCpu?: boolean;
  /** Why nothing can be said. */
  readonly reason?: string;
}

const BARE = "bare Deno.serve";
/** A server that is less busy has the rate of what loads it. */
const BUSY = 0.9;
/** What takes processor time, by what it is told with. */
const CPU_OF: Readonly<Record<string, string>> = {
  rate: "cpu",
  start: "start_cpu",
};

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
    rate(`${what}, ours / ${BARE}`, scenario, 0.95),
    rate(`${what}, ours / the engine's limit`, scenario, 0.95, LIMIT),
  ]),
  rate(
    "fetch handler asked by a browser, ours / the engine's limit",
    "fetch-browser",
    0.95,
    LIMIT,
  ),
  rate(
    "1 KB file, ours / bare with file and fields at hand",
    "file-1k",
    0.95,
    AT_HAND,
  ),
  rate("1 KB file, ours / nginx", "file-1k", 1, "nginx"),
  rate("100 KB file, ours / nginx", "file-100k", 0.5, "nginx"),
  rate("200 MB file, ours / nginx", "file-200m", 0.9, "nginx"),
  rate("304 for a 1 KB file, ours / nginx", "not-modified", 0.85, "nginx"),
  rate("gzip of text, ours / nginx gzip_static", "gzip", 0.8, "nginx"),
  rate("listing of 1,000, ours / nginx", "listing", 0.6, "nginx"),
  {
    title: "99 % of others' requests, beside a listing of 50,000 / without",
    scenario: "listing-others",
    of: ["ours", "p99_beside"],
    to: ["ours", "p99"],
    atMost: 2,
    limit: LIMIT,
    limitTo: LIMIT,
  },
  {
    ...rate(
      "access log to a file on / off",
      "access-log",
      0.95,
      "no access log",
      "access log",
    ),
    limitTo: `${LIMIT}, no log`,
  },
  {
    ...rate(
      "the guard on / off, beside 1,000 idle connections",
      "guard",
      0.95,
      "no guard",
      "guard",
    ),
    limitTo: `${LIMIT}, no guard`,
  },
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
  rate("HTTP/2 over TLS, ours / bare Deno.serve", "http2", 0.95),
  rate("new connection per request, ours / bare", "connect", 0.95),
  rate("proxy, 1 KB, ours / Caddy", "proxy", 1.5, "Caddy"),
  rate("proxy, 1 KB, ours / nginx", "proxy", 0.55, "nginx"),
  {
    ...rate(
      "2 workers / 1 worker, a core each and the load on neither",
      "workers",
      1.8,
      "1 worker",
      "2 workers",
    ),
    limit: `${LIMIT}, 2 workers`,
    limitTo: `${LIMIT}, 1 worker`,
    cores: 3,
  },
  {
    title: "requests per core-second, 2 workers / 1 worker",
    scenario: "workers",
    of: ["1 worker", "cpu"],
    to: ["2 workers", "cpu"],
    atLeast: 0.9,
    limit: `${LIMIT}, 1 worker`,
    limitTo: `${LIMIT}, 2 workers`,
  },
  most(
    "memory per idle keep-alive connection at 10,000, ours / bare Deno.serve",
    ["idle", "connection"],
    1.15,
  ),
  most(
    "start to first answer, executable, ours / bare Deno.serve",
    ["start-executable", "start"],
    1.4,
  ),
  most(
    "start to first answer, deno run, ours / bare Deno.serve",
    ["start", "start"],
    1.8,
  ),
  most(
    "resident memory at rest, ours / bare Deno.serve",
    ["memory", "rss_idle"],
    1.4,
  ),
  {
    title: "resident memory after 1,000,000 requests / after 10,000",
    scenario: "memory",
    of: ["ours", "rss_many"],
    to: ["ours", "rss_few"],
    atMost: 1.15,
    limit: BARE,
    limitTo: BARE,
  },
];

function rate(
  title: string,
  scenario: string,
  atLeast: number,
  peer = BARE,
  own = "ours",
): Goal {
  const limit = peer === LIMIT ? null : LIMIT;
  const [of, to]: [Figure, Figure] = [[own, "rate"], [peer, "rate"]];
  return { title, scenario, of, to, atLeast, limit };
}

/** At most so many times what the bare server takes. */
function most(
  title: string,
  [scenario, metric]: readonly [scenario: string, metric: string],
  atMost: number,
): Goal {
  const [of, to]: [Figure, Figure] = [["ours", metric], [BARE, metric]];
  return { title, scenario, of, to, atMost, limit: LIMIT };
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
    const { of, to, cores = 0 } = goal;
    const ratio = ratioOf(result, of, to);
    if (ratio === undefined) {
      return [{ goal, reason: result.failure ?? result.skipped[0] }];
    }
    if (machine.cores < cores) {
      const reason = `it takes ${cores} cores, and there are ${machine.cores}`;
      return [{ goal, reason }];
    }
    const cpuRatio = cpuRatioOf(result, of, to);
    const byCpu = cpuRatio !== undefined && of[1] === "rate" &&
      [of, to].some(([name]) => (median(result, name, "busy") ?? 1) < BUSY);
    const limits = ofLimit(result, goal);
    return [{
      goal,
      ratio,
      cpuRatio,
      byCpu,
      met: meets(goal, byCpu ? cpuRatio : ratio),
      limitMeets: limits.limitRatio && meets(goal, limits.limitRatio),
      ...limits,
    }];
  });
}

function meets({ atLeast, atMost }: Goal, { value }: Estimate): boolean {
  return value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
}

/** What the engine allows, and ours beside it. */
function ofLimit(
  result: ScenarioResult,
  { of, to, limit, limitTo }: Goal,
): Pick<Outcome, "limitRatio" | "ofLimit"> {
  if (limit === null) return {};
  const least: Figure = [limit, of[1]];
  const other: Figure = limitTo === undefined ? to : [limitTo, to[1]];
  const limitRatio = steadyRatio(result, least, other);
  if (limitTo === undefined) {
    return { limitRatio, ofLimit: steadyRatio(result, of, least) };
  }
  const ratio = steadyRatio(result, of, to);
  return {
    limitRatio,
    ofLimit: limitRatio && ratio && quotient(ratio, limitRatio),
  };
}

/** Rates by processor time: the machine changes them less. */
function steadyRatio(
  result: ScenarioResult,
  one: Figure,
  other: Figure,
): Estimate | undefined {
  const cpuRatio = one[1] === "rate" && cpuRatioOf(result, one, other);
  return cpuRatio || ratioOf(result, one, other);
}

/** By processor time, where the figures are of something that takes some. */
function cpuRatioOf(
  result: ScenarioResult,
  [one, metric]: Figure,
  [other]: Figure,
): Estimate | undefined {
  const cpu = CPU_OF[metric];
  if (cpu === undefined) return undefined;
  return metric === "rate"
    ? ratioOf(result, [other, cpu], [one, cpu])
    : ratioOf(result, [one, cpu], [other, cpu]);
}

/**
 * Loads: wrk, h2load and clients of our own, each on the core that the server
 * does not use.
 *
 * @module
 */

import { fromFileUrl } from "../src/std/path.ts";
import type { Tally } from "./clients/turns.ts";
import { type Launch, spawn } from "./command.ts";
import { type Figures, mean, NotThere, percentile } from "./figures.ts";
import { findProgram } from "./machine.ts";
import { cpuSince, endedChildrenCpu } from "./process_usage.ts";
import type { RunningServer } from "./running_server.ts";
import { fileName, type Workplace } from "./workplace.ts";

/** Loads each of some servers for so many seconds; none while another is. */
export type Load = (
  servers: readonly RunningServer[],
  seconds: number,
) => Promise<Figures[]>;

/** What wrk asks for. */
export interface WrkOptions {
  /** "/" */
  readonly path?: string;
  /** Header fields, perhaps made of what the server answers. */
  readonly headers?: (server: RunningServer) => Promise<[string, string][]>;
  /** A Lua script. */
  readonly script?: string;
  /** How many ask at a time (64). */
  readonly connections?: number;
  /** "http" */
  readonly scheme?: "http" | "https";
  /** Of a turn (1): an answer that takes longer does not count. */
  readonly seconds?: number;
}

const CONNECTIONS = 64;
const GET = "GET / HTTP/1.1\r\n\r\n";
/** Of latencies, in per cent. */
const PERCENTILES = [50, 75, 90, 99, 99.9];
const STREAMS = { connections: 8, each: 16 };
const MILLISECONDS: Readonly<Record<string, number>> = {
  us: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
};

/** HTTP/1.1 requests, from another program than ours. */
export function wrk(
  {
    path = "/",
    headers,
    script,
    connections = CONNECTIONS,
    scheme = "http",
    seconds = 1,
  }: WrkOptions = {},
): Load {
  return oneByOne(async (server) => {
    const fields = await headers?.(server) ?? [];
    const args = [
      ...["-t1", `-c${connections}`, `-d${seconds}`, "--latency"],
      ...["--timeout", "30s"],
      ...fields.flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
      ...(script === undefined
        ? []
        : ["-s", server.workplace.write("wrk.lua", script)]),
      `${scheme}://127.0.0.1:${server.port}${path}`,
    ];
    return await measured(server, async () => {
      const text = await output({ command: program("wrk"), args });
      const errors = /Non-2xx.*|Socket errors.*/.exec(text)?.[0];
      if (errors !== undefined) throw new Error(`${server.name}: ${errors}`);
      const [, count] = find(text, /(\d+) requests in /);
      const latencies = [...text.matchAll(/^ +(\d+)% +([\d.]+)(\w+)$/gm)]
        .map(([, part, value, unit]) =>
          [`p${part}`, Number(value) * MILLISECONDS[unit]] as const
        );
      const [, rate] = find(text, /Requests\/sec: +([\d.]+)/);
      return {
        count: Number(count),
        figures: { rate: Number(rate), ...Object.fromEntries(latencies) },
      };
    });
  });
}

/**
 * HTTP/1.1 requests in short turns: where a goal is near 1.
 *
 * @param request Its line, fields but `host`, and body; a GET of `/`.
 */
export function http(request = GET): Load {
  return client("http_client.ts", (to) => [to, CONNECTIONS, request]);
}

/** The same on so many connections, one server after the other. */
export function connections(count: number): Load {
  const load = client("http_client.ts", (to) => [to, count, GET]);
  return async (servers, seconds) => {
    const figures: Figures[] = [];
    for (const server of servers) {
      figures.push(...await load([server], seconds));
    }
    return figures;
  };
}

/** HTTP/1.1 requests at a fixed rate: an open loop, for tails. */
export function atRate(perSecond: number, request = GET): Load {
  return client(
    "rate_client.ts",
    (to) => [to, CONNECTIONS, perSecond, request],
  );
}

/**
 * The same, and once more beside a client that asks for a folder twice a second,
 * in which a file has changed each time.
 */
export function besideListing(
  perSecond: number,
  request: string,
  folder: string,
): Load {
  const args = (to: string) => [to, CONNECTIONS, perSecond, request];
  const alone = client("rate_client.ts", args);
  const beside = client("rate_client.ts", args, ({ site }) => ({
    BENCH_BESIDE: `/${folder}/`,
    BENCH_TOUCH: `${site}/${folder}/${fileName(0)}`,
  }));
  return async (servers, seconds) => {
    const figures = await alone(servers, seconds);
    const others = await beside(servers, seconds);
    return figures.map((figure, index) => ({
      ...figure,
      p99_beside: others[index].p99,
      listings: others[index].beside,
    }));
  };
}

/** HTTP/2 requests over TLS: 8 connections with 16 streams each. */
export function h2load(path = "/"): Load {
  return oneByOne((server) =>
    measured(server, () => {
      const { connections, each } = STREAMS;
      return h2loadOutput([
        ...[`-c${connections}`, `-m${each}`, "-D1"],
        `https://127.0.0.1:${server.port}${path}`,
      ]);
    })
  );
}

/** Turns of a second each, as programs that are started for it can take. */
function oneByOne(
  load: (server: RunningServer) => Promise<Figures>,
): Load {
  return async (servers, seconds) => {
    const turns: Figures[][] = servers.map(() => []);
    for (let second = 0; second < seconds; second++) {
      for (const [index, server] of servers.entries()) {
        turns[index].push(await load(server));
      }
    }
    return turns.map(mean);
  };
}

/** Asks so many HTTP/1.1 requests, however long it takes. */
export async function requests(
  server: RunningServer,
  count: number,
): Promise<void> {
  await h2loadOutput([
    ...["--h1", `-c${CONNECTIONS}`, `-n${count}`],
    `http://127.0.0.1:${server.port}/`,
  ]);
}

async function h2loadOutput(args: readonly string[]): Promise<Counted> {
  const text = await output({
    command: program("h2load"),
    args: ["-t1", ...args],
  });
  const [, done, failed] = find(text, /(\d+) succeeded, (\d+) failed/);
  if (failed !== "0" || done === "0") {
    throw new Error(`h2load: ${done} succeeded, ${failed} failed`);
  }
  const [, rate] = find(text, /, ([\d.]+) req\/s/);
  const [, mean, unit] = find(
    text,
    /time for request: +\S+ +\S+ +([\d.]+)([a-z]+)/,
  );
  return {
    count: Number(done),
    figures: { rate: Number(rate), mean: Number(mean) * MILLISECONDS[unit] },
  };
}

/**
 * A client of `clients/`, which takes short turns between the servers; it is
 * given their ports and processes, `args` and the seconds.
 */
export function client(
  file: string,
  args: (servers: string) => readonly (string | number)[],
  env: (workplace: Workplace) => Record<string, string> = () => ({}),
): Load {
  return async (servers, seconds) => {
    const targets = servers.map(({ port, pid }) => `${port}:${pid}`).join();
    const text = await output({
      ...clientLaunch(file, [...args(targets), seconds]),
      env: env(servers[0].workplace),
    }).catch(({ message }) => {
      // The client knows servers by number.
      const index = Number(/\[(\d+)\]/.exec(message)?.[1]);
      throw new Error(`${servers[index]?.name ?? "the client"}: ${message}`);
    });
    const tallies: Tally[] = JSON.parse(text);
    return servers.map((server, index) => figuresOf(tallies[index], server));
  };
}

function figuresOf(
  { count, seconds, cpu, latencies, beside }: Tally,
  server: RunningServer,
): Figures {
  const parts = PERCENTILES.map((part) =>
    [`p${part}`, percentile(latencies, part / 100)] as const
  );
  const figures = {
    rate: count / seconds,
    ...(beside !== undefined && { beside: beside / seconds }),
    ...Object.fromEntries(latencies.length > 0 ? parts : []),
  };
  return withState({ count, figures }, cpu, {
    busy: cpu / seconds,
    rss: server.memory(),
  });
}

/** Connections that were answered once, open until disposed of. */
export async function idleConnections(
  port: number,
  count: number,
): Promise<AsyncDisposable> {
  const child = spawn(
    clientLaunch("idle_client.ts", [port, count]),
    "load",
    { stdin: "piped", stdout: "piped", stderr: "inherit" },
  );
  const output = child.stdout.getReader();
  const { done } = await output.read();
  if (done) throw new Error(`${count} idle connections could not be opened`);
  return {
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await output.cancel();
      await child.status;
    },
  };
}

/** The same load beside so many idle connections to each server. */
export function besideIdle(count: number, load: Load): Load {
  return async (servers, seconds) => {
    await using stack = new AsyncDisposableStack();
    for (const { port } of servers) {
      stack.use(await idleConnections(port, count));
    }
    return await load(servers, seconds);
  };
}

interface Counted {
  readonly count: number;
  readonly figures: Figures;
}

/** Adds what the server did meanwhile. */
async function measured(
  server: RunningServer,
  run: () => Promise<Counted>,
): Promise<Figures> {
  const start = performance.now();
  const [serverBefore, loadBefore] = [
    server.threadTimes(),
    endedChildrenCpu(),
  ];
  const counted = await run();
  const cpu = cpuSince(serverBefore, server.threadTimes());
  const seconds = (performance.now() - start) / 1000;
  const load = (endedChildrenCpu() - loadBefore) / seconds;
  return withState(counted, cpu, {
    busy: cpu / seconds,
    load,
    rss: server.memory(),
  });
}

/** Where nothing came, the state of the server is all that can be told. */
function withState(
  { count, figures }: Counted,
  cpu: number,
  state: Figures,
): Figures {
  return count === 0 ? state : { ...figures, cpu: cpu * 1e6 / count, ...state };
}

function clientLaunch(
  file: string,
  args: readonly (string | number)[],
): Launch {
  const path = fromFileUrl(new URL(`./clients/${file}`, import.meta.url));
  return {
    command: Deno.execPath(),
    args: ["run", "-A", path, ...args.map(String)],
  };
}

/**
 * What a program prints.
 *
 * @throws {Error} With its first line of errors, when it fails.
 */
async function output(launch: Launch): Promise<string> {
  const child = spawn(launch, "load", {
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (code === 0) return text;
  const [line] = (new TextDecoder().decode(stderr).trim() || text).split("\n");
  throw new Error(line);
}

function program(name: string): string {
  const path = findProgram(name);
  if (path === null) throw new NotThere(`${name} is not installed`);
  return path;
}

function find(text: string, pattern: RegExp): RegExpExecArray {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`${pattern} is not in:\n${text}`);
  return match;
}

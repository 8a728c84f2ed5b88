/** `--metrics` of the real program: with workers, signals and a Prometheus. */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import {
  findProgram,
  runProgram as run,
  testWith,
} from "../helpers/programs.ts";
import { Load } from "../helpers/load.ts";
import { OtherProcess } from "../helpers/other_process.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import {
  type Program,
  type ProgramOptions,
  runProgram,
  startProgram,
} from "../helpers/run_program.ts";
import { TempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";

const OPTIONS: ProgramOptions = { files: { "app.js": workerApp() } };
const ARGS = ["-p0", "--metrics", "0", "--no-access-log", "./app.js"];

/** Where its metrics are; the newest where they have moved. */
function metricsUrl(program: Program): string {
  return program.log.match(/Metrics at (\S+)\/metrics/)![1];
}

/** All samples, by name and labels. */
async function samples(program: Program): Promise<Map<string, number>> {
  const text = await (await fetch(`${metricsUrl(program)}/metrics`)).text();
  return new Map(
    text.split("\n").filter((line) => /^[a-z]/.test(line)).map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** The sum of all samples of that name whose labels contain a text. */
async function sum(program: Program, name: string, labels = "") {
  let total = 0;
  for (const [key, value] of await samples(program)) {
    if (key.split("{")[0] === name && key.includes(labels)) total += value;
  }
  return total;
}

const REQUESTS = "http_server_request_duration_seconds_count";

async function probe(program: Program, path: string): Promise<number> {
  const got = await fetch(metricsUrl(program) + path);
  await got.body?.cancel();
  return got.status;
}

async function ask(program: Program, path: string): Promise<void> {
  const got = await fetch(program.url + path).catch(() => null);
  await got?.body?.cancel();
}

Deno.test("counters of workers go on through HUP, a crash and --max-requests", async () => {
  await using program = await startProgram(
    ["-w2", "--max-requests", "40", ...ARGS],
    OPTIONS,
  );
  const address = { host: "127.0.0.1", port: program.port };
  // Too few for --max-requests: these workers are replaced by HUP.
  const before = new Load(address);
  await before.more(20);
  const first = await before.stop();
  assertEquals(first.failures, []);
  program.signal("SIGHUP");
  await program.logged(/Worker 4 replaces worker/);
  const load = new Load(address);
  await load.more(30);
  await ask(program, "/exit/3");
  await program.logged(/is gone: its app called Deno\.exit\(3\)/);
  // A load waits for no more answers once it has lost one to the crash.
  const during = await load.stop();
  const after = new Load(address);
  await after.more(100);
  const last = await after.stop();
  const answered = first.answered + during.answered + last.answered;
  const failures = [...during.failures, ...last.failures];
  await until(async () =>
    await sum(program, "pagi_server_workers", "serving") === 2 &&
    await sum(program, "http_server_active_requests") === 0
  );
  const counted = await sum(program, REQUESTS);
  // Whoever was on the connection of the crash may have been counted or not.
  assert(counted >= answered, `${counted} counted, ${answered} answered`);
  assert(counted <= answered + failures.length + 3, String(counted));
  const restarts = "pagi_server_worker_restarts_total";
  assertEquals(await sum(program, restarts, "reload"), 2);
  assertEquals(await sum(program, restarts, "crash"), 1);
  await until(async () => await sum(program, restarts, "max_requests") >= 1);
  // The one that crashed may have been replaced already.
  assert(await sum(program, "pagi_server_worker_starts_total") >= 5);
  assertEquals(
    await sum(program, "pagi_server_worker_silence_seconds") < 100,
    true,
  );
});

Deno.test("a fresh process takes over the address of the metrics, and its counters begin at 0", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  await using program = await startProgram(
    ["-w2", ...ARGS.with(2, `${port}`)],
    OPTIONS,
  );
  await ask(program, "/");
  assertEquals(await sum(program, REQUESTS), 1);
  const started = await sum(program, "process_start_time_seconds");
  program.signal("SIGUSR2");
  const [, pid] = await program.logged(/Process (\d+) has taken over/);
  await using successor = new OtherProcess(Number(pid));
  const startTime = () => sum(program, "process_start_time_seconds");
  // What came in the moment of the change may be reset.
  for (let i = 0; i < 100; i++) {
    if (await startTime().catch(() => 0) > started) break;
  }
  // While both run, only one of them answers.
  for (let i = 0; i < 20; i++) assert(await startTime() > started);
  await new OtherProcess(program.pid).ended();
  assertEquals(await probe(program, "/readyz"), 200);
  assertEquals(await sum(program, REQUESTS), 0);
  successor.signal("SIGTERM");
  await successor.ended();
});

Deno.test("/readyz fails first on TERM, and requests are served until the delay is over", async () => {
  await using program = await startProgram(
    [...ARGS.slice(0, 4), "--shutdown-delay", "600", "./app.js"],
    OPTIONS,
  );
  assertEquals(await probe(program, "/readyz"), 200);
  program.signal("SIGTERM");
  await program.logged(/stopping in 600 s \(--shutdown-delay\)/);
  assertEquals(await probe(program, "/readyz"), 503);
  assertEquals(await probe(program, "/healthz"), 200);
  const got = await fetch(program.url);
  assertEquals(got.status, 200);
  await got.body?.cancel();
  // A second signal does not wait.
  const { code } = await program.stop();
  assertEquals(code, 0);
});

Deno.test("INT does not wait for the delay, and without one TERM does not either", async () => {
  await using program = await startProgram(
    ["-w2", ...ARGS.slice(0, 4), "--shutdown-delay", "600", "./app.js"],
    OPTIONS,
  );
  assertEquals((await program.stop("SIGINT")).code, 0);
});

Deno.test("metrics are answered while the server is at its limit of connections", async () => {
  await using program = await startProgram(
    ["--max-connections", "2", ...ARGS],
    OPTIONS,
  );
  const address = { host: "127.0.0.1", port: program.port };
  const open: RawConnection[] = [];
  for (let i = 0; i < 6; i++) open.push(await RawConnection.open(address));
  let refused = 0;
  for (const one of open) {
    await one.request("GET /");
    if ((await one.response()).status === 503) refused++;
  }
  assert(refused > 0);
  await until(async () => await sum(program, REQUESTS, '"503"') === refused);
  const name = "pagi_server_connections_refused_total";
  assertEquals(await sum(program, name), refused);
  assertEquals(await sum(program, "pagi_server_connections_limit"), 2);
  assert(await sum(program, "pagi_server_connections_open") >= 2);
  for (const one of open) one.close();
});

Deno.test("streams and WebSockets that are open are counted as such, and a file cache's use", async () => {
  await using program = await startProgram(
    [
      ...ARGS.slice(0, 4),
      "PAGI::App::URLMap",
      "/app=./app.js",
      "/=PAGI::App::File,root=.",
    ],
    { files: { ...OPTIONS.files, "a.txt": "hello" } },
  );
  const active = "http_server_active_requests";
  const socket = new WebSocket(`${program.url.replace("http", "ws")}/app/`);
  await new Promise((resolve) => socket.onmessage = resolve);
  const stream = await fetch(`${program.url}/app/`, {
    headers: { accept: "text/event-stream" },
  });
  assertEquals(await sum(program, active, "websocket"), 1);
  assertEquals(await sum(program, active, "sse"), 1);
  await stream.body!.cancel();
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
  await until(async () => await sum(program, active) === 0);
  assertEquals(await sum(program, REQUESTS, "websocket"), 1);
  await ask(program, "/a.txt");
  await ask(program, "/a.txt");
  const cache = "pagi_server_file_cache_requests_total";
  assert(await sum(program, cache) >= 2);
});

Deno.test("a proxy's targets are shown, up and down", async () => {
  await using upstream = await startProgram(ARGS, OPTIONS);
  await using program = await startProgram([
    "-w2",
    ...ARGS.slice(0, 4),
    "PAGI::App::Proxy",
    `target=${upstream.url}`,
    "fail_timeout=600",
  ]);
  await ask(program, "/");
  const up = "pagi_server_upstream_up";
  await until(async () => await sum(program, up, upstream.url) === 1);
  await until(async () =>
    await sum(program, "pagi_server_upstream_requests_total") === 1
  );
  await upstream.stop();
  // Each worker finds out by itself; one that says it is up counts.
  await until(async () => {
    await ask(program, "/");
    return await sum(program, up, upstream.url) === 0;
  });
  assert(await sum(program, "pagi_server_upstream_failures_total") >= 2);
});

Deno.test("what is wrong with --metrics is said in a sentence", async () => {
  const cases: [value: string, message: RegExp, code: number][] = [
    ["localhost", /--metrics: "localhost" is not PORT, HOST:PORT/, 2],
    ["/run/x", /--metrics: "\/run\/x" is not PORT/, 2],
    ["99999", /--metrics: "99999" is not PORT/, 2],
    ["192.0.2.1:0", /--metrics cannot listen at 192\.0\.2\.1:0: /, 1],
  ];
  const ended = await Promise.all(
    cases.map(([value]) =>
      runProgram(["-p0", "--metrics", value, "./app.js"], OPTIONS)
    ),
  );
  for (const [index, { code, stderr }] of ended.entries()) {
    assertMatch(stderr, cases[index][1]);
    assertEquals(code, cases[index][2], stderr);
  }
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const [inUse, same] = await Promise.all([
    runProgram(["-p0", "--metrics", `${port}`, "./app.js"], OPTIONS),
    runProgram(["-p", `${port}`, "--metrics", `${port}`, "./app.js"], OPTIONS),
  ]);
  assertMatch(inUse.stderr, /--metrics cannot listen at .*: another program/);
  assertEquals(inUse.code, 1);
  assertMatch(same.stderr, /--metrics needs a port of its own/);
  assertEquals(same.code, 2);
});

testWith(
  ["prometheus", "promtool"],
  "Prometheus scrapes the metrics, and the dashboard's queries find data in them",
  async () => {
    await using program = await startProgram(
      [
        "-w2",
        ...ARGS.slice(0, 4),
        "PAGI::App::URLMap",
        "/app=./app.js",
        "/proxy=PAGI::App::Proxy,target=http://127.0.0.1:1",
        "/=PAGI::App::File,root=.",
      ],
      { files: { ...OPTIONS.files, "a.txt": "hello" } },
    );
    const load = new Load(
      { host: "127.0.0.1", port: program.port },
      { target: "/app/" },
    );
    await load.more(50);
    const { answered } = await load.stop();
    const checked = await run("sh", [
      "-c",
      `${findProgram("curl") ? "curl -s" : "wget -qO-"} ${
        metricsUrl(program)
      }/metrics | promtool check metrics`,
    ]);
    assertEquals(checked, { success: true, text: "" });
    using folder = new TempFolder("pagi-prometheus-");
    const config = folder.write(
      "prometheus.yml",
      `scrape_configs:
  - job_name: pagi-server
    scrape_interval: 200ms
    scrape_timeout: 200ms
    static_configs:
      - targets: ["${new URL(metricsUrl(program)).host}"]
`,
    );
    await using prometheus = await Prometheus.start(config, folder.path);
    await until(async () =>
      await prometheus.query(`sum(${REQUESTS})`) === answered
    );
    assertEquals(await prometheus.query("up"), 1);
    assertEquals(
      await prometheus.query('pagi_server_workers{state="serving"}'),
      2,
    );
    assertEquals(await prometheus.query("count(pagi_server_build_info)"), 1);
    for (const expression of dashboardQueries()) {
      // A rate is there after two scrapes, and a quantile after a request.
      await until(async () => {
        const paths = ["/app/", "/proxy/", "/a.txt"];
        await Promise.all(paths.map((path) => ask(program, path)));
        return !Number.isNaN(await prometheus.query(expression));
      });
    }
  },
);

const DEPLOY = new URL("../../deploy/", import.meta.url);

/** The queries of all panels, with what Grafana puts in place of variables. */
function dashboardQueries(): string[] {
  const path = new URL("grafana/dashboard.json", DEPLOY);
  const { panels } = JSON.parse(Deno.readTextFileSync(path));
  return panels.flatMap((panel: { targets?: { expr: string }[] }) =>
    (panel.targets ?? []).map(({ expr }) =>
      expr.replaceAll("$__rate_interval", "1m").replaceAll("$__range", "1h")
        .replace(/\$(?:job|instance)/g, ".*")
        .replace(/ > 0$/, "") // shows only what happened
    )
  );
}

Deno.test("dashboard, alerts and documents name only metrics that there are", async () => {
  await using program = await startProgram([
    "-w2",
    ...ARGS.slice(0, 4),
    "PAGI::App::Proxy",
    "target=http://127.0.0.1:1",
  ]);
  await ask(program, "/");
  await until(async () =>
    (await samples(program)).size > 0 &&
    await sum(program, "pagi_server_upstream_failures_total") > 0
  );
  const known = new Set<string>();
  for (const [key] of await samples(program)) {
    known.add(key.split("{")[0]);
    known.add(key.split("{")[0].replace(/_(?:count|sum|bucket)$/, ""));
  }
  const texts = [
    "grafana/dashboard.json",
    "prometheus/alerts.yml",
    "kubernetes/README.md",
    "../docs/metrics.md",
  ].map((path) => Deno.readTextFileSync(new URL(path, DEPLOY)));
  const named = texts.join("\n")
    .match(/\b(?:http_server|pagi_server|process)_[a-z_]*[a-z]\b/g)!;
  assert(named.length > 50);
  assertEquals(named.filter((name) => !known.has(name)), []);
});

/** A Prometheus with data of its own. */
class Prometheus implements AsyncDisposable {
  private constructor(
    readonly child: Deno.ChildProcess,
    readonly port: number,
  ) {}

  static async start(config: string, folder: string): Promise<Prometheus> {
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr as Deno.NetAddr;
    free.close();
    const child = new Deno.Command("prometheus", {
      args: [
        `--config.file=${config}`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const prometheus = new Prometheus(child, port);
    await until(() =>
      fetch(`http://127.0.0.1:${port}/-/ready`).then(async (got) => {
        await got.body?.cancel();
        return got.ok;
      }, () => false)
    );
    return prometheus;
  }

  /** The value of a query with one result; NaN without any. */
  async query(text: string): Promise<number> {
    const url = `http://127.0.0.1:${this.port}/api/v1/query?query=${
      encodeURIComponent(text)
    }`;
    const { data, error } = await (await fetch(url)).json();
    assertEquals(error, undefined, text);
    return Number(data.result[0]?.value[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGTERM");
    await this.child.status;
  }
}

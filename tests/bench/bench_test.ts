/**
 * The benchmark runs; what it measures here means nothing.
 *
 * @module
 */

import { benchOptions } from "../../bench/bench_options.ts";
import type { Run, ScenarioResult } from "../../bench/figures.ts";
import { LIMIT } from "../../bench/contenders.ts";
import { GOALS, type Outcome, outcomes } from "../../bench/goals.ts";
import { findProgram } from "../../bench/machine.ts";
import { inOrder } from "../../bench/run_scenario.ts";
import { SCENARIOS } from "../../bench/scenarios.ts";
import { withTables } from "../../bench/scaling_tables.ts";
import {
  merged,
  readResults,
  writeResults,
} from "../../bench/write_results.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { fromFileUrl, join } from "../../src/std/path.ts";
import { TempFolder, tempFolder } from "../helpers/temp_folder.ts";

const BENCH = fromFileUrl(new URL("../../bench/bench.ts", import.meta.url));

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

async function bench(
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", BENCH, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

Deno.test({
  name: "the benchmark compares contenders and writes figures, table and plots",
  ignore: findProgram("wrk") === null,
  async fn() {
    const folder = tempFolder("pagi bench ");
    try {
      const { code, stdout, stderr } = await bench(
        ...["--quick", "--seconds", "0.1", "--scenario", "reply"],
        ...["--out", folder],
      );
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, "16-byte reply, ours / bare Deno.serve: ");
      const text = Deno.readTextFileSync(join(folder, "results.json"));
      const { scenarios: [{ rounds }] } = JSON.parse(text);
      for (const name of ["ours", "bare Deno.serve"]) {
        const [figures] = rounds[name];
        assert(figures.rate > 0 && figures.cpu > 0 && figures.p99 > 0, name);
      }
      assert(!text.includes(Deno.cwd()), "the figures name no folder");
      const table = Deno.readTextFileSync(join(folder, "README.md"));
      assertStringIncludes(
        table,
        "| 16-byte reply, ours / Node http | ≥ 1.4 |",
      );
      for (const plot of ["throughput", "latency", "memory", "growth"]) {
        const svg = Deno.readTextFileSync(join(folder, `${plot}.svg`));
        assertStringIncludes(svg, "<svg ");
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "the benchmark compares the server with another version of it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const folder = tempFolder("pagi bench ");
    try {
      const { code, stdout, stderr } = await bench(
        ...["--quick", "--seconds", "0.1", "--scenario", "fetch"],
        ...["--compare", ROOT, "--out", folder],
      );
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, `ours / ours, ${ROOT}: rate `);
      const text = Deno.readTextFileSync(join(folder, "results.json"));
      const { scenarios: [{ rounds }] } = JSON.parse(text);
      assertEquals(Object.keys(rounds), ["ours", `ours, ${ROOT}`]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

function result(name: string, rate: number): ScenarioResult {
  return {
    ...{ name, title: name, unit: "requests", date: "2026-11-28", seconds: 1 },
    rounds: { ours: [{ rate }] },
    skipped: [],
  };
}

const RUN: Run = {
  quick: false,
  pinned: true,
  machine: {
    ...{ cpu: "a processor", cores: 2, memory: 4, kernel: "6.1" },
    versions: { deno: "2.9.6" },
  },
  scenarios: [result("http2", 1), result("reply", 2)],
};

Deno.test("a run adds to the results that are there, in the order of the scenarios", () => {
  using folder = new TempFolder();
  assertEquals(readResults(folder.path, RUN), null);
  writeResults(merged(null, RUN), folder.path);
  const there = readResults(folder.path, RUN);
  const scenarios = [result("http2", 3), result("fetch", 4)];
  const both = merged(there, { ...RUN, scenarios });
  assertEquals(both.scenarios, [
    result("reply", 2),
    result("fetch", 4),
    result("http2", 3),
  ]);
});

Deno.test("a run does not add to the results of another machine", () => {
  using folder = new TempFolder();
  writeResults(RUN, folder.path);
  const machine = { ...RUN.machine, cpu: "another processor" };
  assertThrows(
    () => readResults(folder.path, { machine }),
    Error,
    "remove it, or name another folder",
  );
});

Deno.test("the parts of the benchmark are all of it", () => {
  const parts = [1, 2, 3, 4].flatMap((part) =>
    benchOptions(["--part", `${part}/4`]).scenarios
  );
  assertEquals(parts, SCENARIOS);
});

Deno.test("a goal that takes more cores is not measured on fewer", () => {
  const workers = {
    ...result("workers", 1),
    rounds: {
      "1 worker": [{ rate: 1, cpu: 1 }],
      "2 workers": [{ rate: 2, cpu: 1 }],
    },
  };
  const verdicts = (cores: number) =>
    outcomes({ scenarios: [workers], machine: { ...RUN.machine, cores } })
      .map(({ met, reason }) => reason ?? met);
  assertEquals(verdicts(3), [true, true]);
  assertEquals(verdicts(2), ["it takes 3 cores, and there are 2", true]);
});

Deno.test("the benchmark refuses to compare with what is no version", async () => {
  const { code, stderr } = await bench("--compare", "no-such-version");
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'and "no-such-version" is neither');
});

Deno.test("the benchmark refuses a scenario that it does not have", async () => {
  const { code, stderr } = await bench("--scenario", "reply", "no-such");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "No scenario is named no-such");
});

Deno.test("the goals of the benchmark compare contenders that it has", () => {
  const known = SCENARIOS.flatMap(({ name, contenders }) =>
    contenders.map((contender) => `${name}: ${contender.name}`)
  );
  const compared = GOALS.flatMap((
    { scenario, of: [one], to: [other], limit, limitTo },
  ) =>
    [one, other, limit ?? other, limitTo ?? other]
      .map((name) => `${scenario}: ${name}`)
  );
  assertEquals(compared.filter((name) => !known.includes(name)), []);
});

Deno.test("each goal of the benchmark is compared with the engine's limit, or with it alone", () => {
  const without = GOALS.filter(({ limit, to: [other] }) =>
    limit === null && other !== LIMIT
  );
  assertEquals(without.map(({ title }) => title), []);
});

function compared(
  busy: number,
): Pick<Outcome, "met" | "byCpu" | "limitRatio" | "ofLimit"> {
  const connect: ScenarioResult = {
    ...result("connect", 1),
    rounds: {
      ours: [{ rate: 100, cpu: 12, busy }],
      "bare Deno.serve": [{ rate: 80, cpu: 10, busy: 1 }],
      [LIMIT]: [{ rate: 90, cpu: 8, busy: 1 }],
    },
  };
  const [{ met, byCpu, limitRatio, ofLimit }] = outcomes({
    scenarios: [connect],
    machine: RUN.machine,
  });
  return { met, byCpu, limitRatio, ofLimit };
}

Deno.test("a goal is judged by processor time where the load was the bottleneck", () => {
  assertEquals(compared(0.99).met, true);
  assertEquals(compared(0.99).byCpu, false);
  assertEquals(compared(0.5).met, false);
  assertEquals(compared(0.5).byCpu, true);
});

Deno.test("a goal tells what the engine allows, and ours beside that", () => {
  const { limitRatio, ofLimit } = compared(1);
  assertEquals(limitRatio?.value, 10 / 8);
  assertEquals(ofLimit?.value, 8 / 12);
});

Deno.test("two settings of ours are compared with the same two of the limit", () => {
  const log: ScenarioResult = {
    ...result("access-log", 1),
    rounds: {
      "access log": [{ rate: 90, cpu: 10 }],
      "no access log": [{ rate: 100, cpu: 9 }],
      [LIMIT]: [{ rate: 95, cpu: 8 }],
      [`${LIMIT}, no log`]: [{ rate: 100, cpu: 4 }],
    },
  };
  const [{ limitRatio, limitMeets, ofLimit }] = outcomes({
    scenarios: [log],
    machine: RUN.machine,
  });
  assertEquals(limitRatio?.value, 4 / 8);
  assertEquals(limitMeets, false);
  assertEquals(ofLimit?.value, (9 / 10) / (4 / 8));
});

Deno.test("no contender is always first, or always after the same one", () => {
  for (const all of [["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d", "e"]]) {
    const rounds = Array.from(
      { length: 2 * all.length },
      (_, round) => inOrder(all, round),
    );
    for (const one of all) {
      const before = rounds.map((order) =>
        order[order.indexOf(one) - 1] ?? "nobody"
      );
      assert(before.includes("nobody"), before.join());
      assert(new Set(before).size > 2 || all.length === 2, before.join());
    }
    assertEquals(
      rounds.map((order) => order.toSorted()),
      rounds.map(() => all),
    );
  }
});

Deno.test("the tables of docs/scaling.md are made of the figures that are there", () => {
  const page = Deno.readTextFileSync(join(ROOT, "docs", "scaling.md"));
  const rounds = { ours: [{ cpu: 8 }, { cpu: 10 }, { cpu: 16 }] };
  const scenarios = [{ ...result("reply", 1), rounds }];
  const written = withTables(page, { ...RUN, scenarios });
  assertStringIncludes(written, "| 16-byte reply | 100,000 | 10 µs |");
  assert(!written.includes("1 KB file |"), "it was not measured");
  assertStringIncludes(written, "## What a GB holds");
  assertThrows(() => withTables("# Scaling", RUN), Error, "lacks the marks");
});

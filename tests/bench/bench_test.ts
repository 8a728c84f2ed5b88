/**
 * The benchmark runs; what it measures here means nothing.
 *
 * @module
 */

import { GOALS } from "../../bench/goals.ts";
import { findProgram } from "../../bench/machine.ts";
import { SCENARIOS } from "../../bench/scenarios.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { fromFileUrl, join } from "../../src/std/path.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

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
        ...["--quick", "--scenario", "reply", "--name", "raw"],
        ...["--out", folder],
      );
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, "16-byte reply, ours / bare Deno.serve: ");
      const text = Deno.readTextFileSync(join(folder, "raw.json"));
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
      for (const plot of ["throughput", "latency", "memory"]) {
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
        ...["--quick", "--compare", ROOT, "--scenario", "fetch"],
        ...["--out", folder, "--name", "raw"],
      );
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, `ours / ours, ${ROOT}: rate `);
      const text = Deno.readTextFileSync(join(folder, "raw.json"));
      const { scenarios: [{ rounds }] } = JSON.parse(text);
      assertEquals(Object.keys(rounds), ["ours", `ours, ${ROOT}`]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
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
  const compared = GOALS.flatMap(({ scenario, of: [one], to: [other] }) => [
    `${scenario}: ${one}`,
    `${scenario}: ${other}`,
  ]);
  assertEquals(compared.filter((name) => !known.includes(name)), []);
});

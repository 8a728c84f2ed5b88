/**
 * A short form of the scenarios that no other test has; `deno task endurance`
 * is the long one.
 *
 * @module
 */

import { assertEquals } from "../../src/std/assert.ts";
import { runScenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

const SHORT = new Set([
  "resets",
  "files-changing",
  "upstream-dies",
  "disk-full",
  "disk-read-only",
  "log-pipe",
  "clock",
  "app-floods-client",
  "workers-die",
]);

for (const scenario of SCENARIOS.filter(({ name }) => SHORT.has(name))) {
  Deno.test({
    name: `${scenario.name}: the server goes on, and gives back what it took`,
    ignore: Deno.build.os !== "linux" ||
      (scenario.unavailable?.() ?? null) !== null,
    async fn() {
      const options = { seconds: 0, roundSeconds: 0.5, short: true };
      assertEquals((await runScenario(scenario, options)).faults, []);
    },
  });
}

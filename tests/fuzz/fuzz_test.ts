/**
 * A short run over all targets; `deno task fuzz` is the long one.
 *
 * @module
 */

import { assertEquals } from "../../src/std/assert.ts";
import { runTarget } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** The same every time: a test that fails must fail again. */
const SEED = 20261122;
/** Inputs of all targets together. */
const COUNT = 6_000;

const shares = TARGETS.reduce((sum, { share }) => sum + share, 0);

for (const target of TARGETS) {
  Deno.test(`fuzzed, ${target.name} does what it should`, async () => {
    const count = Math.ceil(COUNT * target.share / shares);
    const { findings } = await runTarget(target, { seed: SEED, count });
    assertEquals(findings, []);
  });
}

/**
 * The long run: `deno task fuzz [--seed N] [--count N] [--target NAME]`.
 *
 * Every target runs in a process of its own, so that one that ends the process
 * is found too. Exit code 1: something was found.
 *
 * @module
 */

import { parseArgs } from "../../src/std/cli.ts";
import { Leaks } from "./leaks.ts";
import { runTarget, type Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

const { seed, count, target } = parseArgs(Deno.args, {
  boolean: [],
  string: ["seed", "count", "target"],
  collect: [],
  unknown(arg) {
    console.error(`${arg} is not known; there are --seed, --count, --target.`);
    Deno.exit(2);
  },
}) as Record<string, string | undefined>;

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 10_000;

const firstSeed = number("--seed", seed, Date.now() % 2 ** 31);
const inputs = number("--count", count, 1_000_000);

if (target === undefined) Deno.exit(await all());
const found = TARGETS.find(({ name }) => name === target);
if (found === undefined) {
  const names = TARGETS.map(({ name }) => name).join(", ");
  console.error(`There is no target ${target}; there are ${names}.`);
  Deno.exit(2);
}
Deno.exit(await one(found));

function number(name: string, text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  console.error(`${name} takes a number, not ${JSON.stringify(text)}.`);
  Deno.exit(2);
}

/** Runs one target in this process. */
async function one(target: Target): Promise<number> {
  let shown = performance.now();
  const leaks = new Leaks();
  const outcome = await runTarget(target, {
    seed: firstSeed,
    count: inputs,
    onProgress(inputs, seed) {
      if (performance.now() - shown < PROGRESS_MS) return;
      shown = performance.now();
      console.log(`${target.name}: ${inputs} inputs, at seed ${seed}`);
    },
    // A few inputs tell nothing of leaks.
    onPause: inputs < 1000 ? undefined : () => leaks.look(),
  });
  const findings = [
    ...outcome.findings,
    ...leaks.found().map((leak) => `--target ${target.name}: ${leak}`),
  ];
  for (const finding of findings) console.log(`FOUND ${finding}`);
  const rate = Math.round(outcome.inputs / outcome.seconds);
  console.log(
    `${target.name}: ${outcome.inputs} inputs from seed ${firstSeed} in ${
      outcome.seconds.toFixed(1)
    } s (${rate}/s), ${findings.length} findings${leaks.summary}`,
  );
  return findings.length > 0 ? 1 : 0;
}

/** Runs all targets, as many at a time as there are processors. */
async function all(): Promise<number> {
  const total = TARGETS.reduce((sum, { share }) => sum + share, 0);
  const waiting = [...TARGETS];
  const failed: string[] = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { name, share } = next;
      const { code, signal } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", "--v8-flags=--expose-gc", import.meta.url],
          ...["--target", name, "--seed", `${firstSeed}`],
          ...["--count", `${Math.ceil(inputs * share / total)}`],
        ],
        stdin: "null",
        stdout: "inherit",
        stderr: "inherit",
      }).spawn().status;
      if (code === 0) continue;
      failed.push(name);
      if (code !== 1) {
        console.log(
          `FOUND --target ${name}: the process ended with ${
            signal ?? `code ${code}`
          }, after the last seed that was shown above`,
        );
      }
    }
  };
  await Promise.all(
    Array.from({ length: navigator.hardwareConcurrency }, worker),
  );
  console.log(
    failed.length === 0
      ? `Nothing was found in ${inputs} inputs.`
      : `Something was found: ${failed.join(", ")}.`,
  );
  return failed.length === 0 ? 0 : 1;
}

/**
 * The workflows of GitHub Actions, as far as they can be checked elsewhere:
 * that they are YAML, `deno fmt --check` tells.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import config from "../../deno.json" with { type: "json" };
import { ROOT } from "./local_jsr.ts";

const FOLDER = join(ROOT, ".github/workflows");
const CI = read("ci.yml");
const RELEASE = read("release.yml");
const BOTH = CI + RELEASE;

function read(name: string): string {
  return Deno.readTextFileSync(join(FOLDER, name));
}

/** What stands at the first group of each match. */
function all(pattern: RegExp, text = BOTH): string[] {
  return [...text.matchAll(pattern)].map(([, found]) => found);
}

Deno.test("the workflows run tasks and scripts that there are", () => {
  const tasks = all(/deno task ([\w:]+)/g);
  assertGreater(tasks.length, 2);
  for (const task of tasks) assert(task in config.tasks, task);
  const scripts = all(/run: \.\/(\w+\.sh)/g);
  assertGreater(scripts.length, 1);
  for (const script of scripts) {
    const { mode } = Deno.statSync(join(ROOT, script));
    // Git keeps the bit, but Windows has none.
    assert(Deno.build.os === "windows" || (mode! & 0o100) !== 0, script);
  }
  for (
    const [, path] of config.tasks["test:portable"].command.matchAll(
      / (tests\/\S+)/g,
    )
  ) {
    Deno.statSync(join(ROOT, path));
  }
});

Deno.test("the workflows use the Deno of the README, and each action by its commit", () => {
  const [known] = all(
    /deno@([\d.]+)/g,
    Deno.readTextFileSync(join(ROOT, ".ci/run")),
  );
  const script = Deno.readTextFileSync(join(ROOT, "compile.sh"));
  const [oldest] = all(/^LEAST=([\d.]+)/gm, script);
  const versions = all(/deno-version: (\S+)/g);
  assertEquals(new Set(versions), new Set([known, oldest, "latest"]));
  // What the newest Deno does is reported; it blocks nothing.
  assertMatch(CI, /\n {2}newest:\n(?: {4}.*\n)*? {4}continue-on-error: true\n/);
  for (const action of all(/uses: (.+)/g)) {
    // A tag can be moved to other code; the comment is for people and bots.
    assertMatch(
      action,
      /^(\.\/\.github\/workflows\/ci\.yml|[\w-]+\/[\w-]+@[0-9a-f]{40} # v[\d.]+)$/,
    );
  }
});

Deno.test("no token stands in the text of a script or stays in a checkout", () => {
  const steps = BOTH.split(/^ {6}- /m);
  for (const step of steps) {
    const script = /\brun: (?:\|\n((?: {10}.*\n)+)|(.*))/.exec(step);
    const text = script?.[1] ?? script?.[2] ?? "";
    assert(!/\$\{\{\s*(secrets|github\.token)/.test(text), text);
    if (step.includes("uses: actions/checkout@")) {
      assertStringIncludes(step, "persist-credentials: false");
    }
  }
});

Deno.test("what is released comes from the packages of the lock file, and says where it was built", () => {
  const script = Deno.readTextFileSync(join(ROOT, "compile.sh"));
  assertMatch(script, /^LOCKED=\(--lock=deno\.lock --frozen\)$/m);
  for (const verb of ["check", "bundle"]) {
    assertMatch(
      script,
      new RegExp(`"\\$DENO" ${verb} --quiet [^;]*?"\\$\\{LOCKED`),
    );
  }
  for (const [name, { command }] of Object.entries(config.tasks)) {
    if (!/\bdeno (test -A .*tests|check )/.test(command)) continue;
    if (name === "docs") continue;
    assertStringIncludes(command, "--lock=deno.lock --frozen", name);
  }
  // A run must not write into it: the packages of an app are not the server's.
  assertEquals(config.lock, false);
  assertStringIncludes(RELEASE, "uses: actions/attest-build-provenance@");
});

Deno.test("a release has an executable for each system that compile.sh builds for, and tries those it can", () => {
  const script = Deno.readTextFileSync(join(ROOT, "compile.sh"));
  const [list] = all(/^TARGETS=\(([^)]*)\)/gm, script);
  const targets = list.trim().split(/\s+/);
  assertEquals(targets.length, 5);
  for (const target of targets) {
    const archive = target.includes("windows") ? "zip" : "tar.gz";
    assertStringIncludes(RELEASE, `pagi-server-*-${target}.${archive}`);
  }
});

Deno.test("the release publishes with jsr.json, and only where it must may it write", () => {
  assertStringIncludes(RELEASE, "run: deno publish --config jsr.json\n");
  for (const text of [CI, RELEASE]) {
    assertMatch(text, /\npermissions:\n {2}contents: read\n\n/);
  }
  assertEquals(all(/^ {6}(\S+: write)$/gm), [
    "attestations: write",
    "contents: write",
    "id-token: write",
    "id-token: write",
    "packages: write",
    "packages: write",
  ]);
});

/** The package as JSR has it, by way of a registry on this machine. */

import {
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join, toFileUrl } from "../../src/std/path.ts";
import config from "../../deno.json" with { type: "json" };
import jsr from "../../jsr.json" with { type: "json" };
import { Daemon } from "../helpers/daemon.ts";
import {
  type ProgramOptions,
  runProgram,
  startProgram,
} from "../helpers/run_program.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/wait.ts";
import { LocalJsr, publishedFiles, ROOT } from "./local_jsr.ts";

const PACKAGE = "jsr:@pagi/server";
const NET = ["-A", "--unstable-net"];
const FILES = { "hello.txt": "hello\n" };
const ignore = Deno.build.os !== "linux";

/**
 * Calls `body` with a registry and the variables that lead a Deno to it, to
 * packages of npm that are there already, and to nothing else.
 */
async function withRegistry(
  body: (env: Record<string, string>) => Promise<void>,
): Promise<void> {
  await using registry = new LocalJsr();
  const folder = tempFolder("pagi-jsr-");
  try {
    await linkNpm(folder);
    await body({ JSR_URL: registry.url, DENO_DIR: folder, NO_COLOR: "1" });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function linkNpm(folder: string): Promise<void> {
  const { npmCache } = JSON.parse((await deno(["info", "--json"], {})).stdout);
  // Windows lets nobody but administrators make other links.
  Deno.symlinkSync(npmCache, join(folder, "npm"), { type: "junction" });
}

async function deno(
  args: string[],
  env: Record<string, string>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const output = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env,
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

Deno.test("jsr.json says the same as deno.json, with names for JSR", () => {
  for (const key of ["name", "version", "license", "exports"] as const) {
    assertEquals(jsr[key], config[key], key);
  }
  assertEquals(Object.keys(jsr.imports), Object.keys(config.imports));
  for (const [name, target] of Object.entries(jsr.imports)) {
    const ofNpm =
      /^(?:@nats-io|esbuild|hash-wasm|hono|ioredis|markdown-it|uqr)/;
    if (ofNpm.test(name)) continue;
    assertMatch(target, /^jsr:@[^@]+@\d+\.\d+\.\d+(\/|$)/);
    assertStringIncludes(target.replace(/@[\d.]+/, ""), name);
  }
});

/** The packages of the standard library that deno-std 1.4.0 was built from. */
const STANDARD_LIBRARY = {
  build: "1.4.0",
  packages: {
    assert: "1.0.19",
    bytes: "1.0.6",
    cli: "1.0.31",
    http: "1.1.2",
    jsonc: "1.0.2",
    "media-types": "1.1.0",
    path: "1.1.6",
    semver: "1.0.8",
    toml: "1.0.11",
  } as Record<string, string>,
};

Deno.test("clones and the published package use one version of the standard library", () => {
  const { build, packages } = STANDARD_LIBRARY;
  for (const [name, target] of Object.entries(config.imports)) {
    if (!name.startsWith("@std/")) continue;
    assertStringIncludes(target, `npm:deno-std@${build}/`);
    const [, title] = name.split("/");
    const published = jsr.imports[name as keyof typeof jsr.imports];
    assertMatch(
      published,
      new RegExp(`^jsr:@std/${title}@${packages[title]}(/|$)`),
    );
  }
});

Deno.test("the published package runs: listings, apps from disk, types and code for apps", async () => {
  await withRegistry(async (env) => {
    const files = {
      ...FILES,
      "app.ts": `import type { PagiApp } from "${PACKAGE}/types";
import { FileApp } from "${PACKAGE}/apps";
const app: PagiApp = new FileApp({ root: "." }).toApp();
export default app;`,
      "fetch.ts": `export default { fetch(request: Request) {
  request.signal.throwIfAborted();
  return new Response("fetched");
} };`,
    };
    const options: ProgramOptions = { main: PACKAGE, env, files };
    for (
      const [args, path, expected] of [
        [[], "/", "hello.txt"],
        [["./app.ts"], "/hello.txt", "hello\n"],
        [["./fetch.ts"], "/", "fetched"],
      ] as const
    ) {
      await using program = await startProgram(["-p0", ...args], options);
      const answer = await fetch(program.url + path);
      assertStringIncludes(await answer.text(), expected);
      const { code } = await program.stop();
      assertEquals(code, 0);
      assertNotMatch(program.log, / warn |Deno\.serve|--unstable/);
    }
    const { code, stdout } = await runProgram(["--version"], options);
    assertEquals(code, 0);
    assertStringIncludes(stdout, `pagi-server ${jsr.version} `);
  });
});

Deno.test({
  name: "workers of the published package say which flag they need",
  async fn() {
    await withRegistry(async (env) => {
      const options = { main: PACKAGE, env };
      const { code, stderr } = await runProgram(["-p0", "-w2"], options);
      assertEquals(code, 1);
      assertMatch(stderr, /^pagi-server: .* --unstable-net: add it .*\.$/m);
    });
  },
  ignore,
});

Deno.test({
  name:
    "with that flag the published package has workers, a background and successors",
  async fn() {
    await withRegistry(async (env) => {
      const options = { main: PACKAGE, env, files: FILES, permissions: NET };
      await using daemon = await Daemon.start(["-p0", "-w2"], options);
      const hello = async () =>
        await (await fetch(`${daemon.url}/hello.txt`)).text();
      assertEquals(await hello(), "hello\n");
      await daemon.renew();
      assertEquals(await hello(), "hello\n");
      await daemon.stop();
      await until(() => daemon.pidFile() === null);
    });
  },
  ignore,
});

Deno.test("what is published is what its types and `deno publish` want, and no more", async () => {
  await withRegistry(async (env) => {
    const checked = await deno(
      ["check", "--no-config", "--no-lock", ...exported()],
      env,
    );
    assertEquals(checked.code, 0, checked.stderr);
    // The types are checked already, by the names that users import.
    const args = ["--dry-run", "--no-check", "--allow-dirty"];
    const { code, stderr } = await deno(
      ["publish", "--config", "jsr.json", ...args],
      env,
    );
    assertEquals(code, 0, stderr);
    // The names of apps are known when the server runs, not before.
    const found = [...stderr.matchAll(/^(?:error|warning)\[([\w-]+)\]/gm)];
    assertEquals(
      new Set(found.map(([, name]) => name)),
      new Set(["unanalyzable-dynamic-import"]),
      stderr,
    );
    const start = `${toFileUrl(ROOT)}/`.replace(/\/+$/, "/");
    const sent = stderr.split("\n").map((line) => line.trim())
      .filter((line) => line.startsWith(start))
      .map((line) => line.slice(start.length).replace(/ \([^)]*\)$/, ""))
      .sort();
    assertEquals(sent, [...new Set([...publishedFiles(), "jsr.json"])].sort());
  });
});

/** The package's entry points, by the names that users import. */
function exported(): string[] {
  return Object.keys(jsr.exports).map((path) => PACKAGE + path.slice(1));
}

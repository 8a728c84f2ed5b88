/** Machines and users that give the program less than it might like. */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { type ProgramOptions, startProgram } from "../helpers/run_program.ts";

const FILES = { "page.txt": "a page" };

async function serves(
  options: ProgramOptions,
  args: readonly string[] = [],
): Promise<string> {
  await using program = await startProgram(["-p", "0", ...args], {
    files: FILES,
    ...options,
  });
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(`${program.url}/page.txt`);
    assertEquals(await answer.text(), "a page");
  }
  const { code, stderr } = await program.stop();
  assertEquals(code, 0);
  return stderr;
}

const FEWER: readonly (readonly string[])[] = [
  ["--allow-all", "--deny-ffi"],
  ["--no-prompt", "--allow-net", "--allow-read", "--allow-env"],
];

for (const permissions of FEWER) {
  Deno.test(`with ${permissions.join(" ")} it warns once of what is not enforced, and serves`, async () => {
    const log = await serves({ permissions }, ["--max-connections", "1"]);
    const warnings = log.match(/^\S+ (warn|error) .*/gm) ?? [];
    assertEquals(warnings.length, 1, log);
    assertMatch(warnings.join(), /--max-connections, and --timeout for idle/);
    // The banner does not promise it either.
    assertMatch(log, /^ {2}limits {2}request bodies up to 10 MB$/m);
  });
}

Deno.test("with two workers and --deny-ffi it is said once, not by each", async () => {
  const permissions = ["--allow-all", "--deny-ffi"];
  const log = await serves({ permissions }, ["-w", "2"]);
  const warnings = log.match(/^\S+ (warn|error) .*/gm) ?? [];
  assertEquals(warnings.length, 1, log);
  assertMatch(warnings.join(), /--max-connections, and --timeout for idle/);
});

Deno.test({
  name: "with all permissions it warns of nothing",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const log = await serves({});
    assert(!/ (warn|error) /.test(log), log);
  },
});

/** Where Deno keeps the packages of this user. */
async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

Deno.test({
  name: "without a home, and with one that cannot be written to, it serves",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const DENO_DIR = await denoDir();
    await serves({ env: { HOME: null, DENO_DIR } });
    await serves({ env: { HOME: "/proc", DENO_DIR } });
  },
});

Deno.test({
  name: "when its current directory is removed it goes on serving",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using program = await startProgram(["-p", "0", "./app.js"], {
      files: {
        "gone/app.js":
          'export default { fetch: () => new Response("still served") };',
      },
      cwd: "gone",
    });
    Deno.removeSync(`${program.folder}/gone`, { recursive: true });
    assertEquals(await (await fetch(program.url)).text(), "still served");
    assertEquals((await program.stop()).code, 0);
  },
});

/** USR2: a fresh process takes over (PAGI.md 6, "Hot restart"). */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import type { ListenAddress } from "../../src/options/value_types.ts";
import { Load } from "../helpers/load.ts";
import { OtherProcess } from "../helpers/other_process.ts";
import {
  type Program,
  type ProgramOptions,
  startProgram,
} from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";

const OPTIONS: ProgramOptions = { files: { "app.js": workerApp("one") } };
const ignore = Deno.build.os !== "linux";

/** Has `process` replaced; resolves with the one that serves then. */
async function restart(
  program: Program,
  process: { signal(signal: Deno.Signal): void },
): Promise<OtherProcess> {
  const serves = / info {2}Process (\d+) has taken over/g;
  const before = program.log.match(serves)?.length ?? 0;
  process.signal("SIGUSR2");
  await until(() => (program.log.match(serves)?.length ?? 0) > before);
  const last = [...program.log.matchAll(serves)].at(-1)!;
  return new OtherProcess(Number(last[1]));
}

const kinds: [name: string, args: string[]][] = [
  ["two workers", ["-p", "0", "-w", "2"]],
  ["one worker", ["-p", "0"]],
  ["a Unix socket", ["--socket", "./socket"]],
  ["two workers at a Unix socket", ["--socket", "./socket", "-w", "2"]],
];
for (const [name, args] of kinds) {
  Deno.test({
    name:
      `USR2 twice in a row under load loses no request and keeps the address, with ${name}`,
    ignore,
    async fn() {
      await using program = await startProgram(
        [...args, "--no-access-log", "./app.js"],
        OPTIONS,
      );
      const address: ListenAddress = args[0] === "--socket"
        ? { path: `${program.folder}/socket` }
        : { host: "127.0.0.1", port: program.port };
      const old = new OtherProcess(program.pid);
      const load = new Load(address);
      await load.more(100);
      Deno.writeTextFileSync(`${program.folder}/app.js`, workerApp("two"));
      await using second = await restart(program, program);
      await old.ended();
      await load.more(100);
      Deno.writeTextFileSync(`${program.folder}/app.js`, workerApp("three"));
      await using third = await restart(program, second);
      await second.ended();
      await load.more(100);
      const { failures, bodies } = await load.stop();
      assertEquals(failures, []);
      const versions = [...bodies.keys()].map((body) => body.split(" ")[0]);
      assertEquals([...new Set(versions)], ["one", "two", "three"]);

      // It knows its listeners: its own replacements lose nothing either.
      const more = new Load(address);
      third.signal("SIGHUP");
      if (args.includes("-w")) await program.logged(/replaces worker 2: S/);
      await more.more(100);
      assertEquals((await more.stop()).failures, []);
      third.signal("SIGTERM");
      await third.ended();
    },
  });
}

Deno.test({
  name: "a successor that fails to start leaves the old process serving",
  ignore,
  async fn() {
    await using program = await startProgram(
      ["-p", "0", "-w", "2", "--no-access-log", "./app.js"],
      OPTIONS,
    );
    const load = new Load({ host: "127.0.0.1", port: program.port });
    Deno.writeTextFileSync(`${program.folder}/app.js`, "export default (;");
    program.signal("SIGUSR2");
    await program.logged(/ error The successor ended with exit code 1 before/);
    await load.more(100);
    // And it can still change its workers, and be replaced.
    Deno.writeTextFileSync(`${program.folder}/app.js`, workerApp("two"));
    program.signal("SIGHUP");
    await program.logged(/replaces worker 2: SIGHUP/);
    await using successor = await restart(program, program);
    await load.more(100);
    const { failures } = await load.stop();
    assertEquals(failures, []);
    successor.signal("SIGTERM");
    await successor.ended();
  },
});

Deno.test({
  name:
    "TERM while a successor starts ends both; a second USR2 meanwhile starts no other",
  ignore,
  async fn() {
    const slow = `${workerApp("two")}
      console.error("loading");
      await new Promise((done) => setTimeout(done, 20_000));`;
    await using program = await startProgram(
      ["-p", "0", "-w", "2", "--no-access-log", "./app.js"],
      OPTIONS,
    );
    Deno.writeTextFileSync(`${program.folder}/app.js`, slow);
    program.signal("SIGUSR2");
    await program.logged(/loading/);
    const children = Deno.readTextFileSync(
      `/proc/${program.pid}/task/${program.pid}/children`,
    );
    await using successor = new OtherProcess(Number(children.trim()));
    program.signal("SIGUSR2");
    await program.logged(/ info {2}A new process is already starting/);
    const { code, stderr } = await program.stop();
    assertEquals(code, 0);
    await successor.ended();
    assertEquals(stderr.match(/process that takes over/g)?.length, 1);
    assert(!stderr.includes(" has taken over; this one"), stderr);
    assertMatch(stderr, / info {2}SIGTERM: stopping/);
  },
});

/** `--log-file`, and where a daemon's log goes without it. */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { Daemon } from "../helpers/daemon.ts";
import { runProgram, startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";

const ignore = Deno.build.os !== "linux";
const FILES = { "app.js": workerApp("one") };
const ARGS = ["-p", "0", "--no-access-log", "./app.js"];

function portOf(log: string): string {
  return /Ready at http:\S+:(\d+)\//.exec(log)![1];
}

/** Resolves once the file in the folder of a program matches. */
async function holds(
  program: { read(path: string): string },
  path: string,
  pattern: RegExp,
): Promise<void> {
  await until(() => {
    try {
      return pattern.test(program.read(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}

Deno.test(
  "a daemon with --log-file keeps what happens later: a reload that fails is told over several lines, and moved files are opened anew",
  { ignore },
  async () => {
    await using daemon = await Daemon.start(
      ["-w", "2", "--log-file", "s.log", ...ARGS],
      { files: FILES },
    );
    assert(!daemon.command.stderr.includes(" log, errors included, will be"));
    assertMatch(daemon.read("s.log"), / info {2}Ready at /);
    assertEquals(Deno.statSync(`${daemon.folder}/s.log`).mode! & 0o007, 0);
    Deno.writeTextFileSync(`${daemon.folder}/app.js`, "export default (;");
    Deno.kill(daemon.pid, "SIGHUP");
    await holds(daemon, "s.log", / error Reload failed/);
    const log = daemon.read("s.log");
    assertMatch(log, / error Worker 3 did not start\. [^\n]*\n {4}/);
    assert(!log.includes("\\n"), log);
    for (const [index, signal] of (["SIGHUP", "SIGUSR1"] as const).entries()) {
      const moved = `s.log.${index}`;
      Deno.renameSync(`${daemon.folder}/s.log`, `${daemon.folder}/${moved}`);
      Deno.kill(daemon.pid, signal);
      await holds(
        daemon,
        "s.log",
        signal === "SIGHUP" ? /Reload failed/ : /SIGUSR1: logs were reopened/,
      );
    }
    await daemon.stop();
    assertMatch(daemon.read("s.log"), / info {2}SIGTERM: stopping\.\n/);
  },
);

Deno.test(
  "a daemon says that its log will be lost, but for a standard error that goes to a file, which is kept",
  { ignore },
  async () => {
    const lost = /its own log, errors included, will be lost/;
    {
      await using daemon = await Daemon.start(ARGS, { files: FILES });
      assertMatch(daemon.command.stderr, lost);
    }
    await using daemon = await Daemon.start(ARGS, {
      files: FILES,
      shell: 'exec "$@" 2>err.log',
    });
    assert(!lost.test(daemon.read("err.log")));
    Deno.kill(daemon.pid, "SIGHUP");
    await holds(daemon, "err.log", /SIGHUP: /);
    await daemon.stop();
    assertMatch(daemon.read("err.log"), / info {2}SIGTERM: stopping\.\n/);
  },
);

Deno.test(
  "a daemon whose standard output goes to a file says nothing of lost logs that go there",
  { ignore },
  async () => {
    await using daemon = await Daemon.start(
      ["--log-file", "-", "--access-log", "-", "-p", "0", "./app.js"],
      { files: FILES, shell: 'exec "$@" >out.log' },
    );
    await (await fetch(`http://127.0.0.1:${portOf(daemon.read("out.log"))}/`))
      .text();
    await daemon.stop();
    assertMatch(daemon.read("out.log"), /"GET \/" 200[^]*SIGTERM: stopping/);
    assert(!/ lost/.test(daemon.command.stderr + daemon.read("out.log")));
  },
);

Deno.test(
  "HUP does not wait at logs that are named pipes without a reader",
  { ignore },
  async () => {
    const shell = `mkfifo a; { head -c 1 a >/dev/null; touch read; } &
      exec "$@"`;
    await using program = await startProgram(
      ["-p", "0", "--access-log", "a", "./app.js"],
      { files: FILES, shell },
    );
    const ask = async (): Promise<string> =>
      await (await fetch(program.url, { signal: AbortSignal.timeout(20_000) }))
        .text();
    await ask();
    await holds(program, "read", /^/);
    program.signal("SIGHUP");
    await program.logged(/SIGHUP: logs were reopened/);
    assertMatch(await ask(), /^one /);
    assertEquals((await program.stop()).code, 0);
  },
);

Deno.test("a single process logs to the file alone, and a file that cannot be opened is named on the standard error", async () => {
  await using program = await startProgram(["--log-file", "s.log", ...ARGS], {
    files: FILES,
  });
  await holds(program, "s.log", / info {2}Ready at /);
  assert(!program.log.includes(" info "), program.log);
  await program.stop();
  const { code, stderr } = await runProgram(
    ["--log-file", "no/s.log", ...ARGS],
    { files: FILES },
  );
  assertEquals(code, 2);
  assertMatch(
    stderr,
    /^pagi-server: --log-file ".*no\/s\.log" cannot be opened: No such file or directory$/m,
  );
});

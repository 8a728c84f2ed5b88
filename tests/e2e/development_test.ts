/** The mode: who decides it, and what it changes (PAGI.md 7, "Mode"). */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { Daemon } from "../helpers/daemon.ts";
import { findProgram } from "../helpers/programs.ts";
import {
  Program,
  type ProgramOptions,
  startProgram,
} from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

const APP = `
  const atLoad = Deno.env.get("PAGI_ENV");
  export default async (scope, receive, send) => {
    if (scope.type !== "http") throw new Error("not mine");
    if (scope.path === "/throw") throw new Error("my fault");
    if (scope.path === "/wrong") {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.start", status: 200 });
    }
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: atLoad + " " + Deno.pid });
  };`;
const OPTIONS: ProgramOptions = { files: { "app.js": APP } };
const ARGS = ["-p", "0", "./app.js"];

async function ask(url: string, path: string): Promise<string> {
  const headers = { accept: "text/html" };
  return await (await fetch(`${url}/${path}`, { headers })).text();
}

/** The mode that an app sees in `PAGI_ENV` when it is loaded. */
async function modeOf(url: string): Promise<string> {
  return (await ask(url, "")).split(" ")[0];
}

const CASES: readonly {
  readonly title: string;
  readonly args?: readonly string[];
  readonly env?: string;
  readonly mode: string;
  /** What the app's error gives a browser. */
  readonly page: boolean;
}[] = [
  { title: "nothing, without a terminal", mode: "production", page: false },
  { title: "PAGI_ENV", env: "development", mode: "development", page: true },
  {
    title: "-E, over PAGI_ENV",
    args: ["-E", "none"],
    env: "development",
    mode: "none",
    page: false,
  },
  {
    title: "--env, with --no-default-middleware",
    args: ["--env", "development", "--no-default-middleware"],
    mode: "development",
    page: false,
  },
  {
    title: "-E, with workers",
    args: ["-E", "development", "-w", "2"],
    mode: "development",
    page: true,
  },
];

for (const { title, args = [], env, mode, page } of CASES) {
  Deno.test(`${title}: the mode is ${mode}, ${page ? "with" : "without"} checks and error pages`, async () => {
    await using program = await startProgram([...args, ...ARGS], {
      ...OPTIONS,
      env: env === undefined ? {} : { PAGI_ENV: env },
    });
    assertMatch(program.log, new RegExp(`^  mode    ${mode}\\b`, "m"));
    assertEquals(await modeOf(program.url), mode);
    const text = await ask(program.url, "throw");
    if (page) assertStringIncludes(text, "<h1>my fault</h1>");
    else assertEquals(text, "Internal Server Error\n");
    await program.logged(/GET \/throw: the app threw\.\n.*my fault/);
    if (page) {
      await ask(program.url, "wrong").catch(() => {});
      await program.logged(/LintError: http\.response\.start was sent/);
    } else assertStringIncludes(await ask(program.url, "wrong"), mode);
    // The access log is on in every mode.
    await program.logged(/"GET \/wrong" 200/);
    assertEquals(program.log.includes("LintError"), page);
    assertEquals((await program.stop()).code, 0);
  });
}

/** Runs its arguments with a terminal as the standard input, and only that. */
const ON_TERMINAL = `
import os, pty, subprocess, sys
other, terminal = pty.openpty()
sys.exit(subprocess.call(sys.argv[1:], stdin=terminal))
`;
function isRunning(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}/stat`).isFile;
  } catch {
    return false;
  }
}

const PYTHON = findProgram("python3");
const ignore = Deno.build.os !== "linux" || PYTHON === null;

/** Such a program; the signal goes to all of it. */
function onTerminal(args: readonly string[], env = {}): Program {
  return Program.spawn([...args, ...ARGS], {
    files: { ...OPTIONS.files, "terminal.py": ON_TERMINAL },
    env,
    shell: `exec ${PYTHON} terminal.py "$@"`,
  });
}

const ON_TERMINALS: readonly (readonly [string, string[], object, string])[] = [
  ["development is the mode", [], {}, "development"],
  ["-E decides all the same", ["-E", "production"], {}, "production"],
  ["PAGI_ENV decides all the same", [], { PAGI_ENV: "none" }, "none"],
];

for (const [title, args, env, mode] of ON_TERMINALS) {
  Deno.test(`where the standard input is a terminal, ${title}`, {
    ignore,
  }, async () => {
    await using program = onTerminal(args, env);
    await program.logged(/ info {2}Ready/);
    const [seen, pid] = (await ask(program.url, "")).split(" ");
    Deno.kill(Number(pid), "SIGTERM");
    await program.ended();
    assertEquals(seen, mode);
  });
}

Deno.test(
  "a daemon keeps the mode of the terminal that it was started on, and so does its successor",
  {
    ignore,
  },
  async () => {
    await using program = onTerminal(["-D", "--no-access-log"]);
    assertEquals((await program.ended()).code, 0);
    const { url } = program;
    const pidOf = async () => Number((await ask(url, "")).split(" ")[1]);
    const first = await pidOf();
    let last = first;
    try {
      assertEquals(await modeOf(url), "development");
      assertStringIncludes(await ask(url, "throw"), "<h1>my fault</h1>");
      Deno.kill(first, "SIGUSR2");
      await until(async () => (last = await pidOf()) !== first);
      assertEquals(await modeOf(url), "development");
      assertStringIncludes(await ask(url, "throw"), "<h1>my fault</h1>");
    } finally {
      Deno.kill(last, "SIGTERM");
      await until(() => !isRunning(last));
    }
  },
);

Deno.test("a daemon that no terminal started serves in production", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using daemon = await Daemon.start(
    ["--no-access-log", ...ARGS],
    OPTIONS,
  );
  assertEquals(await modeOf(daemon.url), "production");
  await daemon.stop();
  assert(!daemon.isAlive);
});

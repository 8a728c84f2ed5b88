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

/**
 * Runs its arguments with a terminal as the standard input and error, whose
 * output it passes on.
 */
const ON_TERMINAL = `
import os, pty, subprocess, sys, threading
other, terminal = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdin=terminal, stderr=terminal)
os.close(terminal)
def copy():
    try:
        while text := os.read(other, 65536):
            os.write(2, text)
    except OSError:
        pass # nobody has the terminal open
thread = threading.Thread(target=copy, daemon=True)
thread.start()
code = child.wait()
thread.join(5)
sys.exit(code)
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

/** Title, arguments, environment, mode, and what the access log has. */
const ON_TERMINALS: readonly (readonly [
  title: string,
  args: string[],
  env: object,
  mode: string,
  line: RegExp,
])[] = [
  [
    "development is the mode, with an access log in colour",
    [],
    { NO_COLOR: "" },
    "development",
    // deno-lint-ignore no-control-regex
    /\x1b\[2m\d\d:\d\d:\d\d\x1b\[0m \x1b\[1mGET\x1b\[0m \/ \x1b\[32m200\x1b/,
  ],
  [
    "-E decides all the same",
    ["-E", "production"],
    {},
    "production",
    /"GET \/" 200 [\d.]+s\r?$/m,
  ],
  [
    "PAGI_ENV decides all the same",
    ["--access-log-format", "dev"],
    { PAGI_ENV: "none" },
    "none",
    /^\d\d:\d\d:\d\d GET \/ 200 [\d.]+ m?s \d+ B\r?$/m,
  ],
];

for (const [title, args, env, mode, line] of ON_TERMINALS) {
  Deno.test(`where the standard input is a terminal, ${title}`, {
    ignore,
  }, async () => {
    await using program = onTerminal(args, env);
    await program.logged(/Ready/);
    const [seen, pid] = (await ask(program.url, "")).split(" ");
    await program.logged(line);
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

/** How the program is stopped, and what else signals do. */

import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import {
  Program,
  type ProgramOptions,
  startProgram,
} from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

/**
 * Says on stderr what it does, and waits as long as the path or the environment
 * says, or until there is a file `go`.
 */
const APP = `
const say = (text) => console.error("app: " + text);
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
const exists = (path) => Deno.stat(path).then(() => true, () => false);

export default async (scope, receive, send) => {
  if (scope.type === "lifespan") {
    for (;;) {
      const { type } = await receive();
      const step = type.replace("lifespan.", "");
      say(step);
      await pause(Number(Deno.env.get(step.toUpperCase()) ?? 0));
      await send({ type: type + ".complete" });
      say(step + " complete");
      if (step === "shutdown") return;
    }
  }
  say("request");
  if (scope.path === "/go") while (!await exists("go")) await pause(0.02);
  else await pause(Number(scope.path.slice(1)));
  await send({ type: "http.response.start", status: 200 });
  await send({ type: "http.response.body", body: "done" });
};
`;
const OPTIONS: ProgramOptions = { files: { "app.js": APP } };
const ARGS = ["-p", "0", "./app.js"];

/** What the app said, in order. */
function said(log: string): string[] {
  return [...log.matchAll(/^app: (.*)$/gm)].map(([, text]) => text);
}

/** Tells whether the server takes no new connection. */
async function refuses(url: string): Promise<boolean> {
  const answer = fetch(url).then((response) => response.text());
  return await answer.then(() => false, () => true);
}

/** How long `work` takes, in milliseconds. */
async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  return [await work, performance.now() - began];
}

/** A request that is not answered by the app. */
async function cut(url: string): Promise<void> {
  const answer = await fetch(url).catch(() => null);
  await answer?.body?.cancel();
  if (answer !== null) assertEquals(answer.status, 503);
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} takes no more connections, finishes what runs, and shuts the app down last (PAGI.md 89, 91)`, async () => {
    await using program = await startProgram(ARGS, OPTIONS);
    const { url } = program;
    const answer = fetch(`${url}/go`).then((response) => response.text());
    await program.logged(/app: request/);
    program.signal(signal);
    await until(() => refuses(url));
    Deno.writeTextFileSync(join(program.folder, "go"), "");
    assertEquals(await answer, "done");
    const { code, stderr } = await program.ended();
    assertEquals(code, 0);
    assertStringIncludes(stderr, `info  ${signal}: stopping.`);
    assertEquals([...new Set(said(stderr))], [
      "startup",
      "startup complete",
      "request",
      "shutdown",
      "shutdown complete",
    ]);
  });
}

Deno.test("a second signal forces: requests are cut, and the app is still shut down", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  const answer = cut(`${program.url}/20`);
  await program.logged(/app: request/);
  program.signal("SIGTERM");
  await program.logged(/SIGTERM: stopping/);
  const [{ code, stderr }, ms] = await timed(program.stop("SIGINT"));
  await answer;
  assertEquals(code, 0);
  assertLess(ms, 10_000);
  assertMatch(stderr, / info {2}SIGINT again: stopping without waiting/);
  assertMatch(
    stderr,
    / warn {2}Still running .*: GET \/20 \(\d+\.\d s, response \w+\)/,
  );
  assertEquals(said(stderr).at(-1), "shutdown complete");
});

Deno.test("a signal while the app shuts down ends the wait for it", async () => {
  await using program = await startProgram(ARGS, {
    ...OPTIONS,
    env: { SHUTDOWN: "20" },
  });
  program.signal("SIGTERM");
  await program.logged(/app: shutdown/);
  const [{ code, stderr }, ms] = await timed(program.stop());
  assertEquals(code, 0);
  assertLess(ms, 10_000);
  assertEquals(said(stderr).at(-1), "shutdown");
});

Deno.test("a signal while the app starts stops at once, and nothing was served", async () => {
  await using program = Program.spawn(ARGS, {
    ...OPTIONS,
    env: { STARTUP: "20" },
  });
  await program.logged(/app: startup/);
  const [{ code, stderr }, ms] = await timed(program.stop());
  assertEquals(code, 0);
  assertLess(ms, 10_000);
  assertEquals(said(stderr), ["startup"]);
  assert(!stderr.includes("Ready"), stderr);
});

Deno.test("a signal while the app is loaded ends the program", async () => {
  await using program = Program.spawn(ARGS, {
    files: {
      "app.js":
        `console.error("loading"); await new Promise((done) => setTimeout(done, 20_000));`,
    },
  });
  await program.logged(/loading/);
  const [{ signal, code }, ms] = await timed(program.stop());
  assertEquals(signal ?? code, signal === null ? 0 : "SIGTERM");
  assertLess(ms, 10_000);
});

Deno.test("--shutdown-timeout: what still runs then is named and cut", async () => {
  await using program = await startProgram(
    [...ARGS, "--shutdown-timeout", "0.3"],
    OPTIONS,
  );
  const answer = cut(`${program.url}/20`);
  await program.logged(/app: request/);
  const [{ code, stderr }, ms] = await timed(program.stop());
  await answer;
  assertEquals(code, 0);
  assertLess(ms, 10_000);
  assertMatch(
    stderr,
    / warn {2}Still running .*: GET \/20 \(\d+\.\d s, response \w+\)/,
  );
});

Deno.test("HUP, TTIN and TTOU change nothing in a single process; HUP says so (PAGI.md 93)", async () => {
  await using program = await startProgram(
    [...ARGS, "--log-level", "debug"],
    OPTIONS,
  );
  program.signal("SIGHUP");
  await program.logged(/ warn {2}SIGHUP: logs were reopened\. .* restart it/);
  program.signal("SIGTTIN");
  await program.logged(/ debug SIGTTIN: /);
  program.signal("SIGTTOU");
  await program.logged(/ debug SIGTTOU: /);
  assertEquals(await (await fetch(program.url)).text(), "done");
  assertEquals((await program.stop()).code, 0);
});

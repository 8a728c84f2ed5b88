/** Apps that do not finish loading or starting, at each moment they are loaded. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { Load } from "../helpers/load.ts";
import { OtherProcess } from "../helpers/other_process.ts";
import {
  Program,
  type ProgramOptions,
  runProgram,
  startProgram,
} from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";

const OPTIONS: ProgramOptions = { files: { "app.js": workerApp("one") } };
const ARGS = ["-p", "0", "--no-access-log"];
const AT_ONCE = ["--lifespan-startup-timeout", "0.5", ...ARGS];
/** Time enough for an app that does load. */
const SOON = ["--lifespan-startup-timeout", "1.5", ...ARGS];
const LATE = ["--lifespan-startup-timeout", "600", ...ARGS];
const ignore = Deno.build.os !== "linux";

/** Ways never to finish, as the rest of an app's source after `loading`. */
const ENDLESS: [name: string, source: string][] = [
  [
    "waits for ever",
    `setInterval(() => {}, 1000); await new Promise(() => {}); export default 1;`,
  ],
  [
    "is in an endless loop",
    // A turn takes 10 ms in which others have the processor.
    `const cell = new Int32Array(new SharedArrayBuffer(4));
    for (;;) Atomics.wait(cell, 0, 0, 10);`,
  ],
];

function endless(source: string): string {
  return `console.error("loading"); ${source}`;
}

function write({ folder }: Program, source: string): void {
  Deno.writeTextFileSync(`${folder}/app.js`, source);
}

/** How often the log of `program` matches. */
function count(program: Program, pattern: RegExp): number {
  return program.log.match(pattern)?.length ?? 0;
}

Deno.test({
  name:
    "HUPs that come faster than the app is loaded do not keep fresh code from serving",
  ignore,
  async fn() {
    const args = [...LATE, "-w", "2", "./app.js"];
    await using program = await startProgram(args, OPTIONS);
    write(
      program,
      `console.error("loading");
      await new Promise((done) => setTimeout(done, 300));
      ${workerApp("two")}`,
    );
    program.signal("SIGHUP");
    for (let times = 1; times <= 3; times++) {
      await until(() => count(program, /^loading$/gm) >= times);
      program.signal("SIGHUP");
    }
    await program.logged(/replaces worker 2: SIGHUP/);
    assertMatch(await (await fetch(program.url)).text(), /^two /);
    assert(!program.log.includes("did not start"), program.log);
    assertEquals((await program.stop()).code, 0);
  },
});

for (const [how, source] of ENDLESS) {
  for (const [kind, more] of [["one process", []], ["two workers", ["-w2"]]]) {
    Deno.test({
      name:
        `an app that ${how} while it is loaded ends ${kind} with 1 and a sentence`,
      ignore,
      async fn() {
        const files = { "app.js": endless(source) };
        const args = [...AT_ONCE, ...more, "./app.js"];
        const { code, stderr } = await runProgram(args, { files });
        assertEquals(code, 1, stderr);
        const sentence = "did not load its app|The app did not load".split("|")
          .find((text) => stderr.includes(text));
        assert(sentence !== undefined, stderr);
        assertStringIncludes(stderr, "0.5 s (--lifespan-startup-timeout)");
        assert(!stderr.includes("Ready"), stderr);
      },
    });
  }

  Deno.test({
    name: `TERM while a successor's app ${how} ends both processes`,
    ignore,
    async fn() {
      await using program = await startProgram([...LATE, "./app.js"], OPTIONS);
      write(program, endless(source));
      program.signal("SIGUSR2");
      await program.logged(/loading/);
      const children = Deno.readTextFileSync(
        `/proc/${program.pid}/task/${program.pid}/children`,
      );
      await using successor = new OtherProcess(Number(children.trim()));
      assertEquals((await program.stop()).code, 0);
      await successor.ended();
    },
  });
}

Deno.test({
  name:
    "HUP with an app that never finishes loading is given up, and the next HUP is done",
  ignore,
  async fn() {
    const args = [...SOON, "-w", "2", "./app.js"];
    await using program = await startProgram(args, OPTIONS);
    const load = new Load({ host: "127.0.0.1", port: program.port });
    for (const [at, [, source]] of ENDLESS.entries()) {
      write(program, endless(source));
      program.signal("SIGHUP");
      await until(() => count(program, /^loading$/gm) > at);
      program.signal("SIGTTIN");
      program.signal("SIGTTOU");
      await program.logged(
        new RegExp(
          ` error Worker ${
            3 + at
          } did not start\\. It did not load its app within 1\\.5 s`,
        ),
      );
      await until(() =>
        count(
          program,
          / error Reload failed: the current workers keep/g,
        ) > at
      );
    }
    write(program, workerApp("two"));
    program.signal("SIGHUP");
    await program.logged(/replaces worker 2: SIGHUP/);
    const { failures } = await load.stop();
    assertEquals(failures, []);
    assertMatch(await (await fetch(program.url)).text(), /^two /);
    assertEquals((await program.stop()).code, 0);
  },
});

Deno.test({
  name:
    "a later HUP does not wait for the deadline of an app that never finishes loading",
  ignore,
  async fn() {
    const args = [...LATE, "-w", "2", "./app.js"];
    await Promise.all(ENDLESS.map(async ([, source]) => {
      await using program = await startProgram(args, OPTIONS);
      write(program, endless(source));
      program.signal("SIGHUP");
      await program.logged(/^loading$/m);
      write(program, workerApp("two"));
      program.signal("SIGHUP");
      await program.logged(/replaces worker 2: SIGHUP/);
      assertMatch(await (await fetch(program.url)).text(), /^two /);
      assertEquals((await program.stop()).code, 0);
    }));
  },
});

Deno.test({
  name:
    "TERM ends two workers whose apps never finish loading, at the first start and after HUP",
  ignore,
  async fn() {
    const args = [...LATE, "-w", "2", "./app.js"];
    // The first worker waits, the second is in a loop.
    const source = `let first = true;
      try { Deno.mkdirSync("first"); } catch { first = false; }
      console.error("loading");
      if (first) { ${ENDLESS[0][1].replace("export default 1;", "")} }
      ${ENDLESS[1][1]}`;
    await using first = Program.spawn(args, { files: { "app.js": source } });
    await until(() => count(first, /loading/g) === 2);
    assertEquals((await first.stop()).code, 0);

    await Promise.all(ENDLESS.map(async ([, source]) => {
      await using second = await startProgram(args, OPTIONS);
      write(second, endless(source));
      second.signal("SIGHUP");
      await second.logged(/^loading$/m);
      assertEquals((await second.stop()).code, 0);
    }));
  },
});

const SERVERS: [kind: string, more: string[]][] = [
  ["two workers", ["-w", "2"]],
  ["one process", []],
];
for (const [at, [kind, more]] of SERVERS.entries()) {
  const [how, source] = ENDLESS[at];
  Deno.test({
    name:
      `USR2 with an app that ${how} leaves ${kind} serving, ready for the next HUP and USR2`,
    ignore,
    async fn() {
      const args = [...SOON, ...more, "./app.js"];
      await using program = await startProgram(args, OPTIONS);
      const old = new OtherProcess(program.pid);
      write(program, endless(source));
      program.signal("SIGUSR2");
      await program.logged(/loading/);
      await program.logged(/ error The successor ended with exit code 1/);
      write(program, workerApp("two"));
      program.signal("SIGHUP");
      if (more.length > 0) await program.logged(/replaces worker 2: SIGHUP/);
      // The failed start is logged a moment before the next one may begin.
      await until(() => {
        program.signal("SIGUSR2");
        return count(program, /Starting a new process that takes over/g) === 2;
      });
      const [, pid] = await program.logged(/Process (\d+) has taken over/);
      await using successor = new OtherProcess(Number(pid));
      await old.ended();
      successor.signal("SIGTERM");
      await successor.ended();
    },
  });
}

Deno.test({
  name:
    "a daemon whose app never finishes loading is told of, and does not stay",
  ignore,
  async fn() {
    await Promise.all(ENDLESS.map(async ([, source]) => {
      const files = { "app.js": endless(source) };
      const args = [...AT_ONCE, "-D", "./app.js"];
      const { code, stderr } = await runProgram(args, { files });
      assertEquals(code, 1);
      assertMatch(stderr, /did not load within 0\.5 s/);
      assertMatch(
        stderr,
        /The daemon did not start: it ended with exit code 1/,
      );
    }));
  },
});

Deno.test({
  name:
    "an app that blocks its thread in lifespan.startup ends at the deadline as well",
  ignore,
  async fn() {
    const cases: [loop: string, more: string[]][] = [
      ["for (;;);", []],
      [ENDLESS[1][1], ["-w", "2"]],
    ];
    await Promise.all(cases.map(async ([loop, more]) => {
      const files = {
        "app.js": `export default async (scope, receive, send) => {
          if (scope.type === "lifespan") { ${loop} }
        };`,
      };
      const args = [...SOON, ...more, "./app.js"];
      const { code, stderr } = await runProgram(args, { files });
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /did not start (its app )?within 1\.5 s \(--life/);
    }));
  },
});

Deno.test("a worker that cannot start at first is tried again, and Ready tells how many serve", async () => {
  const app = workerApp().replace(
    "await send",
    `if (worker_num > 1 && type === "lifespan.startup") {
      const { existsSync } = await import("node:fs");
      if (!existsSync("up")) return send({ type: type + ".failed", message: "no database" });
    }
    await send`,
  );
  const args = [...ARGS, "-w", "2", "./app.js"];
  await using program = await startProgram(args, { files: { "app.js": app } });
  await program.logged(/ info {2}Ready at \S+ with 1 of 2 workers\n/);
  await program.logged(
    / warn {2}1 of 2 workers serve: the next attempt .*200 ms/,
  );
  Deno.writeTextFileSync(`${program.folder}/up`, "");
  await program.logged(/ info {2}Workers: 2\.\n/);
  assertEquals((await program.stop()).code, 0);
});

Deno.test("a worker that cannot be replaced serves on, and is replaced once the app loads again", async () => {
  const args = ["--max-requests", "20", ...ARGS, "-w", "2", "./app.js"];
  await using program = await startProgram(args, OPTIONS);
  write(program, "export default (;");
  const load = new Load({ host: "127.0.0.1", port: program.port });
  await program.logged(
    / warn {2}2 of 2 workers serve, \d of them to be repl.*200 ms/,
  );
  write(program, workerApp("two"));
  await program.logged(/replaces worker 1: it has served --max-requests/);
  await program.logged(/replaces worker 2: it has served --max-requests/);
  assertEquals((await load.stop()).failures, []);
});

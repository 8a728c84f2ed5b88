/** How a process ends, and what its log and files tell of it. */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { runProgram, startProgram } from "../helpers/run_program.ts";
import { workerApp } from "../helpers/worker_app.ts";

const unix = Deno.build.os !== "windows";

Deno.test(
  "an app that ends a single process is told of in one line, and leaves neither a socket nor a pid file",
  { ignore: !unix },
  async () => {
    const app = (end: string): string =>
      `const later = (end) => {
         // It has to serve before: until then an exit is a failure.
         const timer = setInterval(() => {
           try {
             Deno.statSync("a.pid");
           } catch {
             return;
           }
           clearInterval(timer);
           setTimeout(end, 100);
         }, 10);
       };
       ${end}
       export default async (scope, receive, send) => {
         if (scope.type !== "http") throw new Error("not mine");
       };`;
    for (
      const [code, end, called = code] of [
        [7, "later(() => Deno.exit(7));"],
        [0, "later(() => Deno.exit());"],
        [3, "(await import('node:process')).default.exit(3);"],
        // Before it serves, that is a failure.
        [1, "Deno.exit(0);", 0],
      ] as const
    ) {
      const ended = await runProgram(
        ["--socket", "a.sock", "--pid", "a.pid", "./app.js"],
        {
          files: { "app.js": app(end) },
          shell:
            '"$@"; code=$?; [ -e a.pid ] && exit 98; [ -e a.sock ] && exit 99; exit $code',
        },
      );
      assertEquals(ended.code, code, ended.stderr);
      const lines = ended.stderr.split("\n").filter((line) =>
        line.includes(" error ")
      );
      assertEquals(lines.length, 1, ended.stderr);
      assert(
        lines[0].includes(
          `The app ended the process: it called Deno.exit(${called})`,
        ),
        lines[0],
      );
    }
  },
);

Deno.test(
  "an app that ends the process when it is stopped has not failed",
  { ignore: !unix },
  async () => {
    const code = `export default {
      fetch: () => new Response(), shutdown: () => Deno.exit(0),
    };`;
    await using program = await startProgram(["-p", "0", "./app.js"], {
      files: { "app.js": code },
    });
    const { code: status, stderr } = await program.stop();
    assertEquals(status, 0, stderr);
    assert(stderr.includes("before the server had stopped"), stderr);
  },
);

Deno.test(
  "neither a stop nor a start that fails is taken for an app's exit",
  { ignore: !unix },
  async () => {
    const args = ["-p", "0", "--no-access-log", "./app.js"];
    const files = { "app.js": workerApp("one") };
    await using program = await startProgram(args, { files });
    const stopped = await program.stop();
    const failed = await runProgram(["-p", "0", "./missing.js"]);
    assertEquals([stopped.code, failed.code], [0, 1]);
    assert(!(stopped.stderr + failed.stderr).includes("ended the process"));
  },
);

for (const workers of ["1", "2"]) {
  Deno.test(
    `access lines of requests before a signal stand before "stopping", with ${workers} worker(s)`,
    { ignore: !unix },
    async () => {
      await using program = await startProgram(
        ["-p", "0", "-w", workers, "./app.js"],
        { files: { "app.js": workerApp("one") } },
      );
      for (let count = 0; count < 5; count++) {
        await (await fetch(program.url, { headers: { connection: "close" } }))
          .text();
      }
      const { stderr } = await program.stop();
      const [before, after] = stderr.split(/SIGTERM: stopping\./);
      assertEquals(before.match(/"GET \/" 200/g)?.length, 5, stderr);
      assertMatch(after, /^\n/);
    },
  );
}

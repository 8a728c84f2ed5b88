/**
 * What the program does on systems that have less than Linux: it says so. They
 * are imitated here (`helpers/other_system.ts`); what is true of them anywhere
 * is in `every_system_test.ts`.
 */

import {
  assertEquals,
  assertMatch,
  assertNotMatch,
} from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import {
  type ProgramOptions,
  runProgram,
  startProgram,
} from "../helpers/run_program.ts";

const PRELOADED = fromFileUrl(
  new URL("../helpers/other_system.ts", import.meta.url),
);
const FILES = { "hello.txt": "hello\n" };

for (const system of ["darwin", "windows"]) {
  const options: ProgramOptions = {
    files: FILES,
    env: { OTHER_SYSTEM: system },
    permissions: ["-A", "--preload", PRELOADED],
  };
  const ignore = Deno.build.os !== "linux";

  Deno.test({
    name: `on ${system} one process serves, and says what it lacks`,
    ignore,
    async fn() {
      await using program = await startProgram(
        ["-p0", "-w3", "--pid", "pid"],
        options,
      );
      const answer = await fetch(`${program.url}/hello.txt`);
      assertEquals(await answer.text(), "hello\n");
      assertEquals(program.read("pid"), `${program.pid}\n`);
      const { code, stderr } = await program.stop("SIGINT");
      assertEquals(code, 0);
      const warnings = [...stderr.matchAll(/ warn {2}(.*)/g)]
        .map(([, text]) => text);
      assertEquals(warnings.length, 2);
      assertMatch(warnings[0], /^--workers 3: .* Linux only; .*\.$/);
      assertMatch(warnings[1], /^Connections cannot be watched here .*\.$/);
    },
  });

  const refused: [args: string[], sentence: RegExp][] = [
    [["-D"], /needs Linux/],
    [["--user", "somebody"], /need Linux/],
  ];
  if (system === "windows") {
    refused.push([["--socket", "./socket"], /^Cannot listen on \.\/socket: /]);
  }
  for (const [args, sentence] of refused) {
    Deno.test({
      name: `on ${system} ${args[0]} is refused in a sentence`,
      ignore,
      async fn() {
        const { code, stderr } = await runProgram(args, options);
        assertEquals(code, 1);
        const [, said] = /^pagi-server: (.*)$/m.exec(stderr)!;
        assertMatch(said, sentence);
        assertNotMatch(stderr, /^ +at /m);
      },
    });
  }
}

/** The batches of `tests/batches/` leave no test out. */

import { assertEquals } from "../src/std/assert.ts";
import config from "../deno.json" with { type: "json" };

Deno.test("what the task test ignores is in a batch, and every batch is run", () => {
  const { command } = config.tasks.test;
  const ignored = /--ignore=(\S+)/.exec(command)![1].split(",")
    .map((folder) => folder.replace("tests/", ""));
  const batches = [...Deno.readDirSync(new URL("batches", import.meta.url))]
    .map(({ name }) => `tests/batches/${name}`);
  const run = command.split(" ").filter((word) => word.includes("/batches/"));
  assertEquals(run.sort(), batches.sort());
  const imported = batches.flatMap((path) => {
    const text = Deno.readTextFileSync(new URL(`../${path}`, import.meta.url));
    const [folders] = /\[[^\]]*\]/.exec(text)!;
    return JSON.parse(folders) as string[];
  });
  // The executable has a task of its own.
  assertEquals(new Set(["binary", ...imported]), new Set(ignored));
});

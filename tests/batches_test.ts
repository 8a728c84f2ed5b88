/** The task test runs every test file, and none twice. */

import { assertEquals } from "../src/std/assert.ts";
import config from "../deno.json" with { type: "json" };

const TESTS = new URL("./", import.meta.url);

function hasTests(folder: URL): boolean {
  return [...Deno.readDirSync(folder)].some(({ name, isDirectory }) =>
    isDirectory
      ? hasTests(new URL(`${name}/`, folder))
      : name.endsWith("_test.ts")
  );
}

Deno.test("every folder of tests is either in a batch or in the task test", () => {
  const words = config.tasks.test.command.split(" ");
  const run = words.flatMap((word) => {
    const [, batch] = /^tests\/(batches\/\w+\.ts)$/.exec(word) ?? [];
    if (batch === undefined) return word.split(/^tests\/(\w+)$/)[1] ?? [];
    const text = Deno.readTextFileSync(new URL(batch, TESTS));
    return JSON.parse(
      /\[[^\]]*\]/.exec(text)![0].replace(/,\s*\]/, "]"),
    ) as string[];
  });
  const folders = [...Deno.readDirSync(TESTS)]
    .filter(({ name, isDirectory }) =>
      isDirectory && hasTests(new URL(`${name}/`, TESTS))
    )
    .map(({ name }) => name);
  // Two batches share one folder; the executable has a task of its own.
  const shared = run.indexOf("server");
  assertEquals(
    run.toSpliced(shared, 1).concat("binary").sort(),
    folders.sort(),
  );
});

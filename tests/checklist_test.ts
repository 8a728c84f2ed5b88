/**
 * Every number of PAGI.md 8 has a test that cites it in its title, as in
 * "… (PAGI.md 37)"; "(PAGI.md 41, exception)" cites a test of what holds
 * instead, for the reason that PAGI.md 9 gives.
 *
 * @module
 */

import { assert, assertEquals } from "../src/std/assert.ts";
import { fromFileUrl, join, relative } from "../src/std/path.ts";

const TESTS = fromFileUrl(new URL("./", import.meta.url));
const PAGI = Deno.readTextFileSync(new URL("../docs/PAGI.md", import.meta.url));

/** A test that says which items it shows. */
interface Citation {
  readonly path: string;
  readonly exception: boolean;
}

/** The text of the section with this number. */
function section(number: number): string {
  const start = PAGI.indexOf(`\n## ${number}. `) + 1;
  const end = PAGI.indexOf("\n## ", start);
  return PAGI.slice(start, end < 0 ? undefined : end);
}

/** The checklist: each item's sentence by its number. */
function items(): Map<number, string> {
  const rows = section(8).matchAll(/^(\d+)\. (.+)$/gm);
  return new Map([...rows].map(([, number, text]) => [Number(number), text]));
}

/** What the engine leaves of an item, by its number. */
function exceptions(): Map<number, string> {
  const found = new Map<number, string>();
  for (
    const [, first, actual] of section(9).matchAll(/^\| (.+?) \| (.+) \|$/gm)
  ) {
    for (const [number] of first.matchAll(/\d+/g)) {
      found.set(Number(number), actual.trim());
    }
  }
  return found;
}

async function* testFiles(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* testFiles(path);
    else if (
      path.endsWith(".ts") && path !== join(TESTS, "checklist_test.ts")
    ) {
      yield path;
    }
  }
}

/** The tests that cite each number, in the order of their paths. */
async function citations(): Promise<Map<number, Citation[]>> {
  const paths = await Array.fromAsync(testFiles(TESTS));
  const found = new Map<number, Citation[]>();
  const title =
    /(["`])((?:(?!\1)[^\n])+?PAGI\.md (\d+(?:, \d+)*)(, exception)?\))\1/g;
  for (const path of paths.sort()) {
    const text = await Deno.readTextFile(path);
    for (const [, , , numbers, exception] of text.matchAll(title)) {
      const citation = {
        path: relative(TESTS, path),
        exception: exception !== undefined,
      };
      for (const number of numbers.split(", ").map(Number)) {
        const others = found.get(number) ?? [];
        found.set(number, [...others, citation]);
      }
    }
  }
  return found;
}

Deno.test("every number of the checklist has a test that shows it, or an exception with its reason", async () => {
  const rules = items();
  assertEquals([...rules.keys()], Array.from({ length: 116 }, (_, i) => i + 1));
  const cited = await citations();
  const missing = [...rules.keys()].filter((number) => !cited.has(number));
  assertEquals(missing, []);
  const unknown = [...cited.keys()].filter((number) => !rules.has(number));
  assertEquals(unknown, [], "titles cite numbers that are not there");
});

Deno.test("only what PAGI.md 9 lists is excepted", async () => {
  const reasons = exceptions();
  for (const [number, tests] of await citations()) {
    if (!tests.some(({ exception }) => exception)) continue;
    assert(reasons.has(number), `${number} is no exception of PAGI.md 9`);
  }
});

/**
 * Many test files in one isolate.
 *
 * @module
 */

import { fromFileUrl, join } from "../../src/std/path.ts";

const TESTS = fromFileUrl(new URL("../", import.meta.url));

/**
 * Imports the test files beneath `folders` of `tests/`, in the order of their
 * names. `deno test` gives every file an isolate of its own and compiles the
 * server in each, a quarter of a second of a processor: longer than most of
 * them take.
 *
 * @param take Leaves out those for which it is false, by the file's name.
 */
export async function importTests(
  folders: readonly string[],
  take: (name: string) => boolean = () => true,
): Promise<void> {
  for (const folder of folders) {
    for (const path of testFiles(join(TESTS, folder))) {
      if (take(path.slice(path.lastIndexOf("/") + 1))) {
        await import(new URL(path, import.meta.url).href);
      }
    }
  }
}

function testFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return testFiles(path);
    return name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}

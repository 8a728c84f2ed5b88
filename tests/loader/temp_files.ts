/**
 * Apps that the tree could not hold: broken ones, and ones with odd names.
 *
 * @module
 */

import { dirname, join } from "../../src/std/path.ts";

/** Writes `files` (by relative path) to a folder that lives during `body`. */
export async function withFiles(
  files: Readonly<Record<string, string>>,
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, name);
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

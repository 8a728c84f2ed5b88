import { wholePackageOf } from "../../src/loader/packages.ts";
import { join } from "../../src/std/path.ts";
import { assertEquals } from "../../src/std/assert.ts";
import { withFiles } from "./temp_files.ts";

Deno.test("a package.json that only tells the format of files is not taken for a package", async () => {
  const files = {
    "a/package.json": '{ "name": "a", "dependencies": { "b": "^2.0.0" } }',
    "a/dist/esm/package.json": '{ "type": "module" }',
    "nameless/package.json": '{ "dependencies": { "b": "^2.0.0" } }',
  };
  await withFiles(files, (folder) => {
    for (
      const [file, owner] of [
        ["a/dist/esm/index.js", "a"],
        ["a/index.js", "a"],
        ["nameless/src/app.js", "nameless"],
      ]
    ) {
      assertEquals(wholePackageOf(join(folder, file)), join(folder, owner));
    }
    return Promise.resolve();
  });
});

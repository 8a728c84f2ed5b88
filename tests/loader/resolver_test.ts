import { Resolver } from "../../src/loader/resolver.ts";
import { join } from "../../src/std/path.ts";
import { assertEquals, assertRejects } from "../../src/std/assert.ts";
import { withFiles } from "./temp_files.ts";

Deno.test("imports may leave out extensions in a project that is made for Node as well", async () => {
  const cases: [files: string[], may: boolean][] = [
    [["package.json"], true],
    [["package.json", "deno.json"], false],
    [["package.json", "deno.json", "tsconfig.json"], true],
    [["deno.json", "tsconfig.json"], false],
  ];
  for (const [names, may] of cases) {
    const files = Object.fromEntries(names.map((name) => [name, "{}"]));
    await withFiles({ ...files, "x.ts": "" }, async (folder) => {
      const found = new Resolver().resolve("./x", join(folder, "app.ts"));
      if (may) assertEquals(await found, join(folder, "x.ts"), String(names));
      else await assertRejects(() => found, Error, "Module not found");
    });
  }
});

Deno.test("a program for Node imports by the paths of its tsconfig.json, except types", async () => {
  const files = {
    "package.json": "{}",
    "tsconfig.json": `{ // with comments
      "compilerOptions": {
        "baseUrl": "./src",
        "paths": {
          "@/*": ["./*"],
          "#env": ["../env.ts"],
          "*": ["../types/*"],
          "typed": ["../node_modules/@types/typed"],
        },
      },
    }`,
    "env.ts": "",
    "src/lib/x.ts": "",
    "node_modules/typed/package.json": `{ "main": "main.js" }`,
    "node_modules/typed/main.js": "",
  };
  await withFiles(files, async (folder) => {
    const app = join(folder, "src/app.ts");
    const cases = {
      "@/lib/x": "src/lib/x.ts",
      "#env": "env.ts",
      "typed": "node_modules/typed/main.js",
    };
    for (const [name, path] of Object.entries(cases)) {
      assertEquals(
        await new Resolver().resolve(name, app),
        join(folder, path),
        name,
      );
    }
  });
});

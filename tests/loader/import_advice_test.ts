import { importAdvice } from "../../src/loader/import_advice.ts";
import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { withFiles } from "./temp_files.ts";

Deno.test("importAdvice() names the command that helps, by why an import failed", () => {
  const cases: [message: string, command: RegExp][] = [
    ['Import "hono" not a dependency', /deno add npm:NAME/],
    [
      'Import "hono" not a dependency and not in import map from "file:///a.js"',
      /npm install NAME/,
    ],
    [
      'Could not resolve "express", but found it in a package.json. Deno expects the node_modules/ directory to be up to date.',
      /npm install, deno install/,
    ],
    [
      'Failed loading https://example.com/chalk for package "chalk"',
      /deno cache "\.\/my app\.ts"$/,
    ],
    ["Could not find constraint 'hono@4' in the list of packages.", /cache/],
    ["Module not found: https://example.com/x.js", /deno cache/],
  ];
  for (const [message, command] of cases) {
    const advice = importAdvice("./my app.ts", new TypeError(message));
    assertMatch(advice ?? "none", command, message);
  }
  const required = new Error("Cannot find module 'express'\nRequire stack:");
  assertMatch(importAdvice("./app.cjs", required) ?? "none", /npm install/);
  const code = "ERR_WORKER_UNSUPPORTED_OPERATION";
  const changed = Object.assign(new TypeError("process.chdir()"), { code });
  assertMatch(importAdvice("./app.cjs", changed) ?? "none", /with one worker/);
});

Deno.test("importAdvice() knows packages that Yarn has put elsewhere", async () => {
  const missing = new TypeError("Deno expects the node_modules/ directory");
  await withFiles({ ".pnp.cjs": "", "src/app.js": "" }, (folder) => {
    const advice = importAdvice(`${folder}/src/app.js`, missing);
    assertMatch(advice ?? "none", /nodeLinker node-modules/);
    return Promise.resolve();
  });
});

Deno.test("importAdvice() is silent where no command helps", () => {
  const errors = [
    new TypeError("Module not found: file:///srv/lib.js"),
    new TypeError('Module not found "file:///srv/lib.js".'),
    new SyntaxError("Unexpected token"),
    new Error("app"),
    new Error("Cannot find module './lib.js'"),
    new Error("Cannot find module '/srv/lib.js'"),
    "thrown",
  ];
  for (const error of errors) {
    assertEquals(importAdvice("app.js", error), null);
  }
});

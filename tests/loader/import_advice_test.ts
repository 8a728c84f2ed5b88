import { importAdvice } from "../../src/loader/import_advice.ts";
import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { withFiles } from "./temp_files.ts";

Deno.test("importAdvice() names the command that helps, by why an import failed", () => {
  const cases: [message: string, command: RegExp][] = [
    ['Import "hono" not a dependency', /deno add npm:hono,/],
    [
      'Import "hono" not a dependency and not in import map from "file:///a.js"',
      /npm install hono\./,
    ],
    [
      'Import "@/lib/app" not a dependency',
      /deno\.json, as .*"@\/": "\.\/src\/"/,
    ],
    [
      'Could not resolve "express", but found it in a package.json. Deno expects the node_modules/ directory to be up to date.',
      /npm install or deno install/,
    ],
    [
      'Failed loading https://example.com/chalk for package "chalk"',
      /deno cache '\.\/my app\.ts'$/,
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

Deno.test("importAdvice() tells what helps where the file, not a package, is wrong", async () => {
  const files = { "board.ts": "", "my app.js": "", "sub/page.tsx": "" };
  await withFiles(files, (folder) => {
    const url = new URL(`file://${folder}/`);
    const thrownAt = (name: string, path: string): Error => {
      const error = new ReferenceError(`${name} is not defined`);
      error.stack = `${error}\n    at f (${new URL(path, url)}:1:14)`;
      return error;
    };
    const cases: [error: Error, advice: RegExp][] = [
      [thrownAt("require", "my app.js"), /rename it to 'my app\.cjs', or/],
      [thrownAt("module", "board.ts"), /board\.ts is an ES .* board\.cts, or/],
      [thrownAt("__dirname", "a.js"), /import\.meta\.dirname for __dirname/],
      [thrownAt("React", "sub/page.tsx"), /"jsxImportSource"/],
      [
        new TypeError(`Module not found "${url}bord.ts".`),
        /mean .*\/board\.ts/,
      ],
      [
        new TypeError(`Module not found "${url}board".`),
        /mean .*\/board\.ts\?/,
      ],
      [
        new TypeError(
          `Import '${url}my%20app.js' failed.\n    0: Permission denied`,
        ),
        /not allowed to read .* chmod a\+r '.*\/my app\.js'$/,
      ],
      [
        new TypeError("npm package '@a/honno' does not exist."),
        /spelling of "@a\/honno"/,
      ],
      [
        new TypeError('Import "@a/b/c" not a dependency'),
        /npm install @a\/b\./,
      ],
    ];
    for (const [error, advice] of cases) {
      assertMatch(importAdvice("app.js", error) ?? "none", advice);
    }
    return Promise.resolve();
  });
});

Deno.test("importAdvice() is silent where no command helps", () => {
  const errors = [
    new TypeError("Module not found: file:///srv/lib.js"),
    new TypeError('Module not found "file:///srv/lib.js".'),
    new SyntaxError("Unexpected token"),
    new ReferenceError("window is not defined"),
    new ReferenceError("React is not defined"),
    new Error("app"),
    new Error("Cannot find module './lib.js'"),
    new Error("Cannot find module '/srv/lib.js'"),
    "thrown",
  ];
  for (const error of errors) {
    assertEquals(importAdvice("app.js", error), null);
  }
});

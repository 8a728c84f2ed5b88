/**
 * What the executable serves: folders, bundled apps, code, and apps from disk.
 *
 * @module
 */

import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import {
  DENO_ANSWER,
  DENO_PROJECT,
  OWN_ENTRIES_APP,
  OWN_ENTRIES_ARGS,
  PACKAGE_ANSWER,
  PACKAGE_PROJECT,
} from "../helpers/projects.ts";
import { runProgram, startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";
import { alone, binaryTest } from "./binary_test_case.ts";

const QUIET = ["-p", "0", "--no-access-log"];

async function answer(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

binaryTest("lists a folder and serves its files", async () => {
  await using program = await startProgram(
    QUIET,
    alone({ "hello world.txt": "hello", "sub/x.html": "<p>" }),
  );
  const listing = await fetch(program.url);
  assertEquals(listing.status, 200);
  assertStringIncludes(await listing.text(), "hello%20world.txt");
  const file = await fetch(`${program.url}/hello%20world.txt`);
  assertMatch(file.headers.get("content-type")!, /^text\/plain/);
  assertEquals(await file.text(), "hello");
  const archive = await fetch(`${program.url}/?zip`);
  await archive.body?.cancel();
});

binaryTest("has help, for the bundled apps too, and a version", async () => {
  for (
    const [args, text] of [
      [["--help"], "Usage"],
      [["PAGI::App::Cascade", "--help"], "PAGI::App::Cascade"],
      [["--version"], "pagi-server "],
    ] as const
  ) {
    const { code, stdout } = await runProgram(args, alone());
    assertEquals(code, 0);
    assertStringIncludes(stdout, text);
  }
});

binaryTest("verifies passwords in its own thread", async () => {
  // Of "secret", at the lowest cost.
  const hash = "$2y$04$KBCwKxOzLha2MUDgW0PjXe/hE/UCO9qF89dOydoHjSwxcHev5LRn.";
  await using program = await startProgram(
    [...QUIET, "PAGI::App::Directory", `auth=alice:${hash}`],
    alone(),
  );
  for (
    const [given, status] of [["alice:secret", 200], ["alice:x", 401]] as const
  ) {
    const headers = { authorization: `Basic ${btoa(given)}` };
    const response = await fetch(program.url, { headers });
    await response.body?.cancel();
    assertEquals(response.status, status);
  }
});

binaryTest("composes bundled apps", async () => {
  await using program = await startProgram([
    ...QUIET,
    "PAGI::App::URLMap",
    "/f=PAGI::App::File,root=.",
    "/h=PAGI::App::Healthcheck",
    "/r=PAGI::App::Redirect,to=/f/",
  ], alone({ "a.txt": "a" }));
  assertEquals(await answer(`${program.url}/f/a.txt`), "a");
  assertStringIncludes(await answer(`${program.url}/h`), "ok");
});

binaryTest("runs an app made for Node's HTTP server", async () => {
  await using program = await startProgram(
    [...QUIET, "./app.js"],
    alone({
      "app.js": `import { createServer } from "node:http";
        createServer((req, res) => res.end("Node")).listen(1);`,
    }),
  );
  assertEquals(await answer(program.url), "Node");
});

binaryTest(
  "bundles an app once for all workers, and anew once it has changed",
  async () => {
    await using program = await startProgram(
      [...QUIET, "-w", "2", "--log-level", "debug", "./app.tsx"],
      alone({
        "app.tsx": `import { word } from "./word.ts";
        if (import.meta.main) Deno.serve(() => new Response(word));`,
        "word.ts": `export const word: string = "one" + import.meta.main;`,
      }),
    );
    assertEquals(await answer(program.url), "onefalse");
    Deno.writeTextFileSync(
      `${program.folder}/word.ts`,
      'export const word = "new";',
    );
    program.signal("SIGHUP");
    await until(() => program.log.split(" replaces worker ").length === 3);
    // A connection that is kept alive belongs to a former worker.
    await until(async () => await answer(program.url) === "new");
    assertEquals(program.log.match(/ was bundled in /g)?.length, 2);
  },
);

binaryTest(
  "gives apps the server's own entries, by -M and -e too",
  async () => {
    for (const args of OWN_ENTRIES_ARGS) {
      await using program = await startProgram(
        [...QUIET, ...args],
        alone(OWN_ENTRIES_APP),
      );
      assertEquals(await answer(program.url), "publish,FileApp,cors");
    }
  },
);

binaryTest("gives require() what a CommonJS package exports", async () => {
  await using program = await startProgram(
    [...QUIET, "./app.jsx"],
    alone({
      "app.jsx": `import { greet } from "./lib.js";
        export default () => new Response(greet("Ada"));`,
      "lib.js": `const hi = require("hi");
        module.exports = { greet: (name) => hi(name) };`,
      "package.json": "{}",
      "node_modules/hi/package.json": '{ "main": "index.js" }',
      "node_modules/hi/index.js": "module.exports = (name) => 'hi ' + name;",
    }),
  );
  assertEquals(await answer(program.url), "hi Ada");
});

binaryTest(
  "imports modules of other packages in what is CommonJS",
  async () => {
    await using program = await startProgram(
      [...QUIET, "./app.cjs"],
      alone({
        "app.cjs": `module.exports = async () => {
        const { hi } = await import("hi"); // as "import('hi')" does
        const { hi: again } = await import ("hi");
        return new Response(hi("Ada") + (hi === again));
      };`,
        "package.json": "{}",
        "node_modules/hi/package.json": '{ "type": "module" }',
        "node_modules/hi/index.js": `import { greet } from "greet";
        export const hi = (name) => greet + name;`,
        "node_modules/greet/package.json": '{ "type": "module" }',
        "node_modules/greet/index.js": "export const greet = 'hi ';",
      }),
    );
    assertEquals(await answer(program.url), "hi Adatrue");
  },
);

binaryTest("imports what a module names at run time", async () => {
  await using program = await startProgram(
    [...QUIET, "./app.mjs"],
    alone({
      "app.mjs": `import { hi } from "hi";
        class Loader { async import(name) { return name; } }
        const all = [];
        for (const name of ["./one.ts", "./two.mjs", "hi", "./d.json"]) {
          all.push(Object.values(await import(name))[0]);
        }
        all.push(await import(new URL("two.mjs", import.meta.url)));
        all.push(await new Loader().import("import(x)"));
        export default () => new Response(JSON.stringify(all) + hi);`,
      "one.ts": 'const one: string = "one"; export { one };',
      "two.mjs": 'import { hi } from "hi"; export const two = hi + 2;',
      "d.json": "[5]",
      "package.json": "{}",
      "node_modules/hi/package.json": '{ "type": "module", "main": "i.js" }',
      "node_modules/hi/i.js": "export const hi = 'hi';",
    }),
  );
  const [one, two, hi, data, again, method] = JSON.parse(
    (await answer(program.url)).replace(/hi$/, ""),
  );
  assertEquals([one, two, hi, data[0] ?? data], ["one", "hi2", "hi", 5]);
  assertEquals(again, { two: "hi2" });
  assertEquals(method.endsWith(")"), true, method);
});

binaryTest("runs a CommonJS app of a package that names no type", async () => {
  await using program = await startProgram(
    [...QUIET, "./app.js"],
    alone({
      "app.js": `const hi = require("./hi.js");
        module.exports = () => new Response(hi("Ada"));`,
      "hi.js": "module.exports = (name) => 'hi ' + name;",
      "package.json": "{}",
    }),
  );
  assertEquals(await answer(program.url), "hi Ada");
});

binaryTest(
  "imports CommonJS files by name, and packages of -M and -e",
  async () => {
    const files = alone({
      ...PACKAGE_PROJECT,
      "mixed.js": `import { word } from "./word.cjs";
      import { other } from "./lib/index.js";
      export default () => new Response(word + other);`,
      "word.cjs": "exports.word = 'cjs ';",
      "lib/package.json": '{ "type": "commonjs" }',
      "lib/index.js": "exports.other = 'by type';",
      "late.cjs": `const http = require("http");
      setTimeout(() => http.createServer((_, res) => res.end("late")).listen(1), 50);`,
      "entry.cjs": 'require("./late"); module.exports = {};',
    });
    for (
      const [args, says] of [
        [["./mixed.js"], "cjs by type"],
        [["./entry.cjs"], "late"],
        [[
          "-M",
          "@scope/modern",
          "-e",
          'import { part } from "@scope/modern/parts/part"; () => new Response(part + typeof modern)',
        ], "partstring"],
      ] as const
    ) {
      await using program = await startProgram([...QUIET, ...args], files);
      assertEquals(await answer(program.url), says);
    }
  },
);

binaryTest(
  "runs what names its JSX library, and does without a package that is asked for at run time",
  async () => {
    await using program = await startProgram(
      [...QUIET, "./app.tsx"],
      alone({
        ...PACKAGE_PROJECT,
        "app.tsx": `/** @jsxImportSource html */
        const found = await import("optional").then(() => "found", () => "none");
        export default () => new Response(<b>{found}</b>);`,
      }),
    );
    assertEquals(await answer(program.url), "<b>none</b>");
  },
);

binaryTest("runs code from the command line", async () => {
  await using program = await startProgram([
    ...QUIET,
    "-M",
    "./words.js",
    "-e",
    "({ fetch: () => new Response(hello) })",
  ], alone({ "words.js": 'export const hello = "from -e";' }));
  assertEquals(await answer(program.url), "from -e");
});

binaryTest(
  "runs a .js app from disk, with modules beside it and of Node",
  async () => {
    await using program = await startProgram(
      [...QUIET, "./app.js"],
      alone({
        "app.js": `import { text } from "./lib/text.mjs";
        import { basename } from "node:path";
        export default { fetch: () => new Response(text + basename("/x/y")) };`,
        "lib/text.mjs": `export const text = "js ";`,
      }),
    );
    assertEquals(await answer(program.url), "js y");
  },
);

const TYPESCRIPT = {
  "app.ts": `const text: string = "ts";
    export default { fetch: (): Response => new Response(text) };`,
};

binaryTest("runs a .ts app from disk", async () => {
  await using program = await startProgram(
    [...QUIET, "./app.ts"],
    alone(TYPESCRIPT),
  );
  assertEquals(await answer(program.url), "ts");
});

binaryTest("runs a project with deno.json, in workers", async () => {
  await using program = await startProgram(
    [...QUIET, "-w", "2", "./app.tsx"],
    alone(DENO_PROJECT),
  );
  assertEquals(await answer(program.url), DENO_ANSWER);
});

binaryTest("runs a project with package.json and node_modules", async () => {
  await using program = await startProgram(
    [...QUIET, "./app.ts"],
    alone(PACKAGE_PROJECT),
  );
  assertEquals(await answer(program.url), PACKAGE_ANSWER);
});

binaryTest("names the app's own lines, and files beside it", async () => {
  await using program = await startProgram([
    ...QUIET,
    "-E",
    "development",
    "PAGI::App::URLMap",
    "/=./src/app.ts",
  ], alone(THROWING));
  const text = await answer(program.url);
  assertMatch(text, /Error: oh app\.ts src\n.*\/src\/app\.ts:5:9/);
  assertMatch(text, /\/src\/lib\/call\.ts:2:\d+/);
});

/** An app that asks where it is, and throws. */
const THROWING = {
  "src/app.ts": `import { call } from "./lib/call.ts";
type Nothing = never;
const name = import.meta.filename!.slice(-6) + import.meta.dirname!.slice(-4);
export default { fetch: (): Nothing => call(() => {
  throw new Error("oh " + name.replace("/", " "));
}) };`,
  "src/lib/call.ts": `type Call = () => never;
export function call(body: Call): never { return body(); }`,
};

/** What an app may import that is not on disk, and what the message says. */
const MISSING: readonly (readonly [name: string, says: RegExp])[] = [
  ["npm:hono@4.13.19", /not on this machine.*deno cache app\.js/],
  ["jsr:@std/path@1", /cannot fetch jsr:.*deno bundle --output/],
  ["https://example.com/mod.js", /cannot fetch https:.*deno bundle --output/],
  ["hono", /no configuration of its project declares.*npm install hono/],
  ["express", /express is not installed\. In .*: npm install/],
];

binaryTest(
  "names the command that helps where a package is missing, in a worker too",
  async () => {
    for (const [index, [name, says]] of MISSING.entries()) {
      const { code, stderr } = await runProgram(
        [...QUIET, "-w", `${index % 2 + 1}`, "./app.js"],
        alone({
          "package.json": '{ "dependencies": { "express": "4" } }',
          "app.js": `import "${name}"; export default () => {};`,
        }),
      );
      assertEquals(code, 1, name);
      assertMatch(stderr, says);
      assertMatch(stderr, /\/app\.js:1:8/);
    }
  },
);

binaryTest(
  "says what to run where decorators need types that it does not keep",
  async () => {
    const { code, stderr } = await runProgram(
      [...QUIET, "./app.ts"],
      alone({
        "package.json": "{}",
        "tsconfig.json":
          '{ "compilerOptions": { "experimentalDecorators": true, "emitDecoratorMetadata": true } }',
        "app.ts": `import { given } from "given";
          @given()
          class App { constructor(readonly text: string) {} }
          export default () => new Response(String(App));`,
        "node_modules/given/package.json": '{ "type": "module" }',
        "node_modules/given/index.js": "export const given = () => () => {};",
      }),
    );
    assertEquals(code, 1);
    assertMatch(stderr, /app\.ts needs the types.*such as dist\/main\.js/);
  },
);

binaryTest(
  "shows the error page of development with the app's own lines",
  async () => {
    await using program = await startProgram(
      [...QUIET, "-E", "development", "./app.js"],
      alone({
        "app.js": "export default { fetch() {\n  throw new Error('oh');\n} };",
      }),
    );
    assertMatch(await answer(program.url), /Error: oh\n.*\/app\.js:2:9/);
  },
);

binaryTest("forwards requests to another server", async () => {
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => new Response(`up ${await request.text()}`),
  );
  await using program = await startProgram([
    ...QUIET,
    "PAGI::App::Proxy",
    `target=http://127.0.0.1:${upstream.addr.port}`,
  ], alone());
  const response = await fetch(program.url, { method: "POST", body: "stream" });
  assertEquals(await response.text(), "up stream");
});

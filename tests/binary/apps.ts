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
import { runProgram, startProgram } from "../helpers/run_program.ts";
import { alone, binaryTest } from "./binary_test_case.ts";

const QUIET = ["-p", "0", "--no-access-log"];

async function answer(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

/** Tells whether the executable's Deno is `least` or newer, as in "2.8". */
async function runtimeIs(least: string): Promise<boolean> {
  const { stdout } = await runProgram(["--version"], alone());
  const version = /\(Deno (\S+),/.exec(stdout)![1];
  return version.localeCompare(least, "en", { numeric: true }) >= 0;
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

binaryTest(
  "runs a .ts app from disk, or says which runtime does and how to make JavaScript of it",
  async () => {
    if (await runtimeIs("2.8.2")) {
      await using program = await startProgram(
        [...QUIET, "./app.ts"],
        alone(TYPESCRIPT),
      );
      assertEquals(await answer(program.url), "ts");
    } else {
      const { code, stderr } = await runProgram(
        [...QUIET, "./app.ts"],
        alone(TYPESCRIPT),
      );
      assertEquals(code, 1);
      assertMatch(
        stderr,
        /^pagi-server: \.\/app\.ts could not be loaded\. This executable, built with Deno \S+, runs JavaScript only.*\n {2}deno bundle --output \.\/app\.bundle\.js \.\/app\.ts\n/,
      );
    }
  },
);

/** What an app may import that an executable cannot fetch. */
const PACKAGES = [
  "npm:hono@4.13.19",
  "jsr:@std/path@1",
  "https://example.com/mod.js",
  "hono",
  "@std/path",
];

binaryTest(
  "tells an app that imports packages to be bundled first, in a worker too",
  async () => {
    for (const [index, name] of PACKAGES.entries()) {
      const { code, stderr } = await runProgram(
        [...QUIET, "-w", `${index % 2 + 1}`, "./app.js"],
        alone({ "app.js": `import "${name}"; export default () => {};` }),
      );
      assertEquals(code, 1, name);
      assertMatch(
        stderr,
        /could not be loaded\. An executable cannot fetch packages.*\n {2}deno bundle --output \.\/app\.bundle\.js \.\/app\.js\n/,
        name,
      );
    }
    const missing = await runProgram(
      [...QUIET, "./app.js"],
      alone({ "app.js": `import "./missing.js"; export default () => {};` }),
    );
    assertEquals(missing.stderr.includes("deno bundle"), false);
  },
);

binaryTest("runs such an app once it is bundled", async () => {
  const files = {
    "app.ts": `import { Hono } from "npm:hono@4.13.19";
      export default new Hono().get("/", (c) => c.text("bundled"));`,
  };
  const folder = Deno.makeTempDirSync({ prefix: "pagi-bundle-" });
  try {
    Deno.writeTextFileSync(`${folder}/app.ts`, files["app.ts"]);
    const { success, stderr } = new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--output", "app.bundle.js", "./app.ts"],
      cwd: folder,
    }).outputSync();
    assertEquals(success, true, new TextDecoder().decode(stderr));
    await using program = await startProgram(
      [...QUIET, "./app.bundle.js"],
      alone({
        "app.bundle.js": Deno.readTextFileSync(`${folder}/app.bundle.js`),
      }),
    );
    assertEquals(await answer(program.url), "bundled");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

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

/** Apps of all kinds, from all places, by the real program. */

import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { type ProgramOptions, startProgram } from "../helpers/run_program.ts";

/** An app that answers with a text. */
function answering(text: string): string {
  return `export default async (scope, receive, send) => {
    if (scope.type !== "http") throw new Error("No support for " + scope.type);
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: ${JSON.stringify(text)} });
  };`;
}

/** Serves what `args` name, and yields the answer for `path`. */
async function served(
  args: readonly string[],
  options: ProgramOptions,
  path = "/",
  init: RequestInit = {},
): Promise<string> {
  await using program = await startProgram([...args, "-p", "0"], options);
  const answer = await (await fetch(program.url + path, init)).text();
  assertEquals((await program.stop()).code, 0);
  return answer;
}

/** Paths that would mean something else in a URL or on a command line. */
const PATHS = [
  "what#is?this 100%.js",
  "grüße/日本 😀\"'.mjs",
  "-dash a%20b.js",
];

for (const path of PATHS) {
  Deno.test(`an app at ${JSON.stringify(path)} is found`, async () => {
    const files = { [path]: answering(path) };
    assertEquals(await served([`./${path}`], { files }), path);
  });
}

Deno.test("an app in the directory above, with relative imports, from another directory", async () => {
  const files = {
    "src/app.ts":
      'import { text } from "./text.ts"; export default { fetch: () => new Response(text) };',
    "src/text.ts": 'export const text: string = "beside the app";',
    "deep er/down/file.txt": "",
  };
  const options = { files, cwd: "deep er/down" };
  assertEquals(await served(["../../src/app.ts"], options), "beside the app");
});

Deno.test("the current directory is where the program was started", async () => {
  const files = { "a b/file.txt": "here", "file.txt": "not here" };
  assertEquals(await served([], { files, cwd: "a b" }, "/file.txt"), "here");
});

Deno.test("-I finds modules, in the order of the paths", async () => {
  const files = {
    "first/lib/My/Tool/App.js": answering("first"),
    "second/My/Tool/App.js": answering("second"),
    "second/Other.js": answering("other"),
  };
  const lib = ["-Ifirst/lib", "--lib", "second"];
  assertEquals(await served([...lib, "My::Tool::App"], { files }), "first");
  assertEquals(await served([...lib, "Other"], { files }), "other");
});

Deno.test("-e CODE is an app, and what -M loads is there by name", async () => {
  const files = {
    "lib/greet.ts":
      "export const greet = (name: string): string => `Hello, ${name}!`;",
    "page.txt": "a page",
  };
  assertEquals(
    await served(["-e", '({ fetch: () => new Response("inline") })'], {}),
    "inline",
  );
  assertEquals(
    await served(
      [
        "-M",
        "./lib/greet.ts",
        "-e",
        `{ fetch: (r) => new Response(greet(new URL(r.url).search)) }`,
      ],
      { files },
      "/?world",
    ),
    "Hello, ?world!",
  );
  assertEquals(
    await served(
      ["-MPAGI::App::File", "-e", 'new File({ root: "." })'],
      { files },
      "/page.txt",
    ),
    "a page",
  );
});

Deno.test("a Hono app runs as it is", async () => {
  const files = {
    "app.ts": `
      import { Hono } from "npm:hono@4.13.19";
      const app = new Hono();
      app.get("/users/:name", (c) => c.json({ name: c.req.param("name") }));
      app.post("/upper", async (c) => c.text((await c.req.text()).toUpperCase()));
      export default app;`,
  };
  await using program = await startProgram(["./app.ts", "-p", "0"], { files });
  const { url } = program;
  const user = await fetch(`${url}/users/j%C3%BCrgen`);
  assertEquals(await user.json(), { name: "jürgen" });
  const upper = await fetch(`${url}/upper`, { method: "POST", body: "loud" });
  assertEquals(await upper.text(), "LOUD");
  const none = await fetch(`${url}/none`);
  assertEquals([none.status, await none.text()], [404, "404 Not Found"]);
});

Deno.test("an app's own output is left alone, and it sees no arguments of the server", async () => {
  const files = {
    "app.js": `
      console.log("to stdout", Deno.args, Deno.env.get("MINE"));
      ${answering("served")}`,
  };
  await using program = await startProgram(
    ["./app.js", "-p", "0", "--quiet"],
    { files, env: { MINE: "an own variable" } },
  );
  const { stdout, stderr } = await program.stop();
  assertEquals(stdout, "to stdout [] an own variable\n");
  assertMatch(stderr, /Ready at/);
});

Deno.test("an app that throws answers 500, is logged with its stack, and goes on (PAGI.md 45)", async () => {
  const files = {
    "app.js": `export default { fetch(request) {
      if (request.url.endsWith("/throw")) throw new Error("thrown");
      return new Response("served");
    } };`,
  };
  await using program = await startProgram(["./app.js", "-p0"], { files });
  const failed = await fetch(`${program.url}/throw`);
  assertEquals(failed.status, 500);
  assertEquals(await failed.text(), "Internal Server Error\n");
  await program.logged(
    / error GET \/throw: .*\n {4}Error: thrown\n.*app\.js:2/,
  );
  assertEquals(await (await fetch(program.url)).text(), "served");
});

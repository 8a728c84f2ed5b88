import { loadApp } from "../../src/loader/load_app.ts";
import { OptionError } from "../../src/options/option_error.ts";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { runApp } from "../helpers/run_app.ts";
import { failure, request, said, says } from "./loading.ts";
import { withFiles } from "./temp_files.ts";

Deno.test("-e takes an expression or statements that return the app", async () => {
  const app = says('"hi"');
  const codes = [
    app,
    `(${app})`,
    `${app} // the app`,
    `${app};\n`,
    `{ fetch: () => new Response("hi") }`,
    `{ toApp: () => ${app} }`,
    `class { toApp() { return ${app}; } }`,
    `async function app(scope, receive, send) { return (${app})(scope, receive, send); }`,
    `const app = ${app};\nreturn app;`,
    `{ let text = "hi"; return { fetch: () => new Response(text) }; }`,
    `await Promise.resolve(${app})`,
    `const app = await Promise.resolve(${app}); return app`,
  ];
  for (const code of codes) {
    assertEquals(await said([], { eval: code }), "hi", code);
  }
  assertEquals((await loadApp(request([], { eval: app }))).title, "-e");
});

Deno.test("-e sees what the modules of -M export", async () => {
  await withFiles({
    "lib/My/Greeting.ts":
      `export default "hello"; export const MARK: string = "!";`,
    "greet.js": `
      export default (name) => \`from \${name}\`;
      const words = { delete: 1 };
      export { words as delete, words as "a b", words };
    `,
    "late.js": `export const MARK = "?";`,
  }, async (folder) => {
    const more = {
      lib: [`${folder}/lib`],
      modules: ["My::Greeting", `${folder}/greet.js`, `${folder}/late.js`],
      eval: `{
        fetch: () => new Response(Greeting + MARK + greet("x") + words.delete),
      }`,
    };
    assertEquals(await said([], more), "hello?from x1");
  });
});

Deno.test("-M and -e take bundled apps and packages, as in the documentation", async () => {
  const modules = ["PAGI::App::NotFound"];
  for (
    const code of [
      'new NotFound({ body: "gone" }).toApp()',
      'new NotFound({ body: "gone" })',
    ]
  ) {
    assertEquals(await said([], { modules, eval: code }), "gone");
  }
  const { app } = await loadApp(request([], {
    modules: ["npm:hono@4.13.19"],
    eval: 'new Hono().get("/:name", (c) => c.text(c.req.param("name")))',
  }));
  assertEquals((await runApp(app, { target: "/camel" })).text, "camel");
});

Deno.test("-M loads modules before the app, in order", async () => {
  await withFiles({
    "one.js": "globalThis.loaded = ['one'];",
    "two.js": "globalThis.loaded.push('two');",
    "app.js": `
      const order = globalThis.loaded.join();
      export default ${says("order")};
    `,
  }, async (folder) => {
    const modules = [`${folder}/one.js`, `${folder}/two.js`];
    assertEquals(await said([`${folder}/app.js`], { modules }), "one,two");
    assertEquals(
      await failure([], { modules: [`${folder}/elsewhere.js`], eval: "1" }),
      `There is no file "${folder}/elsewhere.js".`,
    );
  });
});

Deno.test("-e excludes another app", async () => {
  for (
    const [positionals, app] of [
      [["./app.ts"], null],
      [["root=."], null],
      [[], "./app.ts"],
    ] as const
  ) {
    await assertRejects(
      () => loadApp(request([...positionals], { app, eval: "1" })),
      OptionError,
      "-e is already the app: remove it, or",
    );
  }
});

Deno.test("-e says what is wrong with its code", async () => {
  const fail = (code: string): Promise<string> => failure([], { eval: code });
  assertEquals(
    await fail("async => =>"),
    "The code of -e cannot be parsed: SyntaxError: Unexpected token '=>'.",
  );
  const thrown = await fail("const a = 1;\nnull.app;\nreturn a");
  assertMatch(thrown, /^The code of -e failed\.\nTypeError: Cannot read/);
  assertMatch(thrown, /\n +at [^\n]*-e[^\n]*:2:6\)$/);
  assertMatch(await fail("app"), /\nReferenceError: app is not defined\n/);
  assertStringIncludes(
    await fail("const app = 1;"),
    '-e gives no app: its code must be one expression, or end with "return"',
  );
  assertStringIncludes(await fail("'text'"), "The app of -e is a string.");
});

Deno.test("-e imports as a file in the current directory does", async () => {
  const folder = "./tests/loader";
  for (
    const [code, says] of [
      [
        `import { basename } from "node:path"; () => new Response(basename("/x/y"))`,
        "y",
      ],
      [
        `import * as path from "node:path"
        import { basename as name,
          join } from 'node:path';
        return () => new Response(name(path.join("/x/", join("y"))))`,
        "y",
      ],
      [
        `import path, { join } from "node:path"; () => new Response(path.basename(join("/x", "y")))`,
        "y",
      ],
      [
        `import "${folder}/temp_files.ts"; () => new Response("import {} from 'x'")`,
        "import {} from 'x'",
      ],
      [
        `const { request } = await import("${folder}/loading.ts");
        return () => new Response(typeof request)`,
        "function",
      ],
    ]
  ) {
    assertEquals(await said([], { eval: code }), says, code);
  }
  assertMatch(
    await failure([], {
      eval: 'import "node:fs";\nimport "node:os"; null.app',
    }),
    /\/-e:2:\d+$/,
  );
});

Deno.test("-e runs in strict mode", async () => {
  assertStringIncludes(
    await failure([], { eval: "undeclared = 1" }),
    "ReferenceError: undeclared is not defined",
  );
});

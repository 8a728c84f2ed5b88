import { loadApp } from "../../src/loader/load_app.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { startProgram } from "../helpers/run_program.ts";
import { runApp } from "../helpers/run_app.ts";
import { failure, request, said } from "./loading.ts";
import { withFiles } from "./temp_files.ts";

const HANDLER = `() => new Response("mine")`;

Deno.test("each form of a call of Deno.serve gives the app its handler, and binds nothing", async () => {
  const { serve } = Deno;
  const forms = [
    `Deno.serve(${HANDLER});`,
    `Deno.serve({ port: 1 }, ${HANDLER});`,
    `Deno.serve(${HANDLER}, { port: 1 });`,
    `Deno.serve({ port: 1, handler: ${HANDLER} });`,
    `export default Deno.serve(${HANDLER});`,
    `export const config = { port: 1 }; Deno.serve(config, ${HANDLER});`,
    `const { serve } = Deno; serve({ path: "/tmp/never-bound" }, ${HANDLER});`,
    `await new Promise((done) => setTimeout(done, 1)); Deno.serve(${HANDLER});`,
    // Without anybody waiting for it, as modules of CommonJS must.
    `setTimeout(() => Deno.serve(${HANDLER}), 300);`,
    `const server = Deno.serve(${HANDLER});
    server.ref(); server.unref();
    if (server.addr.port !== 0) throw new Error("It cannot know yet.");`,
    `Deno.serve({ onError: (e) => new Response(e.message) }, () => {
      throw new Error("mine");
    });`,
  ];
  await withFiles(
    Object.fromEntries(forms.map((code, i) => [`${i}.js`, code])),
    async (folder) => {
      for (const [i, code] of forms.entries()) {
        assertEquals(await said([`${folder}/${i}.js`]), "mine", code);
      }
    },
  );
  for (
    const code of [
      `Deno.serve({ port: 1 }, ${HANDLER})`,
      `const server = Deno.serve({ port: 1, handler: ${HANDLER} });`,
    ]
  ) {
    assertEquals(await said([], { eval: code }), "mine", code);
  }
  assertEquals(Deno.serve, serve);
});

Deno.test("the title says what is served, and which ports are not bound", async () => {
  const cases: [code: string, says: string, notes: string[]][] = [
    [`Deno.serve(${HANDLER});`, "mine", [
      "calls Deno.serve: its handler is served here, and port 8000 is not bound.",
    ]],
    [`Deno.serve({ path: "/run/x" }, ${HANDLER});`, "mine", [
      "and the socket /run/x is not bound.",
    ]],
    [
      `Deno.serve(${HANDLER});
      Deno.serve({ port: 9090 }, () => new Response("metrics"));`,
      "mine",
      [
        "and port 8000 is not bound.",
        "calls Deno.serve again: nothing is served at port 9090. Start a second server in startup().",
      ],
    ],
    [
      `Deno.serve({ port: 9090 }, () => new Response("metrics"));
      export default { fetch: ${HANDLER} };`,
      "mine",
      [
        "calls Deno.serve as well: what it exports is served, and nothing at port 9090.",
      ],
    ],
    [`Deno.serve(${HANDLER}); export default { port: 8000 };`, "mine", [
      "its handler is served here",
    ]],
    [`export const app = { fetch: ${HANDLER} };`, "mine", [
      "has no default export: its export app is served.",
    ]],
    [`export const fetch = ${HANDLER};`, "mine", [
      "its export fetch is served.",
    ]],
    [`export default { fetch: ${HANDLER} };`, "mine", []],
  ];
  await withFiles(
    Object.fromEntries(cases.map(([code], i) => [`${i}.js`, code])),
    async (folder) => {
      for (const [i, [code, says, notes]] of cases.entries()) {
        const file = `${folder}/${i}.js`;
        const { app, title } = await loadApp(request([file]));
        assertEquals((await runApp(app)).text, says, code);
        const [first, ...lines] = title.split("\n");
        assertEquals(first, file);
        assertEquals(lines.length, notes.length, title);
        for (const [j, note] of notes.entries()) {
          assert(lines[j].startsWith(`${file} `), lines[j]);
          assertStringIncludes(lines[j], note);
        }
      }
      // A module runs once, wherever it is mounted.
      const map = [
        "PAGI::App::URLMap",
        `/a=${folder}/0.js`,
        `/b=${folder}/0.js`,
      ];
      const { app, title } = await loadApp(request(map));
      for (const target of ["/a", "/b"]) {
        assertEquals((await runApp(app, { target })).text, "mine");
      }
      assertStringIncludes(title, "/0.js calls Deno.serve: its handler");
    },
  );
});

Deno.test("a module that serves nothing, and one that fails, are no apps", async () => {
  await withFiles({
    "empty.js": "",
    "throws.js": `Deno.serve(${HANDLER}); throw new Error("broken");`,
    "none.js": "Deno.serve({ port: 1 });",
  }, async (folder) => {
    assertStringIncludes(
      await failure([`${folder}/empty.js`]),
      "no default export. It exports nothing, and has not called Deno.serve or listen().",
    );
    assertStringIncludes(await failure([`${folder}/throws.js`]), "broken");
    assertStringIncludes(
      await failure([`${folder}/none.js`]),
      "Deno.serve was called without a handler",
    );
  });
});

/** Once a thread has had a hook, the engine waits for work of it. */
const HOOKS = { sanitizeOps: false };

Deno.test(
  "a program that serves only as the module of the command line runs, without arguments",
  HOOKS,
  async () => {
    const jsx = `export const jsx = (_tag, { children }) => children;`;
    const forms = {
      "script.js": `#!/usr/bin/env -S deno run
      if (import.meta.main) Deno.serve(${HANDLER});`,
      "typed.ts": `import { word } from "./word.ts";
      enum Port { None = 1 }
      if (import.meta.main && !word.isMain) {
        Deno.serve({ port: Port.None }, (_: Request) => new Response(word.text));
      }`,
      "word.ts":
        `export const word = { text: "mine", isMain: import.meta.main };`,
      "elements.tsx": `/** @jsxImportSource ./elements */
      if (import.meta.main) Deno.serve(() => new Response(<p>mine</p>));`,
      "elements/jsx-runtime": jsx,
      "waits.js": `await import("./word.ts");
      if (import.meta.main) setTimeout(() => Deno.serve(${HANDLER}), 10);`,
      "arguments.js": `import process from "node:process";
      import { pathToFileURL } from "node:url";
      const isMain = import.meta.url === pathToFileURL(process.argv[1]).href;
      if (isMain && process.argv.length === 2 && Deno.args.length === 0) {
        Deno.serve(${HANDLER});
      }`,
      "exports.js": `export default ${HANDLER};
      if (!import.meta.main) throw new Error("It is.");`,
    };
    const { args } = Deno;
    await withFiles(forms, async (folder) => {
      const programs = Object.keys(forms).filter((name) =>
        !name.startsWith("word") && !name.includes("/")
      );
      for (const name of programs) {
        assertEquals(await said([`${folder}/${name}`]), "mine", name);
      }
    });
    assertEquals(Deno.args, args);
  },
);

Deno.test(
  "a program that fails as the module of the command line says where",
  HOOKS,
  async () => {
    await withFiles({
      "throws.ts": `type Line2 = string;
      throw new Error(import.meta.main ? "broken" : "");`,
      "lacks.ts": `import "./none.ts"; import.meta.main;`,
      "wrong.ts": `import.meta.main; const = 1;`,
    }, async (folder) => {
      const throwing = await failure([`${folder}/throws.ts`]);
      assertStringIncludes(throwing, "broken");
      assertStringIncludes(throwing, "throws.ts:2:");
      assertStringIncludes(await failure([`${folder}/lacks.ts`]), "none.ts");
      assertStringIncludes(
        await failure([`${folder}/wrong.ts`]),
        "wrong.ts:1:",
      );
    });
  },
);

for (const workers of [1, 2]) {
  Deno.test(`a program that serves until it is stopped runs with ${workers} of workers, and learns its address`, async () => {
    await using program = await startProgram(
      ["-p", "0", "-w", `${workers}`, "app.ts"],
      {
        files: {
          "app.ts": `
            const server = Deno.serve({
              port: 8000,
              onListen: ({ port }) => console.error("listens at", port),
            }, async (request) => {
              if (new URL(request.url).pathname !== "/second") {
                return new Response(String(server.addr.port));
              }
              // By now it is the engine's own.
              await using second = Deno.serve(
                { port: 0, onListen() {} },
                () => new Response("second"),
              );
              const { port } = second.addr;
              const answer = await fetch(\`http://127.0.0.1:\${port}/\`);
              return new Response(await answer.text());
            });
            await server.finished;
            console.error("cleaned up");`,
        },
      },
    );
    const { port, origin } = new URL(program.url);
    assertEquals(await (await fetch(origin)).text(), port);
    assertEquals(await (await fetch(`${origin}/second`)).text(), "second");
    assertStringIncludes(
      program.log,
      "  serving app.ts\n          app.ts calls Deno.serve: its handler is served here, and port 8000 is not bound.\n",
    );
    const { code, stderr } = await program.stop();
    assertEquals(code, 0);
    assertEquals(stderr.match(/^cleaned up$/gm)?.length, workers, stderr);
    assertEquals(
      stderr.match(RegExp(`^listens at ${port}$`, "gm"))?.length,
      workers,
    );
  });
}

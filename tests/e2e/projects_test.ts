/** An app imports what `deno run` in its folder lets it import, and no more. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import {
  answering,
  below,
  DENO_ANSWER,
  DENO_PROJECT,
  type Files,
  OWN_ENTRIES_APP,
  OWN_ENTRIES_ARGS,
  PACKAGE_ANSWER,
  PACKAGE_PROJECT,
} from "../helpers/projects.ts";
import { runProgram, startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

const QUIET = ["-p", "0", "--no-access-log"];

async function answer(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

for (const workers of ["1", "2"]) {
  const args = [...QUIET, "-w", workers];

  Deno.test(`an app imports by its deno.json: names, scopes, JSX (${workers} workers)`, async () => {
    await using program = await startProgram(
      [...args, "./app.tsx"],
      { files: DENO_PROJECT },
    );
    assertEquals(await answer(program.url), DENO_ANSWER);
  });

  Deno.test(`an app imports by its package.json: both module systems, exports, #imports (${workers} workers)`, async () => {
    await using program = await startProgram(
      [...args, "../app.ts"],
      { files: { ...PACKAGE_PROJECT, "other/x.txt": "" }, cwd: "other" },
    );
    assertEquals(await answer(program.url), PACKAGE_ANSWER);
  });
}

Deno.test("without the permission for FFI a project starts as a child process", async () => {
  await using program = await startProgram(
    [...QUIET, "./app.tsx"],
    { files: DENO_PROJECT, permissions: ["--allow-all", "--deny-ffi"] },
  );
  assertEquals(await answer(program.url), DENO_ANSWER);
  // Killing the parent would leave the child.
  assertEquals((await program.stop()).code, 0);
});

Deno.test("a program of a project runs as the module of the command line", async () => {
  await using program = await startProgram([...QUIET, "-w", "2", "./app.ts"], {
    files: {
      ...PACKAGE_PROJECT,
      "package.json": PACKAGE_PROJECT["package.json"]
        .replace('"type":"module",', ""),
      "app.ts": `import old from "old-style";
        import { modern } from "@scope/modern";
        const text: string = old() + modern;
        if (import.meta.main) Deno.serve(() => new Response(text));`,
    },
  });
  assertEquals(
    await answer(program.url),
    "cjs deep 1stringesm inner cjs deep 1string function",
  );
});

Deno.test("apps import the server's own entries, by -M and -e too", async () => {
  const files = OWN_ENTRIES_APP;
  for (const args of OWN_ENTRIES_ARGS) {
    await using program = await startProgram([...QUIET, ...args], { files });
    assertEquals(await answer(program.url), "publish,FileApp,cors");
  }
});

Deno.test("HUP loads a project's code anew", async () => {
  await using program = await startProgram(
    [...QUIET, "-w", "2", "./app.ts"],
    {
      files: {
        "deno.json": '{ "imports": { "name": "./one.ts" } }',
        "one.ts": 'export default "one";',
        "app.ts": answering("name", 'import name from "name";'),
      },
    },
  );
  assertEquals(await answer(program.url), "one");
  Deno.writeTextFileSync(`${program.folder}/one.ts`, 'export default "new";');
  program.signal("SIGHUP");
  await until(async () => await answer(program.url) === "new");
});

Deno.test("the members of a workspace have the names of the root, of their own and of each other", async () => {
  await using program = await startProgram([...QUIET, "member/app.ts"], {
    files: {
      "deno.json": `{
        "workspace": ["./member", "./packages/*"],
        "importMap": "./unused.json",
        "imports": { "root": "./root.ts" }
      }`,
      "root.ts": 'export default "root";',
      "member/deno.json": '{ "imports": { "own": "./own.ts" } }',
      "member/own.ts": 'export default "own";',
      "packages/one/deno.json":
        '{ "name": "@me/one", "version": "1.0.0", "exports": "./mod.ts" }',
      "packages/one/mod.ts": 'export default "other";',
      "member/app.ts": answering(
        "[root, own, other]",
        `import root from "root";
import own from "own";
import other from "@me/one";`,
      ),
    },
  });
  assertEquals(await answer(program.url), "root,own,other");
});

Deno.test("the lock file of a project stays as it is, also a frozen one", async () => {
  const lock = '{ "version": "5" }\n';
  for (const config of ['{ "lock": { "frozen": true } }', "{}"]) {
    await using program = await startProgram([...QUIET, "./app.ts"], {
      files: {
        "deno.json": config,
        "app.ts": answering("1"),
        ...config === "{}" ? {} : { "deno.lock": lock },
      },
    });
    assertEquals(await answer(program.url), "1");
    const files = [...Deno.readDirSync(program.folder)].map(({ name }) => name);
    assertEquals(files.includes("deno.lock"), config !== "{}");
    if (config === "{}") continue;
    assertEquals(Deno.readTextFileSync(`${program.folder}/deno.lock`), lock);
  }
});

Deno.test("an import map of its own file is relative to that file", async () => {
  await using program = await startProgram([...QUIET, "./app.ts"], {
    files: {
      "deno.json": '{ "importMap": "./maps/map.json" }',
      "maps/map.json": '{ "imports": { "x": "../x.ts" } }',
      "x.ts": 'export default "x";',
      "app.ts": answering("x", 'import x from "x";'),
    },
  });
  assertEquals(await answer(program.url), "x");
  assertEquals(/warning/i.test(program.log), false, program.log);
});

Deno.test("apps of one URLMap import by the configuration of each", async () => {
  const project = (word: string) => ({
    "deno.json": '{ "imports": { "word": "./word.ts" } }',
    "word.ts": `export default "${word}";`,
    "app.ts": answering("word", 'import word from "word";'),
  });
  await using program = await startProgram(
    [...QUIET, "PAGI::App::URLMap", "/a=a/app.ts", "/b=b/app.ts"],
    { files: { ...below("a", project("one")), ...below("b", project("two")) } },
  );
  assertEquals(await answer(`${program.url}/a`), "one");
  assertEquals(await answer(`${program.url}/b`), "two");
});

Deno.test("modules of -M, -I and code of -e import by the project of theirs", async () => {
  await using program = await startProgram([
    ...QUIET,
    "-M",
    "./lib/names.ts",
    "-M",
    "@scope/modern",
    "-e",
    `import { own } from "./src/own.ts";
    const { part } = await import("@scope/modern/parts/part");
    return () => new Response(named + part + own + typeof modern);`,
  ], {
    files: {
      ...PACKAGE_PROJECT,
      "lib/names.ts": `import old from "old-style";
        export const named = old();`,
    },
  });
  assertEquals(await answer(program.url), "cjs deep 1stringpartownstring");
  await using other = await startProgram([...QUIET, "-I", "lib", "My::App"], {
    files: {
      "lib/deno.json": '{ "imports": { "x": "./x.ts" } }',
      "lib/x.ts": 'export default "found";',
      "lib/My/App.ts": answering("x", 'import x from "x";'),
    },
  });
  assertEquals(await answer(other.url), "found");
});

Deno.test("nothing that the server imports by name is there for apps", async () => {
  const cases: [config: Files, name: string][] = [
    [{}, "hono"],
    [{ "deno.json": "{}" }, "@std/path/posix"],
  ];
  for (const [config, name] of cases) {
    const { code, stderr } = await runProgram([...QUIET, "./app.ts"], {
      files: {
        ...config,
        "app.ts": 'export { default } from "./inner.ts";',
        "inner.ts": answering("1", `import "${name}";`),
      },
    });
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, `Import "${name}" not a dependency`);
    assertMatch(stderr, /deno add/);
  }
  const { code, stderr } = await runProgram(
    [...QUIET, "-e", 'const { join } = await import("@std/path/posix")'],
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, 'Import "@std/path/posix" not a dependency');
});

Deno.test("a project without its packages says what installs them", async () => {
  const { code, stderr } = await runProgram([...QUIET, "./app.ts"], {
    files: {
      "package.json": '{ "dependencies": { "express": "4" } }',
      "app.ts": answering("express", 'import express from "express";'),
    },
  });
  assertEquals(code, 1);
  assertMatch(stderr, /npm install [^]*project.s folder[^]*"express"/);
});

Deno.test("the process of a project is the one that was started, and one without a project starts once", async () => {
  const map = async (files: Record<string, string>) => {
    await using program = await startProgram([...QUIET, "./app.ts"], { files });
    const words = Deno.readTextFileSync(`/proc/${program.pid}/cmdline`);
    return words.includes("--import-map");
  };
  if (Deno.build.os !== "linux") return;
  const app = { "app.ts": answering("1") };
  assert(await map({ ...app, "deno.json": "{}" }));
  assert(!await map(app));
});

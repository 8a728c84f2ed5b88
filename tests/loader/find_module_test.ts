import { findModule, libraryNotices } from "../../src/loader/find_module.ts";
import { loadApp } from "../../src/loader/load_app.ts";
import { LoadError } from "../../src/loader/load_error.ts";
import { OptionError } from "../../src/options/option_error.ts";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { relative } from "../../src/std/path.ts";
import { failure, request, said, says } from "./loading.ts";
import { withFiles } from "./temp_files.ts";

const module = (text: string): string =>
  `export default class { toApp() { return ${says(JSON.stringify(text))}; } }`;

Deno.test("a module name is looked for below each -I path in order", async () => {
  await withFiles({
    "a/My/App.js": module("a, js"),
    "a/My/App.mjs": module("a, mjs"),
    "a/My/Last.mjs": module("a, last"),
    "b/My/App.ts": module("b, ts"),
    "b/My/App.js": module("b, js"),
    "b/Single.ts": module("b, single"),
    "b/PAGI/App/Own.ts": module("b, own"),
    // A folder is no module.
    "a/Single.ts/x": "",
  }, async (folder) => {
    const [a, b] = [`${folder}/a`, relative(Deno.cwd(), `${folder}/b`)];
    assertEquals(await said(["My::App"], { lib: [a, b] }), "a, js");
    assertEquals(await said(["My::App"], { lib: [b, a] }), "b, ts");
    assertEquals(await said(["My::Last"], { lib: [b, a] }), "a, last");
    assertEquals(await said(["Single"], { lib: [a, b] }), "b, single");
    assertEquals(await said([], { app: "Single", lib: [b] }), "b, single");
    assertEquals(await said(["PAGI::App::Own"], { lib: [b] }), "b, own");
    assertEquals(
      await failure(["My::Other"], { lib: [a, b] }),
      [
        "There is no module My::Other. Looked for it at:",
        ...[a, b].flatMap((lib) =>
          ["ts", "js", "mjs", "tsx"].map((end) => `  ${lib}/My/Other.${end}`)
        ),
      ].join("\n"),
    );
  });
});

Deno.test("a module that is not found says how to find it", async () => {
  assertEquals(
    await failure(["My::App"]),
    "There is no module My::App. Name its file, or give the path above it with -I.",
  );
  assertMatch(await failure(["zz"]), /^There is no file or module zz\. Name/);
  assertMatch(
    await failure(["main"]),
    /no file or module main; .* main\.ts\?$/,
  );
  assertEquals(
    await failure(["PAGI::App::Redirct"]),
    "There is no module PAGI::App::Redirct; did you mean PAGI::App::Redirect?",
  );
  assertMatch(await failure(["file"]), /did you mean PAGI::App::File\?$/);
});

Deno.test("what is no code is not run as code, whatever names it", async () => {
  await withFiles({
    "page.html": "<script>Deno.exit(3)</script>",
    "data.json": "{}",
    "LICENSE": "All rights reserved. Export default rights.",
    "program.py": "print()",
    "photo": "\0export default 1",
    "start": "#!/bin/sh\nexport default=1\n",
    "Makefile": "export PATH\nimport os\n",
    "page.vue": "export default {}",
    "main.go": 'import "fmt"',
  }, (folder) => {
    Deno.symlinkSync("nowhere", `${folder}/broken`);
    const cases: [name: string, sentence: RegExp][] = [
      ["page.html", /page\.html" is not code, so it cannot be the app\. Name/],
      ["data.json", /data\.json" is not code.* pagi-server \/.*$/],
      ["LICENSE", /is not code/],
      ["photo", /is not code/],
      ["start", /is not code/],
      ["Makefile", /is not code/],
      ["page.vue", /is not code/],
      ["main.go", /is not code/],
      ["broken", /broken" is a symbolic link to "nowhere", which leads to no/],
      ["page.html/", /names a folder, but ".*page\.html" is a file\.$/],
      ["program.py", /is a Python app\. It needs a Python server, or a port/],
      ["", /is a directory\. To serve it: pagi-server \/.*\/$/],
      ["progam.py", /There is no file .*; did you mean \/.*\/program\.py\?$/],
    ];
    for (const [name, sentence] of cases) {
      const target = { kind: "file", name: `${folder}/${name}` } as const;
      const error = assertThrows(() => findModule(target, []), LoadError);
      assertMatch(error.message, sentence);
    }
    const device = { kind: "file", name: "/dev/null" } as const;
    assertThrows(() => findModule(device, []), LoadError, "is a device");
    return Promise.resolve();
  });
});

Deno.test("a malformed module name is a wrong command line", async () => {
  for (
    const name of [
      "::App",
      "My::",
      "My::::App",
      "../x::y",
      "My::../../etc",
      "My::App\0",
      "My::App\n",
      "1::2",
      "no-module",
      "",
    ]
  ) {
    await assertRejects(
      () => loadApp(request([name], { lib: ["/"] })),
      OptionError,
      "not a module name",
      name,
    );
  }
});

Deno.test("every bundled app loads by its name", async () => {
  const cases: [args: string[], status: string][] = [
    [["PAGI::App::Directory", "root=tests/loader"], "loading.ts"],
    [["PAGI::App::File", "root=tests/loader"], "Not Found"],
    [["PAGI::App::NotFound", "body=nobody home"], "nobody home"],
    [["PAGI::App::Healthcheck"], '"status"'],
    [["PAGI::App::Redirect", "location=/x"], ""],
  ];
  for (const [args, text] of cases) {
    assertStringIncludes(await said(args), text, args[0]);
  }
});

Deno.test("nothing named serves the current directory (PAGI.md 106)", async () => {
  const { app, title } = await loadApp(request([]));
  assertEquals(title, "PAGI::App::Directory root=.");
  assertEquals(typeof app, "function");
  assertStringIncludes(await said([]), "deno.json");
  assertStringIncludes(await said(["root=tests"]), "loader");
});

Deno.test("a wrong option of a bundled app is a wrong command line", async () => {
  await assertRejects(
    () => loadApp(request(["PAGI::App::Directory", "rot=/srv"])),
    OptionError,
    'PAGI::App::Directory has no option "rot"; did you mean root?',
  );
});

Deno.test("libraryNotices() tells what -I does not do", () => {
  const none = /^-I has no effect here: /;
  const folder = Deno.makeTempDirSync();
  try {
    for (
      const names of [
        ["./app.ts"],
        ["npm:x", "./b.js"],
        ["PAGI::App::File"],
        [],
      ]
    ) {
      const [notice, ...others] = libraryNotices([folder], names);
      assertMatch(notice, none, names.join());
      assertEquals(others, []);
    }
    for (const names of [["My::App"], ["./app.ts", "My::Module"]]) {
      assertEquals(libraryNotices([folder], names), []);
    }
    assertEquals(libraryNotices([], ["./app.ts"]), []);
    assertEquals(libraryNotices([`${folder}/nope`], ["My::App"]), [
      `-I ${folder}/nope: there is no such directory.`,
    ]);
  } finally {
    Deno.removeSync(folder);
  }
});

import { appFiles } from "../../src/loader/app_files.ts";
import type { AppRequest } from "../../src/loader/load_app.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import type { Settings } from "../../src/options/settings.ts";
import { SourceWatcher } from "../../src/process/reload.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { basename, dirname, join } from "../../src/std/path.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const FILES = {
  "app.ts": `import "./lib/a.ts";
import data from "#data";
import text from "./text.txt" with { type: "text" };
import { gone } from "./gone.ts";
const page = new URL("./page.html", import.meta.url);
export default { fetch: () => new Response(text + data + page + gone) };`,
  "lib/a.ts": `export { b } from "$lib/b.ts"; export * from "npm-package";`,
  "lib/b.ts": "export const b = 1;",
  "lib/unused.ts": "export const unused = 1;",
  "data.json": "{}",
  "text.txt": "text",
  "page.html": "<p>",
  "views/deep/x.html": "<p>",
  "views/x.css": "",
  "node_modules/npm-package/index.js": "export const p = 1;",
  "node_modules/npm-package/package.json": "{}",
  "package.json": `{ "imports": { "#data": "./data.json" } }`,
  "deno.json": `{ "imports": { "$lib/": "./lib/" } }`,
};

/** A folder with the files, which is removed when disposed of. */
function project(files: Record<string, string> = FILES) {
  const folder = tempFolder("pagi reload ");
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }
  return {
    folder,
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

function request(folder: string): AppRequest {
  return {
    positionals: [join(folder, "app.ts")],
    app: null,
    lib: [],
    modules: [],
    eval: null,
  };
}

async function watcher(
  folder: string,
  settings: Partial<Settings> = {},
): Promise<SourceWatcher> {
  const watcher = new SourceWatcher(
    request(folder),
    resolveSettings({ reload: true, ...settings }),
  );
  await watcher.begin();
  return watcher;
}

/** The names of the files that `change` changes, and what it takes. */
async function changed(
  watcher: SourceWatcher,
  change: () => void,
): Promise<[names: string[], needsProcess: boolean]> {
  const next = watcher.next();
  change();
  const { paths, needsProcess } = (await next)!;
  return [paths.map((path) => basename(path)).sort(), needsProcess];
}

Deno.test("an app's files are what it imports by any name, and the configurations of its project", async () => {
  using made = project();
  const { folder } = made;
  const { code, configuration } = await appFiles(request(folder));
  assertEquals(
    [...code].map((path) => path.slice(folder.length + 1)).sort(),
    [
      "app.ts",
      "data.json",
      "gone.ts",
      "lib/a.ts",
      "lib/b.ts",
      "page.html",
      "text.txt",
    ],
  );
  for (const name of ["deno.json", "package.json"]) {
    assert(configuration.has(join(folder, name)), name);
  }
});

Deno.test("each way to save a file is one change of it", async () => {
  using made = project();
  const { folder } = made;
  using watching = await watcher(folder);
  const path = join(folder, "lib/b.ts");
  const ways: Record<string, () => void> = {
    "written in place": () =>
      Deno.writeTextFileSync(path, "export const b = 22;"),
    "renamed over": () => {
      Deno.writeTextFileSync(`${path}.tmp`, "export const b = 333;");
      Deno.renameSync(`${path}.tmp`, path);
    },
    "moved away and written anew": () => {
      Deno.renameSync(path, `${path}~`);
      Deno.writeTextFileSync(path, "export const b = 4444;");
    },
    "removed": () => Deno.removeSync(path),
    "there again": () => Deno.writeTextFileSync(path, "export const b = 5;"),
  };
  for (const [way, save] of Object.entries(ways)) {
    assertEquals(await changed(watching, save), [["b.ts"], false], way);
  }
});

Deno.test("a file that an import waits for, and one that is imported later, count", async () => {
  using made = project();
  const { folder } = made;
  using watching = await watcher(folder);
  const write = (name: string, text: string) => () =>
    Deno.writeTextFileSync(join(folder, name), text);
  assertEquals(
    await changed(
      watching,
      write("gone.ts", 'export * from "./lib/unused.ts";'),
    ),
    [["gone.ts"], false],
  );
  assertEquals(await changed(watching, write("lib/unused.ts", "export {};")), [[
    "unused.ts",
  ], false]);
});

Deno.test("many files at once, as a checkout writes them, are one change", async () => {
  using made = project();
  const { folder } = made;
  using watching = await watcher(folder);
  const names = ["app.ts", "lib/a.ts", "lib/b.ts", "text.txt"];
  const checkOut = () => {
    for (const name of names) {
      const path = join(folder, name);
      Deno.writeTextFileSync(path, `${Deno.readTextFileSync(path)}\n`);
    }
  };
  assertEquals(await changed(watching, checkOut), [
    names.map((name) => basename(name)).sort(),
    false,
  ]);
});

Deno.test("a folder that a link leads to from now on changes the files in it", async () => {
  using made = project();
  const { folder } = made;
  const [one, two] = ["one", "two"].map((name) => join(folder, name));
  for (const release of [one, two]) {
    Deno.mkdirSync(release);
    Deno.writeTextFileSync(
      join(release, "app.ts"),
      `export default "${release}";`,
    );
  }
  const current = join(folder, "current");
  Deno.symlinkSync(one, current);
  using watching = await watcher(current);
  const turn = () => {
    Deno.symlinkSync(two, `${current}.new`);
    Deno.renameSync(`${current}.new`, current);
  };
  assertEquals(await changed(watching, turn), [["app.ts"], false]);
});

Deno.test("a configuration needs a fresh process; an ignored file needs nothing", async () => {
  using made = project();
  const { folder } = made;
  using watching = await watcher(folder, {
    reloadDir: [join(folder, "lib")],
    reloadInclude: [join(folder, "views/**/*.html")],
  });
  const write = (...names: string[]) => () => {
    for (const name of names) {
      Deno.writeTextFileSync(join(folder, name), `{ "//": "${name}" }`);
    }
  };
  assertEquals(
    await changed(watching, write("views/x.css", "lib/.b.ts.swp", "deno.json")),
    [["deno.json"], true],
  );
  assertEquals(await changed(watching, write("views/deep/x.html")), [
    ["x.html"],
    false,
  ]);
  assertEquals(await changed(watching, write("lib/new.sql")), [
    ["new.sql"],
    false,
  ]);
});

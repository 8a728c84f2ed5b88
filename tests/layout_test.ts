/**
 * The rules of the house that a reader relies on.
 *
 * @module
 */

import { assert, assertEquals } from "../src/std/assert.ts";
import {
  fromFileUrl,
  join,
  relative,
  resolve,
  toFileUrl,
} from "../src/std/path.ts";
import { loadedModules } from "./helpers/loaded_modules.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));
/** A file is a topic that one reads in a sitting. */
const MAX_LINES = 500;

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

/** Which room may import which, as CONTRIBUTING.md says. */
async function rooms(): Promise<Map<string, string[]>> {
  const text = await Deno.readTextFile(join(ROOT, "CONTRIBUTING.md"));
  const rows = text.matchAll(/^\|\s*`src\/(\w+)\/`\s*\|[^|]*\|([^|]*)\|$/gm);
  const allowed = new Map<string, string[]>();
  for (const [, room, list] of rows) {
    const names = list.trim();
    const others = names === "all above"
      ? [...allowed.keys()]
      : names.split(",").map((name) => name.trim()).filter(Boolean);
    allowed.set(room, [room, ...others]);
  }
  return allowed;
}

function imports(source: string): string[] {
  return [
    ...source.matchAll(/^\s*(?:import|export)\b[^;]*?\bfrom\s+"([^"]+)"/gm),
    ...source.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g),
    ...source.matchAll(/^\s*import\s+"([^"]+)"/gm),
  ].map((match) => match[1]);
}

Deno.test("every folder of src is a room that CONTRIBUTING.md describes", async () => {
  const folders: string[] = [];
  for await (const entry of Deno.readDir(join(ROOT, "src"))) {
    folders.push(entry.name);
  }
  assertEquals(folders.sort(), [...(await rooms()).keys()].sort());
});

Deno.test("rooms import only rooms above them", async () => {
  const allowed = await rooms();
  const wrong: string[] = [];
  for await (const path of sources(join(ROOT, "src"))) {
    const [room] = relative(join(ROOT, "src"), path).split("/");
    for (const name of imports(await Deno.readTextFile(path))) {
      if (!name.startsWith(".")) continue;
      const target = relative(join(ROOT, "src"), resolve(path, "..", name));
      const [other] = target.split("/");
      if (other === "..") continue; // deno.json
      if (!allowed.get(room)?.includes(other)) {
        wrong.push(`src/${room} imports src/${target}`);
      }
    }
  }
  assertEquals(wrong, []);
});

/** Modules that lead from `module` back to it; null where none do. */
function circle(
  module: string,
  graph: ReadonlyMap<string, readonly string[]>,
  way: readonly string[] = [],
  seen: Set<string> = new Set(),
): readonly string[] | null {
  for (const next of graph.get(way.at(-1) ?? module) ?? []) {
    if (next === module) return [module, ...way, module];
    if (seen.has(next)) continue;
    seen.add(next);
    const found = circle(module, graph, [...way, next], seen);
    if (found !== null) return found;
  }
  return null;
}

Deno.test("no module imports itself by way of others, not even a type", async () => {
  const graph = new Map<string, string[]>();
  const src = join(ROOT, "src");
  for await (const path of sources(src)) {
    graph.set(
      relative(src, path),
      imports(await Deno.readTextFile(path))
        .filter((name) => name.startsWith("."))
        .map((name) => relative(src, resolve(path, "..", name))),
    );
  }
  assert(graph.get("server/dispatch.ts")?.includes("server/http.ts"));
  const circles = [...graph.keys()].flatMap((module) =>
    circle(module, graph)?.join(" → ") ?? []
  );
  assertEquals(circles, []);
});

/**
 * What only the engine room may know: symbols that are not public, names of the
 * engine's functions and fields, its epoll, and the words of its errors.
 */
const PRIVATE = new RegExp(
  [
    'getOwnPropertySymbols|\\.description\\b|"\\[\\[|\\[\\[[A-Z]\\w+\\]\\]',
    "Deno\\.internal|Deno\\[|\\bext:deno|nativeDispatch|serve fast",
    "\\.streamOrStatic|\\.bodyDecoded|epoll_ctl|eventpoll",
    "Invalid UTF|Frame too large|Reserved bits|Failed to send|[Bb]roken pipe",
    "invalid peer|UnknownIssuer|HandshakeFailure|NotValid|InvalidContentType",
    "name or service|request\\.signal aborts|\\/[^/]*\\beof\\b[^/]*\\/i",
  ].join("|"),
);

Deno.test("what is private to Deno occurs in the engine room only", async () => {
  const wrong: string[] = [];
  for await (const path of sources(join(ROOT, "src"))) {
    if (path.includes("/src/engine/")) continue;
    const text = await Deno.readTextFile(path);
    for (const [index, line] of text.split("\n").entries()) {
      if (PRIVATE.test(line)) {
        wrong.push(`${relative(ROOT, path)}:${index + 1} ${line.trim()}`);
      }
    }
  }
  assertEquals(wrong, []);
});

Deno.test("the untyped standard library is imported in one room only", async () => {
  const wrong: string[] = [];
  for await (const path of sources(join(ROOT, "src"))) {
    if (path.includes("/src/std/")) continue;
    for (const name of imports(await Deno.readTextFile(path))) {
      if (name.startsWith("@std/")) wrong.push(`${path}: ${name}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("a server loads none of Node's modules until something asks for one", async () => {
  // They take time to load, and each message of a WebSocket longer from then on:
  // the engine then asks every time whether somebody inspects it.
  const wrong: string[] = [];
  for (
    const entry of [
      "mod.ts",
      "src/cli/start.ts",
      "src/process/worker_main.ts",
      "src/apps/directory.ts",
    ]
  ) {
    const loaded = await loadedModules(entry);
    assert(loaded.length > 30, entry);
    wrong.push(...loaded.filter((specifier) => specifier.startsWith("node:")));
  }
  assertEquals(wrong, []);
});

Deno.test("a start loads only what every server needs", async () => {
  const loaded = (await loadedModules("src/cli/start.ts")).map((specifier) =>
    specifier.replace(toFileUrl(ROOT).href, "")
  );
  // What only some need is imported once they do.
  const optional =
    /media_types|semver|toml|^src\/middleware\/|supervisor|worker_pool|reload\.ts|start_in_project|import_advice|channels\/hub|metrics\/listener|process\/metrics|bundle\.ts|config_file|self_signed/;
  assertEquals(loaded.filter((path) => optional.test(path)), []);
  // Parsing takes about 8 ms for each 100 KB: raise this only for a reason.
  const sizes = loaded.filter((path) => path.startsWith("src/"))
    .map((path) => Deno.statSync(join(ROOT, path)).size);
  const size = sizes.reduce((sum, bytes) => sum + bytes);
  assert(size < 903_000, `${size} bytes`);
});

Deno.test("a folder that nobody can change loads nothing that changes it", async () => {
  const loaded = await loadedModules("src/apps/directory.ts");
  assert(loaded.some((module) => module.endsWith("/files/serve_tree.ts")));
  const wrong = loaded.filter((module) => /\/(uploads|webdav)\//.test(module));
  assertEquals(wrong, []);
});

Deno.test("nothing that a starting server runs asks for Node's process, which would load it", async () => {
  // Libraries look at the global one without importing anything.
  const app = `(scope, _receive, _send) => {
    if (scope.type === "http" || scope.scheme === "https") return;
    console.log("asked", globalThis.asked);
    Deno.exit(0);
  }`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, `export default ${app};`);
  for (const words of [["-e", app], [file]]) {
    assertEquals(await outputOfStart(words), "asked 0\n");
  }
  await Deno.remove(file);
});

/** What a start prints, of an app that counts who asks for Node's process. */
async function outputOfStart(words: readonly string[]): Promise<string> {
  const args = ["--quiet", "--port", "0", ...words];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `const { get } = Object.getOwnPropertyDescriptor(globalThis, "process");
      globalThis.asked = 0;
      Object.defineProperty(globalThis, "process", {
        configurable: true,
        get() {
          globalThis.asked++;
          return get.call(globalThis);
        },
      });
      await import("./src/process/worker_main.ts");
      const { run } = await import("./src/cli/run.ts");
      run(${JSON.stringify(args)}, {});`,
    ],
    cwd: ROOT,
    env: { PAGI_ENV: "production" },
  }).output();
  const [text, errors] = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  return text === "" ? errors : text;
}

Deno.test("no source file is longer than one reads in a sitting", async () => {
  const long: string[] = [];
  for (const folder of ["src", "testing", "tests"]) {
    for await (const path of sources(join(ROOT, folder))) {
      const lines = (await Deno.readTextFile(path)).split("\n").length - 1;
      if (folder !== "tests" ? lines > MAX_LINES : lines > 1.4 * MAX_LINES) {
        long.push(`${relative(ROOT, path)}: ${lines} lines`);
      }
    }
  }
  assertEquals(long, []);
});

Deno.test("every source file says what it is for", async () => {
  const silent: string[] = [];
  for (const folder of ["src", "testing"]) {
    for await (const path of sources(join(ROOT, folder))) {
      if (path.endsWith(".d.ts")) continue;
      if (!/^\/\*\*[^]*?\*\/\n\n/.test(await Deno.readTextFile(path))) {
        silent.push(relative(ROOT, path));
      }
    }
  }
  assertEquals(silent, []);
});

/** The commands of the documents are right, and the files of the recipes run. */

import { readAppOptions } from "../../src/options/app_options.ts";
import { parseCommandLine } from "../../src/options/command_line.ts";
import { OPTIONS } from "../../src/options/table.ts";
import {
  allPairs,
  parseAppSpec,
  parsePart,
} from "../../src/loader/app_spec.ts";
import type { AppSpec } from "../../src/loader/app_spec.ts";
import { BUNDLED_APPS, optionsOf } from "../../src/loader/bundled_apps.ts";
import { wrapperOptions } from "../../src/middleware/wrap_app.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { positionalOption } from "../../src/options/app_options.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import { startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

const DOCUMENTS = [
  "README.md",
  ...[...Deno.readDirSync(new URL("../../docs/", import.meta.url))]
    .map(({ name }) => `docs/${name}`).filter((name) => name.endsWith(".md")),
];

/** Stands for files that must exist: certificates, keys, variables. */
const SOME_FILE = fromFileUrl(import.meta.url);

function read(name: string): string {
  return Deno.readTextFileSync(new URL(`../../${name}`, import.meta.url));
}

/** The commands of the server in a document, without the rest of the line. */
function commands(document: string): string[] {
  const blocks = read(document).matchAll(
    /^```sh\n(.*?)^```|(?:^ {4}\S.*\n)+/gsm,
  );
  return [...blocks].flatMap(([block]) => block.split("\n")).flatMap((line) =>
    /^(?: {4})?(?:sudo )?pagi-server(?: .*)?$/.exec(line)?.[0].trim() ?? []
  );
}

/** The words that a shell makes of a command without variables. */
function shellWords(command: string): string[] {
  const [own] = command.split(/ (?:\||[0-9]?>>?) /, 1);
  const words = own.matchAll(/\s#.*$|(?:'[^']*'|"[^"]*"|[^\s'"])+/g);
  return [...words].map(([word]) => word).filter((word) => !/^\s#/.test(word))
    .map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"));
}

/** Throws where an app of the bundled ones, or a part of it, has no such option. */
async function checkOptions(spec: AppSpec): Promise<void> {
  const { name } = spec.target;
  if (!name.startsWith("PAGI::App::")) return void allPairs(spec, null);
  const load = BUNDLED_APPS.get(name);
  assert(load !== undefined, `there is no ${name}`);
  const { default: app } = await load() as { default: { compose?: unknown } };
  if (app.compose === undefined) {
    const table = { ...optionsOf(app), ...wrapperOptions };
    readAppOptions(name, table, allPairs(spec, positionalOption(table)));
    return;
  }
  for (const [key, value] of Object.entries(spec.pairs)) {
    if (/^\/|^\d+$|^default$/.test(key)) {
      await checkOptions(parsePart(value, () => null));
    }
  }
}

Deno.test("the commands of the documents have options that exist", async () => {
  let count = 0;
  for (const document of DOCUMENTS) {
    for (const command of commands(document)) {
      const words = shellWords(command);
      const args = words.slice(words.indexOf("pagi-server") + 1)
        .map((word) => word.replace(/[^=]*\.pem$|^\.env.*/, SOME_FILE));
      try {
        const { positionals, settings, action } = parseCommandLine(args, {});
        if (action === "help" || settings.eval !== null) continue;
        const look = (path: string) =>
          /^PAGI::|=|\.\w+$/.test(path) ? null : "directory";
        const spec = parseAppSpec(positionals, settings.app, look);
        await checkOptions(spec);
      } catch (error) {
        throw new Error(`${document}: ${command}`, { cause: error });
      }
      count++;
    }
  }
  assertGreater(count, 50);
});

Deno.test("the names of options in tables of the documents exist", () => {
  const names = new Set(
    Object.keys(OPTIONS).map((key) =>
      key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    ),
  );
  for (const [, row] of read("docs/coming_from.md").matchAll(/^\|(.*)\|$/gm)) {
    const here = row.split("|").at(-1)!;
    for (const [, name] of here.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)) {
      assert(names.has(name) || name === "check", name);
    }
  }
});

/** The files of a document, by name. */
function filesOf(document: string): Record<string, string> {
  const blocks = read(document).matchAll(/```ts\n\/\/ (\S+)\n(.*?)```/gs);
  return Object.fromEntries([...blocks].map(([, name, code]) => [name, code]));
}

const RECIPES = filesOf("docs/recipes.md");

Deno.test("the recipe of an API takes todos, and refuses what is none", async () => {
  await using program = await startProgram(["-p0", "./api.ts"], {
    files: RECIPES,
  });
  const ask = async (path: string, body?: string) => {
    const method = body === undefined ? "GET" : "POST";
    const response = await fetch(program.url + path, { method, body });
    return [response.status, await response.json()];
  };
  const todo = { id: 1, text: "Buy milk" };
  assertEquals(await ask("/todos", '{"text":"Buy milk"}'), [201, todo]);
  assertEquals(await ask("/todos"), [200, [todo]]);
  for (const body of ["{", "null", "[]", '{"text":1}']) {
    assertEquals((await ask("/todos", body))[0], 400, body);
  }
  assertEquals((await ask("/"))[0], 404);
});

Deno.test("the recipe of a chat reaches the clients of all workers", async () => {
  await using program = await startProgram(["-p0", "-w2", "./chat.ts"], {
    files: RECIPES,
  });
  assertMatch(await (await fetch(program.url)).text(), /<title>Chat/);
  const sockets = Array.from(
    { length: 8 },
    () => new WebSocket(program.url.replace("http", "ws")),
  );
  const heard = sockets.map(() => 0);
  sockets.forEach((socket, i) => socket.onmessage = () => heard[i]++);
  await until(() => sockets.every(({ readyState }) => readyState === 1));
  sockets[0].send("hello");
  await until(() => heard.every((count) => count === 1));
  for (const socket of sockets) socket.close();
});

Deno.test("the recipe of a job streams its progress to the end", async () => {
  await using program = await startProgram(["-p0", "./job.ts"], {
    files: RECIPES,
  });
  assertMatch(await (await fetch(program.url)).text(), /EventSource/);
  const stream = await (await fetch(`${program.url}/progress`)).text();
  assertStringIncludes(stream, "data: 0\n\ndata: 10\n\n");
  assert(stream.endsWith("data: 100\n\nevent: done\ndata:\n\n"), stream);
});

Deno.test("the tutorial's site has a page, and remembers its guests", async () => {
  const text = read("docs/tutorial.md");
  const [, page] = /```html\n(.*?)```/s.exec(text)!;
  const [, config] = /```toml\n(.*?)```/s.exec(text)!;
  await using program = await startProgram(["-p0"], {
    files: {
      ...filesOf("docs/tutorial.md"),
      "public/index.html": page,
      "pagi-server.toml": config,
    },
  });
  assertMatch(await (await fetch(program.url)).text(), /<title>Guests/);
  const init = { method: "POST", body: "Ada" };
  const answer = await fetch(`${program.url}/api`, init);
  assertEquals(await answer.json(), ["Ada"]);
});

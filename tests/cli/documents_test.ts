/**
 * What README, docs and CHANGELOG say is so.
 *
 * `deno test -A tests/cli/documents_test.ts -- --update` writes the table of
 * options anew.
 */

import { optionsMarkdown } from "../../tools/options_markdown.ts";
import { VERSION } from "../../src/cli/version.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import { startProgram } from "../helpers/run_program.ts";

const ROOT = new URL("../../", import.meta.url);
const TABLE = "docs/options.md";
const OPTIONS =
  /(?<=<!-- options: made by `deno task docs` -->\n).*(?=<!-- end of options -->)/s;

function read(name: string): string {
  return Deno.readTextFileSync(new URL(name, ROOT));
}

/** The text as `deno fmt` leaves it. */
async function formatted(markdown: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  const { success, stdout } = await child.output();
  assert(success);
  return new TextDecoder().decode(stdout);
}

Deno.test("the table of options is that of the program", async () => {
  const text = read(TABLE);
  assert(OPTIONS.test(text), `${TABLE} lacks the marks of the table`);
  const options = `\n${optionsMarkdown()}\n`;
  const expected = await formatted(text.replace(OPTIONS, () => options));
  if (Deno.args.includes("--update")) {
    Deno.writeTextFileSync(fromFileUrl(new URL(TABLE, ROOT)), expected);
  } else assertEquals(text, expected, "run `deno task docs`");
});

Deno.test("links between the documents lead somewhere", () => {
  const names = [...Deno.readDirSync(fromFileUrl(new URL("docs/", ROOT)))]
    .map(({ name }) => `docs/${name}`).filter((name) => name.endsWith(".md"));
  const broken: string[] = [];
  for (const name of ["README.md", ...names]) {
    for (const [, target] of read(name).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(?:[a-z]+:|#)/.test(target)) continue;
      const url = new URL(target.replace(/#.*/, ""), new URL(name, ROOT));
      try {
        Deno.statSync(url);
      } catch {
        broken.push(`${name}: ${target}`);
      }
    }
  }
  assertEquals(broken, []);
});

Deno.test("the README's set-up commands are those that CI runs", () => {
  const readme = read("README.md");
  const { tasks } = JSON.parse(read("deno.json"));
  const [, start, test] = /```sh\n(npx .*? start) .*\n(npx .*? test) /.exec(
    readme,
  )!;
  const ci = read(".ci/run");
  assertMatch(ci, /^for task in test /m);
  assertStringIncludes(ci, test.replace(/test$/, '"$task"'));
  assertEquals(start.replace(/start$/, "test"), test);
  assertEquals(tasks.start.command, "deno run -A main.ts");
  assert("test" in tasks);
});

Deno.test("the apps of README and docs run", async () => {
  const text = read("docs/your_app.md") + read("README.md");
  const blocks = text.matchAll(/```ts\n\/\/ (\S+)\n(.*?)```/gs);
  const files = Object.fromEntries(
    [...blocks].map(([, name, code]) => [name, code]),
  );
  assertEquals(Object.keys(files), ["app.ts", "hello.ts"]);
  for (const name of Object.keys(files)) {
    await using program = await startProgram([`./${name}`, "-p0"], { files });
    const answer = await fetch(`${program.url}/here`);
    assertStringIncludes(await answer.text(), "/here\n");
  }
});

Deno.test("the code for the command line in docs runs", async () => {
  const codes = [
    ...read("docs/your_app.md").matchAll(
      /^pagi-server (-M (\S+) )?-e '(.*)'$/gm,
    ),
  ];
  assertEquals(codes.length, 2);
  for (const [, , module, code] of codes) {
    const modules = module === undefined ? [] : ["-M", module];
    await using program = await startProgram([...modules, "-e", code, "-p0"]);
    assertEquals(await (await fetch(program.url)).text(), "Hello\n");
  }
});

Deno.test("the CHANGELOG tells of this version", () => {
  assertStringIncludes(read("CHANGELOG.md"), `\n## [${VERSION}]`);
});

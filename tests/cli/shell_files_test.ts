/**
 * The manual page and the completions for shells: made from the table of
 * options, and of use.
 *
 * `deno test -A tests/cli/shell_files_test.ts -- --update` writes them anew.
 */

import { VERSION } from "../../src/cli/version.ts";
import { bundledAppOptions } from "../../src/loader/bundled_app_help.ts";
import { BUNDLED_APPS } from "../../src/loader/bundled_apps.ts";
import { bashCompletion } from "../../tools/bash_completion.ts";
import { fishCompletion } from "../../tools/fish_completion.ts";
import { manPage } from "../../tools/man_page.ts";
import { zshCompletion } from "../../tools/zsh_completion.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { runProgram, testWith } from "../helpers/programs.ts";
import { fromFileUrl } from "../../src/std/path.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const MAN = "man/pagi-server.1";
const BASH = "completions/pagi-server.bash";
const ZSH = "completions/_pagi-server";
const FISH = "completions/pagi-server.fish";

/** What a program prints. */
async function output(command: string, ...args: string[]): Promise<string> {
  const { success, text } = await runProgram(command, args, { cwd: ROOT });
  assert(success, text);
  return text;
}

Deno.test("the manual page and the completions are those of the table of options", async () => {
  const apps = new Map(
    await Promise.all(
      [...BUNDLED_APPS.keys()].map(async (name) =>
        [name, (await bundledAppOptions(name))!] as const
      ),
    ),
  );
  const files = {
    [MAN]: manPage(VERSION, apps),
    [BASH]: bashCompletion(apps),
    [ZSH]: zshCompletion(apps),
    [FISH]: fishCompletion(apps),
  };
  for (const [path, text] of Object.entries(files)) {
    if (Deno.args.includes("--update")) {
      Deno.writeTextFileSync(ROOT + path, text);
    } else {
      const found = Deno.readTextFileSync(ROOT + path);
      assertEquals(found, text, "run `deno task docs`");
    }
  }
});

testWith(
  ["groff"],
  "groff finds nothing wrong with the manual page",
  async () => {
    const args = ["-man", "-Tutf8", "-ww", "-z", MAN];
    assertEquals(await output("groff", ...args), "");
  },
);

testWith(
  ["mandoc"],
  "mandoc finds nothing wrong with the manual page",
  async () => {
    assertEquals(await output("mandoc", "-Tlint", "-Werror", MAN), "");
  },
);

/** Words up to the cursor, as each shell takes them apart, and the offers. */
const OFFERS: [line: string, offers: string[]][] = [
  ["--lo", ["--log-file", "--log-format", "--log-level", "--loop"]],
  ["--log-level d", ["debug"]],
  ["-w 2 -E p", ["production"]],
  ["-q PAGI::App::N", ["PAGI::App::NotFound"]],
  ["PAGI::App::Directory so", ["sort=name", "sort=size", "sort=time"]],
  ["--port 80 PAGI::App::Directory roo", ["root="]],
];

Deno.test("bash completes options, choices, apps and their options", async () => {
  for (const [line, offers] of OFFERS) {
    assertEquals(await bash(line.split(" ")), offers, line);
    // As it is by default: words end at ":" and "=".
    const broken = line.split(" ").flatMap((word) => word.split(/(:+|=)/));
    const last = /[^:=]*$/;
    assertEquals(
      await bash(broken),
      offers.map((offer) => offer.slice(line.split(" ").at(-1)!.search(last))),
      line,
    );
  }
  assertEquals(await bash(["--log-level", "=", "d"]), ["debug"]);
  assertEquals(
    await bash(["PAGI", "::"]),
    await bash(["PAGI", "::", "App", "::"])
      .then((names) => names.map((name) => `App::${name}`)),
  );
  for (const files of ["./a", "--ssl-cert c", "PAGI::App::File root=/v"]) {
    assertEquals(await bash(files.split(" ")), [], files);
  }
});

async function bash(words: string[]): Promise<string[]> {
  const script = `compopt() { :; }; source ${BASH}
COMP_WORDS=(pagi-server "$@") COMP_CWORD=$#
_pagi_server && printf '%s\\n' "\${COMPREPLY[@]}"`;
  const offers = await output("bash", "-uc", script, "bash", ...words);
  return offers.split("\n").filter(Boolean).sort();
}

testWith(["fish"], "fish completes the same", async () => {
  for (const [line, offers] of OFFERS) {
    const script = `source ${FISH}; complete -C 'pagi-server ${line}'`;
    const found = await output("fish", "--no-config", "-c", script);
    const names = found.trim().split("\n").map((row) => row.split("\t")[0]);
    assertEquals(names.sort(), offers, line);
  }
});

testWith(["zsh"], "zsh can read its completion", async () => {
  assertEquals(await output("zsh", "-n", ZSH), "");
});

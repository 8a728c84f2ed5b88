/** The commands of docs/install.md, run as far as that goes without GitHub. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { parseCommandLine } from "../../src/options/command_line.ts";
import config from "../../deno.json" with { type: "json" };
import { testWith } from "../helpers/programs.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { ROOT } from "./local_jsr.ts";

const TEXT = Deno.readTextFileSync(join(ROOT, "docs/install.md"));
const ignore = Deno.build.os !== "linux";

/** The shell commands of the section called `title`. */
function commands(title: string): string {
  const section = TEXT.slice(TEXT.indexOf(`\n## ${title}\n`));
  return /```sh\n(.*?)```/s.exec(section)![1].replaceAll("sudo ", "");
}

/** Runs shell commands, which end at the first that fails. */
async function shell(
  script: string,
  cwd: string,
): Promise<{ success: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-euc", script],
    cwd,
  }).output();
  const decoder = new TextDecoder();
  return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** A release as compile.sh makes it, of a program that prints a word. */
async function release(folder: string): Promise<void> {
  const name = `pagi-server-${config.version}-x86_64-unknown-linux-gnu`;
  const { success, text } = await shell(
    `mkdir ${name}
printf '#!/bin/sh\\necho installed\\n' >${name}/pagi-server
tar -czf ${name}.tar.gz ${name}
echo other >pagi-server-other.tar.gz
sha256sum *.tar.gz >SHA256SUMS`,
    folder,
  );
  assert(success, text);
}

testWith(
  ["curl"],
  "the commands for the executable install it, unless it is not the one that was released",
  async () => {
    const published = tempFolder("pagi-release-");
    const folder = tempFolder("pagi-install-");
    await release(published);
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => {
        const name = new URL(request.url).pathname.split("/").at(-1)!;
        return new Response(Deno.readFileSync(join(published, name)));
      },
    );
    const script = commands("Executable").replace(
      "https://github.com",
      `http://127.0.0.1:${server.addr.port}`,
    ).replace("/usr/local/bin/", "./installed");
    try {
      const good = await shell(script, folder);
      assert(good.success, good.text);
      assertStringIncludes(good.text, ".tar.gz: OK");
      const { text } = await shell("./installed", folder);
      assertEquals(text, "installed\n");

      const sums = join(published, "SHA256SUMS");
      const wrong = Deno.readTextFileSync(sums).replace(
        /^../gm,
        (digits) => digits === "00" ? "11" : "00",
      );
      assertNotEquals(wrong, Deno.readTextFileSync(sums));
      Deno.writeTextFileSync(sums, wrong);
      const bad = await shell(script, folder);
      assert(!bad.success);
      assertMatch(bad.text, /FAILED/);
    } finally {
      Deno.removeSync(published, { recursive: true });
      Deno.removeSync(folder, { recursive: true });
    }
  },
  { ignore },
);

Deno.test({
  name: "the commands for the manual page and the completions find the files",
  ignore,
  async fn() {
    const folder = tempFolder("pagi-install-");
    try {
      const script = commands("Manual page and completions")
        .replaceAll("/usr/local", folder);
      const { success, text } = await shell(script, ROOT);
      assert(success, text);
      const page = join(folder, "share/man/man1/pagi-server.1");
      assertStringIncludes(Deno.readTextFileSync(page), ".SH SYNOPSIS");
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

Deno.test("docs/install.md names this version, and options that there are", () => {
  const versions = TEXT.matchAll(
    /(?:@pagi\/server@|pagi-server:|version = "|version=)([\d.]+)/g,
  );
  const named = new Set([...versions].map(([, version]) => version));
  assertEquals(named, new Set([config.version]));
  const lines = TEXT.matchAll(
    /^(?:docker run .*pagi-server:\S+|deno run .* jsr:\S+)(.*)$/gm,
  );
  for (const [, words] of lines) {
    parseCommandLine(words.split(" ").filter(Boolean), {});
  }
});

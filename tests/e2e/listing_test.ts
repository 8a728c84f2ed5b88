/** The first thing that users do: serve a folder, and fetch from it. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { testWith } from "../helpers/programs.ts";
import { startProgram } from "../helpers/run_program.ts";

/** What curl prints, and what it writes with `-w %{http_code}`. */
async function curl(...args: string[]): Promise<string> {
  const command = new Deno.Command("curl", {
    args: ["--silent", "--show-error", "--max-time", "20", ...args],
    env: { no_proxy: "*" },
  });
  const { code, stdout, stderr } = await command.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout);
}

testWith(
  ["curl"],
  "with nothing named, the current directory is listed and its files are served (PAGI.md 106, 110, 111)",
  async () => {
    await using program = await startProgram(["-p", "0"], {
      files: {
        "one.txt": "The first file.\n",
        "two <&> ü.html": "<p>The second",
      },
    });
    const { url } = program;

    const listing = await curl("-w", "%{http_code} %{content_type}", `${url}/`);
    assertMatch(listing, /^<!doctype html>/i);
    assertMatch(listing, /<\/html>\s*200 text\/html; charset=utf-8$/i);
    assertStringIncludes(listing, "two &lt;&amp;&gt; ü.html");
    const links = [...listing.matchAll(/href="([^"]+)"/g)]
      .map(([, href]) => decodeURIComponent(href.replaceAll("&amp;", "&")));
    for (const name of ["one.txt", "two <&> ü.html"]) {
      assert(links.some((link) => link.endsWith(name)), `${name} in ${links}`);
    }

    const one = `${url}/one.txt`;
    assertEquals(await curl(one), "The first file.\n");
    const two = `${url}/${encodeURIComponent("two <&> ü.html")}`;
    assertEquals(await curl(two), "<p>The second");
    assertEquals(
      await curl("-r", "4-8", "-w", " %{http_code}", one),
      "first 206",
    );
    assertEquals(await curl("-r", "-6", one), "file.\n");
    assertMatch(await curl("-r", "99-", "-w", " %{http_code}", one), / 416$/);

    const head = await curl("-I", one);
    assertMatch(head, /^HTTP\/1\.1 200 OK\r\n/);
    assertMatch(head, /^content-length: 16\r$/im);
    assertMatch(head, /^content-type: text\/plain; charset=utf-8\r$/im);
    const etag = /^etag: (.*)\r$/im.exec(head)![1];
    assertEquals(
      await curl("-H", `if-none-match: ${etag}`, "-w", "%{http_code}", one),
      "304",
    );
    assertEquals(
      await curl("-H", 'if-none-match: "other"', "-w", "%{http_code}", one),
      "The first file.\n200",
    );

    const { code, stderr } = await program.stop();
    assertEquals(code, 0);
    assertStringIncludes(stderr, "serving PAGI::App::Directory root=.");
    assertStringIncludes(stderr, `at      ${url}/`);
    assertMatch(stderr, /"GET \/one\.txt" 206 \d+\.\d{3}s$/m);
  },
);

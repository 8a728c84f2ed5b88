import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { BUNDLED_APPS } from "../../src/loader/bundled_apps.ts";
import { helpText } from "../../src/options/help.ts";
import { LONG_NAMES, NAMED } from "../../src/options/names.ts";
import { dashed } from "../../src/options/table.ts";
import { optionsMarkdown } from "../../tools/options_markdown.ts";

Deno.test("the help fits in 80 columns and has no spaces at the ends of lines", () => {
  for (const line of helpText().split("\n")) {
    assert(line.length <= 80, line);
    assertEquals(line, line.trimEnd());
  }
});

Deno.test("the help and the README's table name every option, its aliases and its default", () => {
  const [help, markdown] = [helpText(), optionsMarkdown()];
  for (const name of LONG_NAMES.keys()) {
    assertMatch(help, new RegExp(`^ +(.*, )?${dashed(name)}[, \n]`, "m"));
    assertMatch(markdown, new RegExp(`^\\| .*\`${dashed(name)}[\` ]`, "m"));
  }
  const flat = help.replace(/\s+/g, " ");
  for (const [name, option] of NAMED) {
    if (typeof option.default !== "number") continue;
    assert(flat.includes(`${option.help} (default: ${option.default})`), name);
    assert(markdown.includes(`${option.help} (default: ${option.default})`));
  }
});

Deno.test("every row of the README's tables has two cells", () => {
  for (const line of optionsMarkdown().split("\n")) {
    if (line === "") continue;
    assertEquals(line.replaceAll("\\|", "").split("|").length, 4, line);
  }
});

Deno.test("the help speaks of signals, exit codes, variables and apps", () => {
  for (
    const part of [
      "Usage: pagi-server [options] [app] [key=value ...]\n",
      "TERM, INT ",
      "HUP ",
      "\n  0  ",
      "\n  1  ",
      "\n  2  ",
      "PAGI_MAX_CONNECTIONS=200",
      "PAGI::App::Directory ",
      "My::App ",
    ]
  ) assert(helpText().includes(part), part);
});

Deno.test("the help lists every bundled app", () => {
  const lines = helpText().split("\n");
  for (const name of BUNDLED_APPS.keys()) {
    assert(lines.some((line) => line.startsWith(`  ${name} `)), name);
  }
});

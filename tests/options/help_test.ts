import {
  assert,
  assertEquals,
  assertMatch,
  assertThrows,
} from "../../src/std/assert.ts";
import { BUNDLED_APPS } from "../../src/loader/bundled_apps.ts";
import { helpText } from "../../src/options/help.ts";
import { readArguments } from "../../src/options/command_line.ts";
import { topicHelp } from "../../src/options/help_topics.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { LONG_NAMES, NAMED } from "../../src/options/names.ts";
import { dashed } from "../../src/options/table.ts";
import { optionsMarkdown } from "../../tools/options_markdown.ts";

Deno.test("the help fits the terminal's width and has no spaces at the ends of lines", () => {
  for (const width of [40, 59, 80, 120]) {
    for (const line of helpText(width).split("\n")) {
      // Command lines and names are not broken.
      const isTerm = /^(?:Usage: | {2,6}\S)/.test(line) &&
        !/ {3}\S/.test(line.trim());
      assert(line.length <= width || width < 80 && isTerm, line);
      assertEquals(line, line.trimEnd());
    }
  }
  assertEquals(helpText(), helpText(80));
});

Deno.test("every option has its help by each of its names", () => {
  for (const [spelling, name] of LONG_NAMES) {
    const text = topicHelp(dashed(spelling), 80);
    assertEquals(text, topicHelp(name, 80));
    assertMatch(text, new RegExp(`^(.*, )?${dashed(name)}[, \n]`));
  }
  const text = topicHelp("max-body-size", 80).replace(/\s+/g, " ");
  for (
    const part of [
      "--max-body-size NUM Bytes in a request body",
      "Raise it for uploads",
      "Value a whole number from 0",
      "Default 10000000",
      "Environment PAGI_MAX_BODY_SIZE",
      "Configuration file max-body-size",
    ]
  ) assert(text.includes(part), text);
  assertMatch(topicHelp("port", 80), /Not together with +--socket, --listen/);
});

Deno.test("the headings of the help are topics, by a word of theirs", () => {
  for (
    const [word, heading] of [
      ["limits", "Limits"],
      ["TIMEOUTS", "Timeouts in seconds (0 disables)"],
      ["behind-a-proxy", "Behind a proxy"],
      ["log", "Logs and metrics"],
      ["signals", "Signals"],
      ["examples", "Examples"],
      ["configuration", "Configuration file"],
      ["exit-status", "Exit status"],
      ["apps", "Bundled apps"],
    ]
  ) assertEquals(topicHelp(word, 80).split("\n")[0], `${heading}:`);
  const { message } = assertThrows(() => topicHelp("prot", 80), OptionError);
  assertMatch(
    message,
    /^there is no help on "prot"; did you mean port\?; topics: examples, app, /,
  );
});

Deno.test("what follows --help is what it is asked about", () => {
  for (
    const [args, expected] of [
      [["--help", "port"], "port"],
      [["--help=port"], "port"],
      [["--help", "--port"], "--port"],
      [["--help", "-p", "80"], "-p"],
      [["PAGI::App::File", "--help"], "PAGI::App::File"],
      [["-q", "--help"], undefined],
    ] as const
  ) {
    const { action, positionals } = readArguments(args);
    assertEquals([action, positionals[0]], ["help", expected], args.join(" "));
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

/**
 * The text of --help, made from the tables of options.
 *
 * @module
 */

import { isFlag, NAMED } from "./names.ts";
import { dashed } from "./table.ts";
import type { Option } from "./table.ts";

/** Columns of a terminal that any help text fits in. */
const WIDTH = 80;
const INDENT = "  ";

/** Breaks `text` into lines of at most `width` characters, between words. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/**
 * Lays `rows` out in two columns, the second starting after `tab` characters.
 * A term too long for its column stands on a line of its own.
 */
export function columns(
  rows: readonly (readonly [term: string, text: string])[],
  tab = 28,
): string {
  return rows.flatMap(([term, text]) => {
    const head = INDENT + term;
    const lines = wrap(text, WIDTH - tab).map((line) => " ".repeat(tab) + line);
    return head.length + 2 > tab
      ? [head, ...lines]
      : [head.padEnd(tab) + lines[0].trimStart(), ...lines.slice(1)];
  }).map((line) => `${line}\n`).join("");
}

/** `text (default: value)`; without the bracket where nothing is to be said. */
export function withDefault(text: string, value: unknown): string {
  const shown = Array.isArray(value)
    ? value.join(", ")
    : typeof value === "boolean"
    ? Number(value)
    : value;
  const tellable = typeof shown === "number" ||
    (typeof shown === "string" && shown !== "");
  return tellable ? `${text} (default: ${shown})` : text;
}

/** A paragraph, wrapped. */
function paragraph(text: string): string {
  return wrap(text, WIDTH).map((line) => `${line}\n`).join("");
}

/** All options under their headings, with their long names. */
export function optionGroups(): [heading: string, [string, Option][]][] {
  const groups: [string, [string, Option][]][] = [];
  for (const [name, option] of NAMED) {
    if (option.heading !== undefined) groups.push([option.heading, []]);
    groups.at(-1)![1].push([name, option]);
  }
  return groups;
}

/** Its names, short ones first. */
export function optionNames(name: string, { aliases = [] }: Option): string[] {
  const isShort = (alias: string): boolean => alias.length === 1;
  return [
    ...aliases.filter(isShort),
    name,
    ...aliases.filter((alias) => !isShort(alias)),
  ].map(dashed);
}

/** What stands for its value; "" for a flag. */
export function optionPlaceholder(option: Option): string {
  const { placeholder, type } = option;
  return placeholder ?? type.item?.placeholder ?? type.placeholder;
}

/** What it means, and its default. */
export function optionMeaning(option: Option): string {
  const { help } = option;
  return isFlag(option) ? help : withDefault(help, option.default);
}

/** Command lines and what they do. */
export const EXAMPLES = [
  ["pagi-server", "Serve the current directory"],
  ["pagi-server PAGI::App::Directory root=/var/www", "Serve another one"],
  ["pagi-server ./app.ts", "Run an app file"],
  ["pagi-server --host 0.0.0.0 -p 8080 ./app.ts", "On all interfaces"],
] as const;

/** What the app can be, in short. */
export const APPS = [
  ["PAGI::App::NAME", "A bundled app, see below"],
  ["My::App", "My/App.ts, .js or .mjs under a --lib path"],
  ["./app.ts", "A file: contains / or ends in .ts, .mts, .js or .mjs"],
  ["npm:NAME, jsr:, https:", "A module specifier"],
  ["(none)", "PAGI::App::Directory root=."],
] as const;

/** The bundled apps, each with an option. */
export const BUNDLED = [
  ["PAGI::App::Directory", "Files and listings: root=/var/www show_hidden=1"],
  ["PAGI::App::File", "Files only: root=/var/www"],
  ["PAGI::App::Redirect", "Redirects: location=https://example.com"],
  ["PAGI::App::Healthcheck", "Tells as JSON that the server is well"],
  ["PAGI::App::NotFound", "Answers 404"],
  ["PAGI::App::Proxy", "Passes requests on: target=http://backend:3000"],
  ["PAGI::App::URLMap", "Apps at different paths: /api=./api.ts /=./site.ts"],
  ["PAGI::App::Cascade", "Several apps, tried in turn: 1=./a.ts 2=./b.ts"],
] as const;

/** What signals do. */
export const SIGNALS = [
  ["TERM, INT", "Stop: finish running requests first; a second one forces"],
  ["HUP", "Replace all workers with fresh code; reopen the log files"],
  ["TTIN, TTOU", "One worker more, one less"],
  ["USR2", "Hand over to a fresh process, without losing a connection"],
] as const;

/** What the exit status tells. */
export const EXIT_CODES = [
  ["0", "Stopped as it was told to"],
  ["1", "The app or the server could not start, or failed"],
  ["2", "The command line is wrong"],
] as const;

/** What the arguments after the app are. */
export const ABOUT_PAIRS =
  "key=value pairs are the app's own options; with --app or --eval all " +
  "arguments are.";

/** How the environment sets options. */
export const ABOUT_VARIABLES =
  "Every option that sets something can be given as an environment " +
  "variable too: PAGI_MAX_CONNECTIONS=200 is --max-connections 200. " +
  "There, flags take 1 or 0 and lists are separated by commas. The " +
  "command line wins. -- ends the options.";

/** The text of `--help`, at most 80 columns wide. */
export function helpText(): string {
  return [
    "Usage: pagi-server [options] [app] [key=value ...]\n",
    columns(EXAMPLES, 52),
    `The app:\n${columns(APPS)}`,
    paragraph(ABOUT_PAIRS),
    optionSections(),
    paragraph(ABOUT_VARIABLES),
    `Bundled apps:\n${columns(BUNDLED)}`,
    `Signals:\n${columns(SIGNALS)}`,
    `Exit status:\n${columns(EXIT_CODES)}`,
  ].join("\n");
}

function optionSections(): string {
  return optionGroups().map(([heading, options]) => {
    const rows = options.map(([name, option]) =>
      [term(name, option), optionMeaning(option)] as const
    );
    return `${heading}:\n${columns(rows, 34)}`;
  }).join("\n");
}

/** `-p, --port PORT`, indented so that the long names stand in one column. */
function term(name: string, option: Option): string {
  const names = optionNames(name, option).join(", ");
  const indent = names.startsWith("--") ? "    " : "";
  return `${indent}${names} ${optionPlaceholder(option)}`.trimEnd();
}

/** The text of --help, made from the tables of options. */

import { isFlag, NAMED } from "./names.ts";
import { dashed } from "./table.ts";
import type { Option } from "./table.ts";

/** Columns of a text that does not go to a terminal. */
const WIDTH = 80;
const INDENT = "  ";
/** Fewer columns than this are too few for two. */
const NARROW = 60;

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
 * Lays `rows` out in two columns of text `width` characters in all, the second
 * starting after `wide` ones. A term too long for its column stands on a line of
 * its own.
 */
export function columns(
  rows: readonly (readonly [term: string, text: string])[],
  wide = 28,
  width = WIDTH,
): string {
  const tab = width < NARROW ? 6 : wide;
  return rows.flatMap(([term, text]) => {
    const head = INDENT + term;
    const lines = wrap(text, width - tab).map((line) => " ".repeat(tab) + line);
    return head.length + 2 > tab
      ? [head, ...lines]
      : [head.padEnd(tab) + lines[0].trimStart(), ...lines.slice(1)];
  }).map((line) => `${line}\n`).join("");
}

/** `text (default: value)`, or `text` alone where there is no default. */
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
export function paragraph(text: string, width = WIDTH): string {
  return wrap(text, width).map((line) => `${line}\n`).join("");
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

/** The placeholder of its value; "" for a flag. */
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
  ["pagi-server /var/www", "Serve another directory"],
  ["pagi-server ./app.ts", "Run an app"],
  ["pagi-server --host 0.0.0.0 -p 8080 ./app.ts", "On all interfaces"],
  ["pagi-server -w 4 -E production ./app.ts", "With four workers"],
  [
    "pagi-server PAGI::App::Proxy target=http://backend:3000",
    "Pass requests on",
  ],
  ["pagi-server --check -c site.toml", "Check a configuration file"],
  ["pagi-server --explain 'GET /a.css' -c site.toml", "Ask who answers"],
] as const;

/** What the app can be, in short. */
export const APPS = [
  ["(none)", "The current directory: PAGI::App::Directory root=."],
  [
    "/var/www",
    "A directory to serve, or a file that is not code: its directory",
  ],
  ["./app.ts", "An app file: contains / or ends in .ts, .mts, .js or .mjs"],
  ["PAGI::App::NAME", "A bundled app, see below"],
  ["My::App", "My/App.ts, .js or .mjs in a --lib path"],
  ["npm:NAME, jsr:, https:", "A module specifier"],
] as const;

/** The bundled apps, each with an option. */
export const BUNDLED = [
  ["PAGI::App::Directory", "Files and listings: root=/var/www show_hidden=1"],
  ["PAGI::App::File", "Files only: root=/var/www"],
  ["PAGI::App::Redirect", "Redirects: location=https://example.com"],
  ["PAGI::App::Healthcheck", "Reports the server's health as JSON"],
  ["PAGI::App::NotFound", "Answers 404"],
  ["PAGI::App::Proxy", "Passes requests on: target=http://backend:3000"],
  ["PAGI::App::SSE::Pubsub", "Events of a channel: channel=news"],
  ["PAGI::App::URLMap", "Apps at different paths: /api=./api.ts /=./site.ts"],
  ["PAGI::App::Cascade", "Several apps, tried in turn: 1=./a.ts 2=./b.ts"],
] as const;

/** What signals do. */
export const SIGNALS = [
  [
    "TERM, INT",
    "Stop after running requests have finished; a second one forces",
  ],
  ["HUP", "Reopen the log files, reload TLS files, replace all workers"],
  ["TTIN, TTOU", "One more worker, one fewer"],
  ["USR1", "Reopen the log files"],
  ["USR2", "Hand over to a new process without losing a connection"],
] as const;

/** What the exit status means. */
export const EXIT_CODES = [
  ["0", "Stopped as requested, or printed what was asked for"],
  ["1", "The app or the server could not start or failed, or a check did"],
  ["2", "The command line or the configuration file is wrong"],
] as const;

/** What the arguments after the app are. */
export const ABOUT_PAIRS =
  "key=value pairs are the app's own options; with --app or --eval all " +
  "arguments are.";

/** How the environment sets options. */
export const ABOUT_VARIABLES =
  "Every option that sets something can also be set by an environment " +
  "variable: PAGI_MAX_CONNECTIONS=200 is --max-connections 200. Flags take 1 " +
  "or 0 there, and lists are separated by commas.";

/** What a configuration file holds. */
export const ABOUT_FILE =
  "pagi-server.toml in the current folder, or the file of --config, sets " +
  "options by their long names (max-connections = 200), the app ([app] with " +
  'name and its options) and mounts ([mount."/path"]). The command line ' +
  "overrides the environment, which overrides the file. -- ends the options.";

const MORE =
  "pagi-server --help OPTION and --help TOPIC tell more, as in --help port; " +
  "topics are the headings above and the names of bundled apps.";

/** The sections of `--help`, by their headings. */
export function sections(width = WIDTH): [heading: string, text: string][] {
  return [
    ["Examples", columns(EXAMPLES, 52, width)],
    ["App", columns(APPS, 28, width) + paragraph(ABOUT_PAIRS, width)],
    ...optionSections(width),
    ["Environment", paragraph(ABOUT_VARIABLES, width)],
    ["Configuration file", paragraph(ABOUT_FILE, width)],
    ["Bundled apps", columns(BUNDLED, 28, width)],
    ["Signals", columns(SIGNALS, 28, width)],
    ["Exit status", columns(EXIT_CODES, 28, width)],
  ];
}

/** The text of `--help`, in lines of at most `width` characters. */
export function helpText(width = WIDTH): string {
  return [
    "Usage: pagi-server [options] [app] [key=value ...]\n",
    ...sections(width).map(([heading, text]) => `${heading}:\n${text}`),
    paragraph(MORE, width),
  ].join("\n");
}

function optionSections(width: number): [heading: string, text: string][] {
  return optionGroups().map(([heading, options]) => {
    const rows = options.map(([name, option]) =>
      [term(name, option), optionMeaning(option)] as const
    );
    return [heading, columns(rows, 34, width)];
  });
}

/** `-p, --port PORT`, indented so that the long names form a column. */
export function term(name: string, option: Option): string {
  const names = optionNames(name, option).join(", ");
  const indent = names.startsWith("--") ? "    " : "";
  return `${indent}${names} ${optionPlaceholder(option)}`.trimEnd();
}

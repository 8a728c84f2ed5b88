/**
 * What `--help` shows.
 *
 * @module
 */

import {
  optionGroups,
  optionMeaning,
  optionNames,
  optionPlaceholder,
} from "./describe_option.ts";
import { columns, paragraph } from "./layout.ts";
import type { Option } from "./option.ts";

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

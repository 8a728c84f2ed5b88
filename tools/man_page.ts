/**
 * The manual page, pagi-server(1), in man(7).
 *
 * @module
 */

import {
  appOptionRows,
  type AppOptionTable,
} from "../src/options/app_options.ts";
import {
  ABOUT_FILE,
  ABOUT_PAIRS,
  ABOUT_VARIABLES,
  APPS,
  BUNDLED,
  EXAMPLES,
  EXIT_CODES,
  optionGroups,
  optionMeaning,
  optionNames,
  optionPlaceholder,
  SIGNALS,
} from "../src/options/help.ts";
import { optionDetails } from "../src/options/help_topics.ts";
import type { Option } from "../src/options/table.ts";

type Rows = readonly (readonly [term: string, text: string])[];

/** The page of this version, with the options of the bundled `apps`. */
export function manPage(
  version: string,
  apps: ReadonlyMap<string, AppOptionTable>,
): string {
  return `.\\" Made by "deno task docs" from the table of options.
.TH PAGI\\-SERVER 1 "" "pagi\\-server ${version}" "User Commands"
.SH NAME
pagi\\-server \\- serve folders and web apps over HTTP and WebSocket
.SH SYNOPSIS
.B pagi\\-server
.RI [ options ]
.RI [ app ]
.RI [ key = value " ...]"
.SH DESCRIPTION
The app is one of:
${entries(APPS)}.PP
${roff(ABOUT_PAIRS)}
.SH OPTIONS
${optionGroups().map(optionSection).join("")}.SH BUNDLED APPS
${
    BUNDLED.map(([name, text]) => appSection(name, text, apps.get(name)!)).join(
      "",
    )
  }.SH ENVIRONMENT
${roff(ABOUT_VARIABLES)}
.SH CONFIGURATION FILE
${roff(ABOUT_FILE)}
.SH SIGNALS
${entries(SIGNALS)}.SH EXIT STATUS
${entries(EXIT_CODES)}.SH EXAMPLES
${entries(EXAMPLES)}`;
}

function optionSection(
  [heading, options]: readonly [string, readonly [string, Option][]],
): string {
  const rows = options.map(([name, option]) => {
    const value = optionPlaceholder(option);
    const names = optionNames(name, option).map((text) =>
      `\\fB${roff(text)}\\fR`
    )
      .join(", ");
    const term = value === "" ? names : `${names} \\fI${roff(value)}\\fR`;
    const details = optionDetails(name);
    return entry(term, optionMeaning(option)) +
      (details === undefined ? "" : `.IP\n${roff(details)}\n`);
  });
  return `.SS ${roff(heading)}\n${rows.join("")}`;
}

function appSection(name: string, text: string, table: AppOptionTable): string {
  return `.SS ${roff(name)}\n${roff(text)}\n${entries(appOptionRows(table))}`;
}

function entries(rows: Rows): string {
  return rows.map(([term, text]) => entry(`\\fB${roff(term)}\\fR`, text)).join(
    "",
  );
}

/** A term that is roff already, and what it means. */
function entry(term: string, text: string): string {
  return `.TP\n${term}\n${roff(text)}\n`;
}

/** Text that roff takes for nothing else; options keep their real dashes. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll(
    "…",
    "...",
  ).replace(/^(?=[.'])/gm, "\\&");
}

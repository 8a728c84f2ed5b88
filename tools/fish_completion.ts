/**
 * Completion for fish.
 *
 * @module
 */

import { type Apps, pairsOf, valuesOf } from "./completable.ts";
import { BUNDLED, optionMeaning } from "../src/options/help.ts";
import { isFlag, NAMED } from "../src/options/names.ts";
import type { Option } from "../src/options/table.ts";

/** A file `pagi-server.fish`; other arguments than options may be files. */
export function fishCompletion(apps: Apps): string {
  const options = [...NAMED].map(([name, option]) =>
    complete(
      spellings(name, option),
      value(option),
      described(optionMeaning(option)),
    )
  );
  const named = BUNDLED.map(([name, text]) =>
    complete("-n __pagi_server_no_app", `-a ${name}`, described(text))
  );
  const pairs = [...apps].flatMap(([name, table]) => {
    const words = pairsOf(table).join(" ");
    const condition = `-n '__pagi_server_app ${name}'`;
    return words === "" ? [] : [complete(condition, `-a ${quoted(words)}`)];
  });
  return `# Completion of pagi-server for fish. Made by \`deno task docs\`.

function __pagi_server_app
    contains -- $argv[1] (commandline -opc)
end

function __pagi_server_no_app
    not string match -q 'PAGI::App::*' -- (commandline -opc)
end

${[...options, ...named, ...pairs].join("\n")}
`;
}

function complete(...parts: readonly string[]): string {
  return `complete -c pagi-server ${parts.filter(Boolean).join(" ")}`;
}

function spellings(name: string, { aliases = [] }: Option): string {
  return [...aliases, name].map((spelling) =>
    `${spelling.length === 1 ? "-s" : "-l"} ${spelling}`
  ).join(" ");
}

function value(option: Option): string {
  if (isFlag(option)) return "";
  const values = valuesOf(option);
  if (values === "files") return "-rF";
  return values === null ? "-x" : `-xa ${quoted(values.join(" "))}`;
}

function described(text: string): string {
  return `-d ${quoted(text)}`;
}

/** Fish knows two escapes between single quotes. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

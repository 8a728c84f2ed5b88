/**
 * Completion for zsh.
 *
 * @module
 */

import { type Apps, pairsOf, shellQuoted, valuesOf } from "./completable.ts";
import {
  BUNDLED,
  optionMeaning,
  optionNames,
  optionPlaceholder,
} from "../src/options/help.ts";
import { isFlag, NAMED } from "../src/options/names.ts";
import type { Option } from "../src/options/table.ts";

/** A file `_pagi-server` for a folder of `$fpath`. */
export function zshCompletion(apps: Apps): string {
  const options = [...NAMED].flatMap(([name, option]) => specs(name, option));
  const named = BUNDLED.map(([name, text]) =>
    shellQuoted(`${escaped(name)}:${text}`)
  );
  const pairs = [...apps].map(([name, table]) =>
    `(${name}) pairs=(${pairsOf(table).map(shellQuoted).join(" ")}) ;;`
  );
  return `#compdef pagi-server
# Completion of pagi-server for zsh. Made by \`deno task docs\`.

local curcontext=$curcontext state
local -a line apps pairs open closed

_arguments -C -s \\
  ${options.join(" \\\n  ")} \\
  '1:app:->app' \\
  '*:option of the app:->pair' && return

case $state in
  (app)
    apps=(
      ${named.join("\n      ")}
    )
    _alternative 'apps:bundled app:(($apps))' 'files:app file:_files'
    ;;
  (pair)
    case $line[1] in
      ${pairs.join("\n      ")}
    esac
    if [[ $PREFIX == *=* && -z \${(M)pairs:#\${PREFIX}?*} ]]; then
      compset -P '*='
      _files
    else
      open=(\${(M)pairs:#*=})
      closed=(\${pairs:#*=})
      compadd -S '' -a open
      compadd -a closed
    fi
    ;;
esac
`;
}

/** One word for `_arguments` for each name of an option. */
function specs(name: string, option: Option): string[] {
  const names = optionNames(name, option);
  const meaning = `[${escaped(optionMeaning(option))}]`;
  const once = option.type.item === undefined
    ? names.length > 1 ? `(${names.join(" ")})` : ""
    : "*";
  return names.map((spelling) => {
    if (isFlag(option)) return shellQuoted(once + spelling + meaning);
    const joint = spelling.startsWith("--") ? "=" : "+";
    const value = `:${escaped(optionPlaceholder(option))}:${action(option)}`;
    return shellQuoted(once + spelling + joint + meaning + value);
  });
}

function action(option: Option): string {
  const values = valuesOf(option);
  if (values === "files") return "_files";
  return values === null ? " " : `(${values.join(" ")})`;
}

function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}

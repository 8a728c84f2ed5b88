/**
 * Completion for bash, from version 3.2 on.
 *
 * @module
 */

import { type Apps, pairsOf, shellQuoted, valuesOf } from "./completable.ts";
import { optionNames } from "../src/options/help.ts";
import { isFlag, NAMED } from "../src/options/names.ts";

/** A script to be sourced; files are bash's own default. */
export function bashCompletion(apps: Apps): string {
  const all = [...NAMED].map(([name, option]) =>
    [optionNames(name, option), option] as const
  );
  const taking = all.filter(([, option]) => !isFlag(option));
  const cases = (wanted: (words: ReturnType<typeof valuesOf>) => boolean) =>
    taking.filter(([, option]) => wanted(valuesOf(option)));
  const files = cases((words) => words === "files").flatMap(([names]) => names);
  const values = cases(Array.isArray).map(([names, option]) =>
    `${names.join("|")}) words=${list(valuesOf(option) as string[])} ;;`
  );
  const pairs = [...apps].map(([name, table]) =>
    `${name}) words=${list(pairsOf(table))} ;;`
  );
  return `# Completion of pagi-server for bash. Made by \`deno task docs\`.

_pagi_server() {
  local word='' option='' app='' words='' before='' typed='' glued='' i
  local -a line=()
  # Bash takes words apart at ":" and "=", which apps and pairs contain.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $glued || ( $i -gt 1 && $word == [:=]* ) ]]; then
      line[\${#line[@]} - 1]+=$word
    else
      line[\${#line[@]}]=$word
    fi
    glued=
    [[ $word == *[:=] && $word != *[!:=]* ]] && glued=1
  done
  for ((i = 1; i < \${#line[@]} - 1; i++)); do
    word=\${line[i]}
    if [[ -n $option ]]; then
      option=
    elif [[ ${
    list(taking.flatMap(([names]) => names), " ")
  } == *" $word "* ]]; then
      option=$word
    elif [[ $word != -* && -z $app ]]; then
      app=$word
    fi
  done
  typed=\${line[\${#line[@]} - 1]}
  if [[ -z $option && $typed == --*=* ]]; then
    option=\${typed%%=*}
    before=$option=
  fi
  COMPREPLY=()
  if [[ -n $option ]]; then
    case $option in
      ${files.join("|")}) return ;;
      ${values.join("\n      ")}
      *) compopt +o default 2>/dev/null; return ;;
    esac
  elif [[ $typed == -* ]]; then
    words=${list(all.flatMap(([names]) => names))}
  elif [[ -z $app ]]; then
    words=${list([...apps.keys()])}
  else
    case $app in
      ${pairs.join("\n      ")}
    esac
  fi
  # Readline has the part up to the last ":" or "=" already.
  word=\${COMP_WORDS[COMP_CWORD]}
  [[ -n $glued ]] && word=
  for i in $words; do
    [[ $before$i == "$typed"* ]] || continue
    i=$before$i
    COMPREPLY[\${#COMPREPLY[@]}]=\${i#"\${typed%"$word"}"}
  done
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]]; then
    compopt -o nospace 2>/dev/null
  fi
}

complete -o default -F _pagi_server pagi-server
`;
}

function list(words: readonly string[], around = ""): string {
  return shellQuoted(around + words.join(" ") + around);
}

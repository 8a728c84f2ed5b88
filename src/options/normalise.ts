/**
 * Command lines as people write them, brought into the one form that
 * `parseArgs` reads without guessing.
 *
 * @module
 */

import { isFlag, LONG_NAMES, NAMED } from "./names.ts";
import { dashed } from "./option.ts";
import { OptionError } from "./option_error.ts";
import { quote } from "./quote.ts";

/** What {@linkcode normalise} makes of a command line. */
export interface NormalArgs {
  /** `--name=value` and `--flag` with long names; unknown ones as written. */
  readonly options: readonly string[];
  readonly positionals: readonly string[];
  /** By long name, how each occurrence was written: `-p`, `--port`. */
  readonly spellings: ReadonlyMap<string, readonly string[]>;
}

/**
 * Splits clusters (`-qp8080`), attaches values (`--port 8080`), replaces
 * aliases and gathers positionals, which may stand between options until `--`.
 * A long name may have one dash (`-port`), as in Perl. Throws
 * {@linkcode OptionError} for a value missing or too many.
 */
export function normalise(args: readonly string[]): NormalArgs {
  const options: string[] = [];
  const positionals: string[] = [];
  const spellings = new Map<string, string[]>();
  const rest = [...args];

  const add = (spelling: string, name: string, attached?: string): void => {
    const option = NAMED.get(name)!;
    spellings.set(name, [...spellings.get(name) ?? [], spelling]);
    if (!isFlag(option)) {
      const value = attached ?? nextValue(rest, spelling, name);
      options.push(`--${name}=${value}`);
    } else if (attached === undefined) {
      options.push(`--${name}`);
    } else {
      throw new OptionError(`${spelling} takes no value: ${quote(attached)}`);
    }
  };

  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") {
      positionals.push(...rest.splice(0));
    } else if (!arg.startsWith("-") || arg === "-") {
      positionals.push(arg);
    } else {
      const [, dashes, spelling, attached] = /^(--?)([^=]*)(?:=(.*))?$/s.exec(
        arg,
      )!;
      const name = LONG_NAMES.get(spelling);
      if (name !== undefined && (dashes === "--" || spelling.length > 1)) {
        add(dashes + spelling, name, attached);
      } else if (dashes === "--") {
        options.push(arg);
      } else {
        splitCluster(arg.slice(1), add, options);
      }
    }
  }
  return { options, positionals, spellings };
}

/** Adds each option of `-qp8080`; what follows an unknown one is dropped. */
function splitCluster(
  cluster: string,
  add: (spelling: string, name: string, attached?: string) => void,
  options: string[],
): void {
  const [letter] = cluster;
  const name = LONG_NAMES.get(letter);
  if (name === undefined) {
    options.push(dashed(letter));
    return;
  }
  const rest = cluster.slice(letter.length);
  const hasValue = !isFlag(NAMED.get(name)!) || rest.startsWith("=");
  const attached = hasValue && rest !== "" ? rest.replace(/^=/, "") : undefined;
  add(dashed(letter), name, attached);
  if (!hasValue && rest !== "") splitCluster(rest, add, options);
}

/** Takes the value that follows; one with a dash is a negative number or "-". */
function nextValue(rest: string[], spelling: string, name: string): string {
  const next = rest.shift();
  if (next !== undefined && /^(?!-)|^-$|^-\d/.test(next)) return next;
  const { allowed } = NAMED.get(name)!.kind;
  const hint = next === undefined
    ? spelling === "-h" ? "; help is --help" : ""
    : `; if that is ${quote(next)}, write ${spelling}=${next}`;
  throw new OptionError(`${spelling} needs a value, ${allowed}${hint}`);
}

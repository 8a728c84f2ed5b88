/**
 * Command lines as people write them, brought into the one form that
 * `parseArgs` reads without guessing.
 *
 * @module
 */

import { isFlag, LONG_NAMES, NAMED } from "./names.ts";
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

const LONG = /^(--?)([^=]*)(?:=(.*))?$/s;

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
    if (!spellings.has(name)) spellings.set(name, []);
    spellings.get(name)!.push(spelling);
    if (!isFlag(NAMED.get(name)!)) {
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
      continue;
    }
    const [, dashes, spelling, attached] = LONG.exec(arg) ?? [];
    const name = LONG_NAMES.get(spelling);
    const negated = name === undefined ? onByDefault(spelling) : undefined;
    if (arg === "-" || !arg.startsWith("-")) {
      positionals.push(arg);
    } else if (name !== undefined) {
      add(dashes + spelling, name, attached);
    } else if (negated !== undefined && attached === undefined) {
      add(arg, negated);
      options.push(`--${negated}=false`);
    } else if (dashes === "--") {
      options.push(arg);
    } else {
      for (const [letter, attached] of splitCluster(arg.slice(1))) {
        const name = LONG_NAMES.get(letter);
        if (name === undefined) options.push(`-${letter}`);
        else add(`-${letter}`, name, attached);
      }
    }
  }
  return { options, positionals, spellings };
}

/** The name of the flag that `no-…` turns off. */
function onByDefault(spelling: string | undefined): string | undefined {
  const name = spelling?.replace(/^no-/, "");
  return name !== spelling && NAMED.get(name!)?.default === true
    ? name
    : undefined;
}

/** Splits `qp8080`: flags, and at the end an option with its value, if any. */
function splitCluster(cluster: string): [letter: string, attached?: string][] {
  const found: [string, string?][] = [];
  for (let rest = cluster; rest !== "";) {
    const [letter] = rest;
    rest = rest.slice(letter.length);
    const name = LONG_NAMES.get(letter);
    const mayCluster = name !== undefined && isFlag(NAMED.get(name)!);
    if (rest === "" || (mayCluster && !rest.startsWith("="))) {
      found.push([letter]);
    } else {
      found.push([letter, rest.replace(/^=/, "")]);
      break;
    }
  }
  return found;
}

/** Takes the value that follows; one with a dash is a negative number or "-". */
function nextValue(rest: string[], spelling: string, name: string): string {
  const next = rest.shift();
  if (next !== undefined && /^(?!-)|^-$|^-\d/.test(next)) return next;
  const { kind } = NAMED.get(name)!;
  const { allowed } = kind.item ?? kind;
  const hint = next !== undefined
    ? `; if ${quote(next)} is meant, attach it with "="`
    : spelling === "-h"
    ? "; help is --help"
    : "";
  throw new OptionError(`${spelling} needs a value, ${allowed}${hint}`);
}

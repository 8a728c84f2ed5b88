/**
 * The command line and the environment, read.
 *
 * @module
 */

import { parseArgs } from "../std/cli.ts";
import { probeTarget } from "./value_types.ts";
import type { ProbeTarget } from "./value_types.ts";
import { isFlag, KEYS, LONG_NAMES, NAMED } from "./names.ts";
import type { Action, Key } from "./names.ts";
import { dashed, environmentName, longName, OPTIONS } from "./table.ts";
import type { Option } from "./table.ts";
import {
  nearest,
  OptionError,
  quote,
  UnknownOptionError,
} from "./option_error.ts";
import { applyDefaults, check, excludedBy } from "./resolve_settings.ts";
import type { GivenValues } from "./resolve_settings.ts";
import type { ResolvedSettings } from "./settings.ts";

/** Something to be logged when the server starts. */
interface Notice {
  readonly level: "info" | "warn";
  readonly text: string;
}

/**
 * The notices for a `--loop` that was given, and for the variables by which
 * IO::Async and libev are told of a loop. The option overrides IO_ASYNC_LOOP.
 */
function loopNotices(
  loop: string | null,
  env: Readonly<Record<string, string>>,
): Notice[] {
  const notices: Notice[] = [];
  if (loop !== null) {
    const text = `event loop ${loop} was asked for; Deno has one, its own`;
    notices.push({ level: "info", text });
  }
  for (const name of ["IO_ASYNC_LOOP", "LIBEV_FLAGS"]) {
    const value = env[name] ?? "";
    if (value === "" || (name === "IO_ASYNC_LOOP" && loop !== null)) continue;
    const text = `${name}=${quote(value)} has no effect: ` +
      "Deno has one event loop, its own";
    notices.push({ level: "warn", text });
  }
  return notices;
}

/** What {@linkcode normalise} makes of a command line. */
interface NormalArgs {
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
function normalise(args: readonly string[]): NormalArgs {
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
  const { type } = NAMED.get(name)!;
  const { allowed } = type.item ?? type;
  const hint = next !== undefined
    ? `; if ${quote(next)} is meant, attach it with "="`
    : spelling === "-h"
    ? "; help is --help"
    : "";
  throw new OptionError(`${spelling} needs a value, ${allowed}${hint}`);
}

/** The variables of the environment. */
export type Environment = Readonly<Record<string, string>>;

/** What a command line and its environment ask for. */
export interface CommandLine {
  /** With defaults filled in. */
  readonly settings: ResolvedSettings;
  /** What the command line or the environment set. */
  readonly given: ReadonlySet<Key>;
  /** The app and its `key=value` pairs. */
  readonly positionals: readonly string[];
  /** For the log, once there is one. */
  readonly notices: readonly Notice[];
  readonly action: "run" | Action;
  /** True where the version is to come with all that belongs to it. */
  readonly verbose: boolean;
  /** What to probe; null unless that is the action. */
  readonly probe: ProbeTarget | null;
}

/**
 * Reads a command line. Options not on it are taken from `PAGI_…` variables,
 * unless what is on it excludes them; an empty variable counts as unset.
 * Throws {@linkcode OptionError}. A request for help, the version or
 * a probe is answered whatever the values of other options.
 */
export function parseCommandLine(
  args: readonly string[],
  env: Environment,
): CommandLine {
  const { options, positionals, spellings } = normalise(args);
  const names = [...NAMED.keys()];
  const parsed = parseArgs(options, {
    boolean: names.filter((name) => isFlag(NAMED.get(name)!)),
    string: names.filter((name) => !isFlag(NAMED.get(name)!)),
    collect: names.filter((name) => NAMED.get(name)!.type.item !== undefined),
    unknown: refuseUnknown,
  });
  for (const action of ["help", "version", "probe"] as const) {
    const value = parsed[action];
    if (value === undefined || value === false) continue;
    return {
      settings: applyDefaults(new Map(), longName),
      given: new Set(),
      positionals,
      notices: [],
      action,
      verbose: parsed.verbose === true,
      probe: action === "probe"
        ? check("--probe", () => probeTarget.coerce(value))
        : null,
    };
  }
  if (parsed.verbose === true) {
    throw new OptionError(
      "--verbose belongs to --version; how much the server logs is up to --log-level",
    );
  }
  const written = readWritten(parsed, spellings);
  const inherited = readEnvironment(env, written);
  const values = new Map([...written, ...inherited]);
  const settings = applyDefaults(
    values,
    (key) =>
      inherited.has(key)
        ? variable(key)
        : spellings.get(longName(key))?.at(-1) ?? dashed(longName(key)),
  );
  return {
    settings,
    given: new Set(values.keys()),
    positionals,
    notices: loopNotices(settings.loop, env),
    action: "run",
    verbose: false,
    probe: null,
  };
}

/** The values that were written on the command line. */
function readWritten(
  parsed: Readonly<Record<string, unknown>>,
  spellings: ReadonlyMap<string, readonly string[]>,
): GivenValues {
  const values = new Map<Key, unknown>();
  for (const key of KEYS) {
    const name = longName(key);
    const as = spellings.get(name);
    if (as === undefined) continue;
    const { type, commaSeparated }: Option = OPTIONS[key];
    const raw = parsed[name];
    const parse = (text: string): unknown =>
      commaSeparated ? type.parse(text) : [type.item!.parse(text)];
    const value = Array.isArray(raw)
      ? raw.flatMap((text, i) => check(as[i], () => parse(text)))
      : check(as.at(-1)!, () => type.coerce(raw));
    values.set(key, value);
  }
  return values;
}

/** The values that the environment adds to the `written` ones. */
function readEnvironment(env: Environment, written: GivenValues): GivenValues {
  const values = new Map<Key, unknown>();
  for (const key of KEYS) {
    const text = env[environmentName(key)] ?? "";
    if (text === "" || written.has(key) || excludedBy(written, key)) continue;
    const { type }: Option = OPTIONS[key];
    values.set(key, check(variable(key), () => type.parse(text)));
  }
  return values;
}

function variable(key: Key): string {
  return `environment variable ${environmentName(key)}`;
}

function refuseUnknown(arg: string): never {
  const written = arg.replace(/=.*/s, "");
  const known = [...LONG_NAMES.keys()].filter((name) => name.length > 1);
  const meant = nearest(written.slice(2), known);
  throw new UnknownOptionError(written, meant);
}

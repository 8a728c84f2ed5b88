/** The command line and the environment, read. */

import { parseArgs } from "../std/cli.ts";
import type { AskedRequest, HeaderField, ProbeTarget } from "./value_types.ts";
import {
  ACTIONS,
  isFlag,
  KEYS,
  LONG_NAMES,
  NAMED,
  needsSettings,
} from "./names.ts";
import type { Action, Key } from "./names.ts";
import { isPair, keyOf, REPEATABLE } from "./app_options.ts";
import type { ConfigFile } from "./config_file.ts";
import {
  coerceGiven,
  dashed,
  environmentName,
  longName,
  OPTIONS,
} from "./table.ts";
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
 * Notices that `--loop`, and the variables of IO::Async and libev for the choice
 * of an event loop, have no effect. The option overrides IO_ASYNC_LOOP.
 */
function loopNotices(
  loop: string | null,
  env: Readonly<Record<string, string>>,
): Notice[] {
  const notices: Notice[] = [];
  if (loop !== null) {
    const text = `loop ${loop} has no effect: Deno has its own event loop`;
    notices.push({ level: "info", text });
  }
  for (const name of ["IO_ASYNC_LOOP", "LIBEV_FLAGS"]) {
    const value = env[name] ?? "";
    if (value === "" || (name === "IO_ASYNC_LOOP" && loop !== null)) continue;
    const text = `${name}=${quote(value)} has no effect: ` +
      "Deno has its own event loop";
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
 * aliases and collects positionals, which may appear between options until `--`.
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
      refuseOptionAfterDashes(rest);
      positionals.push(...rest.splice(0));
      continue;
    }
    const [, dashes, spelling, attached] = LONG.exec(arg) ?? [];
    if (spelling === "help") {
      // `--help=port` and `--help --port` ask for help on the option.
      const topic = attached ?? (isOption(rest[0]) ? rest.shift() : undefined);
      if (topic !== undefined) positionals.unshift(topic);
      add("--help", "help");
      continue;
    }
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

/** npm requires "--" before options; here, and in Deno's tasks, it ends them. */
function refuseOptionAfterDashes(rest: readonly string[]): void {
  const option = rest.find((word) => isOption(word.replace(/=.*/s, "")));
  if (option === undefined) return;
  throw new OptionError(
    `${quote(option)} comes after "--", which ends the options; remove "--"`,
  );
}

/** True of the bare name of an option, with its dashes. */
function isOption(arg: string | undefined): boolean {
  return arg !== undefined && /^--?\w/.test(arg) &&
    LONG_NAMES.has(arg.replace(/^--?/, ""));
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
    ? `; to give ${quote(next)}, attach it with "="`
    : spelling === "-h"
    ? "; for help use --help"
    : "";
  throw new OptionError(`${spelling} needs a value, ${allowed}${hint}`);
}

/** The variables of the environment. */
export type Environment = Readonly<Record<string, string>>;

/** The arguments of the command line by themselves. */
export interface Arguments {
  /** What they set. */
  readonly values: GivenValues;
  /** How each option of `values` was written: `-p`. */
  readonly spellings: ReadonlyMap<Key, string>;
  /** The app and its `key=value` pairs. */
  readonly positionals: readonly string[];
  readonly action: "run" | Action;
  /** `--verbose`: print more with the version. */
  readonly verbose: boolean;
  /** What to probe; null unless that is the action. */
  readonly probe: ProbeTarget | null;
  /** The requests to explain, if that is the action. */
  readonly requests: readonly AskedRequest[];
  /** The header fields of these requests. */
  readonly fields: readonly HeaderField[];
}

/** What a command line, its environment and configuration file ask for. */
export interface CommandLine extends Omit<Arguments, "values" | "spellings"> {
  /** With defaults filled in. */
  readonly settings: ResolvedSettings;
  /** The origin, in words, of each setting that is not the default. */
  readonly sources: ReadonlyMap<Key, () => string>;
  /** For the log, once there is one. */
  readonly notices: readonly Notice[];
}

/**
 * Reads the arguments. A request for help, the version or a probe is answered
 * whatever the values of other options.
 *
 * @throws {OptionError}
 */
export function readArguments(args: readonly string[]): Arguments {
  const { options, positionals, spellings } = normalise(args);
  const names = [...NAMED.keys()];
  const parsed = parseArgs(options, {
    boolean: names.filter((name) => isFlag(NAMED.get(name)!)),
    string: names.filter((name) => !isFlag(NAMED.get(name)!)),
    collect: names.filter((name) => NAMED.get(name)!.type.item !== undefined),
    unknown: refuseUnknown,
  });
  const action = ACTIONS.find((name) => {
    const value = parsed[longName(name)];
    return spellings.has(longName(name)) && value !== false;
  }) ?? "run";
  const verbose = parsed.verbose === true;
  if (verbose && needsSettings(action)) {
    throw new OptionError(
      "--verbose only works with --version; to log more, use --log-level",
    );
  }
  const valueOf = (name: string): unknown => {
    const as = spellings.get(name)!;
    const raw = parsed[name];
    const read = (text: unknown, i: number): unknown =>
      check(as.at(i)!, () => coerceGiven(NAMED.get(name)!, text));
    return Array.isArray(raw) ? raw.flatMap(read) : read(raw, -1);
  };
  const listOf = (name: string) =>
    needsSettings(action) && spellings.has(name) ? valueOf(name) : [];
  const values = new Map<Key, unknown>();
  const written = new Map<Key, string>();
  for (const key of needsSettings(action) ? KEYS : []) {
    const as = spellings.get(longName(key));
    if (as === undefined) continue;
    values.set(key, valueOf(longName(key)));
    written.set(key, as.at(-1)!);
  }
  const fields = listOf("explain-header") as HeaderField[];
  if (fields.length > 0 && action !== "explain") {
    throw new OptionError("-H only works with --explain; for the host use -h");
  }
  return {
    values,
    spellings: written,
    positionals,
    action,
    verbose,
    probe: action === "probe" ? valueOf("probe") as ProbeTarget : null,
    requests: listOf("explain") as AskedRequest[],
    fields,
  };
}

/**
 * Merges the sources by precedence: the arguments, then `PAGI_…` variables (an
 * empty one is unset), then the configuration file, then the defaults. An option
 * that excludes another also hides it in sources of lower precedence.
 *
 * @throws {OptionError}
 */
export function resolveArguments(
  args: Arguments,
  env: Environment,
  config: ConfigFile | null,
): CommandLine {
  const { values: given, spellings, ...others } = args;
  const { action } = others;
  const values = new Map(given);
  const sources = new Map<Key, () => string>();
  for (const [key, spelling] of spellings) {
    sources.set(key, () => spelling);
  }
  /** Adds options of a lower precedence, unless `values` exclude them. */
  const add = (
    more: Iterable<readonly [Key, () => unknown]>,
    source: (key: Key) => string,
  ): void => {
    const added = [...more].filter(([key]) =>
      !values.has(key) && excludedBy(values, key) === undefined
    );
    for (const [key, read] of added) {
      values.set(key, read());
      sources.set(key, () => source(key));
    }
  };
  let { positionals } = others;
  if (needsSettings(action)) {
    add(environmentValues(env), variable);
    if (config !== null) {
      const replaced = values.has("app") || values.has("eval") ||
        positionals.length > 0 && !isPair(positionals[0]);
      if (!replaced) positionals = overriding(config.words, positionals);
      add(
        [...config.values]
          .filter(([key]) => key !== "app" || !replaced)
          .map(([key, value]) => [key, () => value]),
        (key) => config.label(key),
      );
      add([["config", () => config.path]], () => "in the current folder");
    }
  }
  const settings = applyDefaults(
    values,
    (key) => sources.get(key)?.() ?? dashed(longName(key)),
  );
  return {
    ...others,
    settings,
    sources,
    positionals,
    notices: loopNotices(settings.loop, env),
  };
}

/** The words of the file, without those that the command line replaces, and its own. */
function overriding(
  words: readonly string[],
  positionals: readonly string[],
): string[] {
  const keys = new Set(positionals.map(keyOf));
  const rest = words.filter((word) => {
    const key = keyOf(word)!;
    return REPEATABLE.has(key) || !keys.has(key);
  });
  return [...rest, ...positionals];
}

/** Reads a command line without a configuration file. @throws {OptionError} */
export function parseCommandLine(
  args: readonly string[],
  env: Environment,
): CommandLine {
  return resolveArguments(readArguments(args), env, null);
}

/** What the environment sets; an empty variable is unset. */
function environmentValues(
  env: Environment,
): [key: Key, read: () => unknown][] {
  return KEYS.flatMap((key) => {
    const text = env[environmentName(key)] ?? "";
    const read = () =>
      check(variable(key), () => OPTIONS[key].type.parse(text));
    return text === "" ? [] : [[key, read]];
  });
}

function variable(key: Key): string {
  return `environment variable ${environmentName(key)}`;
}

function refuseUnknown(arg: string): never {
  const written = arg.replace(/=.*/s, "");
  const name = written.replace(/^--?/, "");
  const known = [...LONG_NAMES.keys()].filter((name) => name.length > 1);
  const near = written.startsWith("--") ? nearest(name, known) : null;
  const meant = OTHER_NAMES.get(name) ?? (near && dashed(near));
  throw new UnknownOptionError(written, meant);
}

/** Names of options in other servers, and what they are here. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ["?", "--help"],
  ["V", "--version"],
  ["bind", "--listen"],
  ["cert", "--ssl-cert"],
  ["certfile", "--ssl-cert"],
  ["ssl-certfile", "--ssl-cert"],
  ["tls-cert", "--ssl-cert"],
  ["tls", "--ssl-cert and --ssl-key"],
  ["ssl", "--ssl-cert and --ssl-key"],
  ["https", "--ssl-cert and --ssl-key"],
  ["key", "--ssl-key"],
  ["keyfile", "--ssl-key"],
  ["ssl-keyfile", "--ssl-key"],
  ["tls-key", "--ssl-key"],
  ["d", "root=DIRECTORY"],
  ["dir", "root=DIRECTORY"],
  ["directory", "root=DIRECTORY"],
  ["root", "root=DIRECTORY"],
  ["uds", "--socket"],
  ["unix", "--socket"],
  ["public", "--host 0.0.0.0"],
  ["single", "spa=1, after PAGI::App::File"],
  ["gzip", "compress=1, which is the default of File and Directory"],
  ["timeout-graceful-shutdown", "--shutdown-timeout"],
  ["graceful-timeout", "--shutdown-timeout"],
  ["timeout-keep-alive", "--timeout"],
  ["limit-concurrency", "--max-connections"],
  ["worker", "--workers"],
  ["parallel", "--workers"],
  ["daemon", "--daemonize"],
  ["log", "--log-file"],
  ["debug", "--log-level debug"],
  ["prod", "--env production"],
  ["watch", "--reload"],
  ["threads", "--workers"],
  ["processes", "--workers"],
  ["behind-proxy", "--proxy-headers"],
  ["forwarded-allow-ips", "--trusted-proxies"],
]);

/**
 * The command line and the environment, read.
 *
 * @module
 */

import { parseArgs } from "../std/cli.ts";
import { check, excludedBy, settle } from "./resolve_settings.ts";
import type { GivenValues } from "./resolve_settings.ts";
import { isFlag, KEYS, LONG_NAMES, NAMED } from "./names.ts";
import type { Action, Key } from "./names.ts";
import { nearest } from "./nearest.ts";
import { normalise } from "./normalise.ts";
import { loopNotices } from "./loop_notices.ts";
import type { Notice } from "./loop_notices.ts";
import { dashed, environmentName, longName } from "./option.ts";
import type { Option } from "./option.ts";
import { OptionError, UnknownOptionError } from "./option_error.ts";
import { probeTarget } from "./probe_target.ts";
import type { ProbeTarget } from "./probe_target.ts";
import type { ResolvedSettings } from "./settings.ts";
import { OPTIONS } from "./table.ts";

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
    collect: names.filter((name) => NAMED.get(name)!.kind.item !== undefined),
    unknown: refuseUnknown,
  });
  for (const action of ["help", "version", "probe"] as const) {
    const value = parsed[action];
    if (value === undefined || value === false) continue;
    return {
      settings: settle(new Map(), longName),
      given: new Set(),
      positionals,
      notices: [],
      action,
      verbose: parsed.verbose === true,
      probe: action === "probe"
        ? check("--probe", () => probeTarget.accept(value))
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
  const settings = settle(
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
    const { kind, commas }: Option = OPTIONS[key];
    const raw = parsed[name];
    const parse = (text: string): unknown =>
      commas ? kind.parse(text) : [kind.item!.parse(text)];
    const value = Array.isArray(raw)
      ? raw.flatMap((text, i) => check(as[i], () => parse(text)))
      : check(as.at(-1)!, () => kind.accept(raw));
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
    const { kind }: Option = OPTIONS[key];
    values.set(key, check(variable(key), () => kind.parse(text)));
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

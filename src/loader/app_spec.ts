/** What the command line says the app is (PAGI.md 7). */

import {
  isPair,
  keyOf,
  REPEATABLE,
  SPECIFIER,
} from "../options/app_options.ts";
import { OptionError, quote, shellWord } from "../options/option_error.ts";
import { basename, dirname } from "../std/path.ts";

/** `key=value` arguments, as written. */
export type Pairs = Readonly<Record<string, string>>;

/** Where a module comes from. */
export type ModuleTarget =
  /** What `import` takes: `npm:x`, `https://…`. */
  | { readonly kind: "specifier"; readonly name: string }
  /** A path on disk, relative to the current directory. */
  | { readonly kind: "file"; readonly name: string }
  /** `My::App`, bundled or below a path of `-I`. Not checked yet. */
  | { readonly kind: "module"; readonly name: string };

/** An app and the options for its constructor. */
export interface AppSpec {
  readonly target: ModuleTarget;
  readonly pairs: Pairs;
  /** Arguments that are not `key=value`. */
  readonly words: readonly string[];
  /** The file that was named where its folder is served; else null. */
  readonly page: string | null;
}

/** What a path names on this machine; null when there is nothing. */
export type PathKind = "code" | "data" | "directory" | null;

/** Looks a path up. */
export type Look = (path: string) => PathKind;

const FILE = /\/|\.(?:pl|psgi|[cm]?[jt]s|[jt]sx)$/;
const DEFAULT_APP = "PAGI::App::Directory";

/**
 * Reads the positional arguments. With `app` (of `--app`) all of them are the
 * app's. A directory as the app is served, and so is the directory of a file
 * that is not code.
 *
 * @throws {OptionError} When the app is a port or the address of a server, or an
 * option is given twice.
 */
export function parseAppSpec(
  positionals: readonly string[],
  app: string | null,
  look: Look,
): AppSpec {
  if (app !== null) return named(app, positionals, look);
  const [first, ...rest] = positionals;
  if (first === undefined || (isPair(first) && !isPath(first, look))) {
    refuseAppBehind(first, rest);
    return directory(null, positionals, null);
  }
  return named(first, rest, look);
}

/** Refuses an app that comes after its own option. */
function refuseAppBehind(pair: string | undefined, rest: readonly string[]) {
  const app = rest.find((word) =>
    !isPair(word) && (word.includes("::") || /\.[cm]?[jt]sx?$/.test(word))
  );
  if (app === undefined) return;
  throw new OptionError(
    `the app comes before its options: pagi-server ${shellWord(app)} ${
      shellWord(pair!)
    }`,
  );
}

/** True of an existing path with "=" in it: code, or with a "/" before that. */
function isPath(word: string, look: Look): boolean {
  return /^[^=]*\/|\.[cm]?[jt]sx?$/.test(word) && look(word) !== null;
}

function named(name: string, rest: readonly string[], look: Look): AppSpec {
  const target = parseTarget(name, look);
  const path = target.kind !== "specifier" && !name.includes("::");
  const kind = path ? look(name) : null;
  if (kind === "directory") return directory(name, rest, null);
  if (kind === "data" && !isHidden(name) && !/\.json$/i.test(name)) {
    return directory(dirname(name), rest, basename(name));
  }
  if (kind === null) {
    refuseAddress(name);
    const whole = [name, ...rest].join(" ");
    if (rest.length > 0 && look(whole) !== null) {
      throw new OptionError(
        `a name with spaces needs quotes: pagi-server ${shellWord(whole)}`,
      );
    }
  }
  return { target, ...parsePairs(rest), page: null };
}

/** A directory does not serve hidden files, so none can be opened. */
function isHidden(path: string): boolean {
  return basename(path).startsWith(".");
}

function directory(
  root: string | null,
  rest: readonly string[],
  page: string | null,
): AppSpec {
  const { pairs, words } = parsePairs(
    [...root === null ? [] : [`root=${root}`], ...rest],
  );
  return {
    target: { kind: "module", name: DEFAULT_APP },
    pairs: { root: ".", ...pairs },
    words,
    page,
  };
}

/** A port number as somebody may give it without an option. */
const PORT = /^:?(\d{1,5})$/;

/** Says which option is meant where the app is a port, an address or a URL. */
function refuseAddress(name: string): void {
  const [, port] = PORT.exec(name) ?? [];
  const isAddress = /^(?:\*|[\w.-]+|\[[\da-f:.]+\]):\d{1,5}$/i.test(name);
  const isHost = /^(?:\d+(?:\.\d+){3}|localhost)$/.test(name);
  const what = port !== undefined
    ? `a port, not an app; to listen on it: pagi-server -p ${port}`
    : isHost
    ? `an address, not an app; to listen on it: pagi-server --host ${name}`
    : isAddress
    ? `an address, not an app; to listen on it: pagi-server --listen ${
      name.replace("*", "0.0.0.0")
    }`
    : isServer(name)
    ? `the address of a server, not an app; to pass requests on to it: pagi-server PAGI::App::Proxy ${
      shellWord(`target=${name}`)
    }`
    : null;
  if (what !== null) throw new OptionError(`${quote(name)} is ${what}`);
}

/** True of a URL that most likely names a server rather than a module. */
function isServer(name: string): boolean {
  if (!/^https?:/i.test(name)) return false;
  const url = URL.parse(name);
  return url !== null && !/\.[cm]?[jt]sx?$/.test(url.pathname) &&
    (url.protocol === "http:" || url.pathname === "/");
}

/**
 * Reads an app that is part of another: `PAGI::App::File,root=public`. Only a
 * comma before `key=` divides, so that a list may be a value. A value in double quotes is JSON, in which
 * configuration files write whatever commas could divide.
 */
export function parsePart(
  part: string,
  look: Look,
): AppSpec {
  const [name, ...words] = part.split(NEXT_OPTION);
  const pairs = words.map((word) =>
    word.replace(/(?<=^[^=]*=)".*"$/s, unquoted)
  );
  const target = parseTarget(name, look);
  return target.kind === "file" && look(name) === "directory"
    ? directory(name, pairs, null)
    : { target, ...parsePairs(pairs), page: null };
}

/**
 * Names that are no words come with a quoted value. The commas of an Argon2
 * hash divide nothing.
 */
const NEXT_OPTION =
  /(?<!\$argon2\w+\$v=\d+\$m=\d+(?:,t=\d+)?),(?=[A-Za-z_]\w*=|(?:\d+|\/[^=,]*)=")/;

/** The text that JSON stands for, or else what was written. */
function unquoted(json: string): string {
  try {
    return String(JSON.parse(json));
  } catch {
    return json;
  }
}

/** Tells a specifier, a module name and a file apart, in the order of PAGI.md 7. */
export function parseTarget(name: string, look: Look): ModuleTarget {
  if (SPECIFIER.test(name)) return { kind: "specifier", name };
  if (name.includes("::")) return { kind: "module", name };
  if (FILE.test(name) || look(name) !== null) return { kind: "file", name };
  return { kind: "module", name };
}

/** The app as the banner names it, without passwords: `PAGI::App::Directory root=.`. */
export function describeApp(
  { target, pairs }: Pick<AppSpec, "target" | "pairs">,
): string {
  const options = Object.entries(pairs).map(([key, value]) =>
    `${plainOrQuoted(key)}=${
      key === "auth" ? "…" : plainOrQuoted(withoutPasswords(value))
    }`
  );
  return [plainOrQuoted(target.name), ...options].join(" ");
}

/** A part of an app, without the values of its `auth` and of all in it. */
function withoutPasswords(part: string): string {
  return part.split(NEXT_OPTION).map((option) =>
    option.replace(/(\bauth\\?"?=).*/s, "$1…")
  ).join(",");
}

function plainOrQuoted(word: string): string {
  return /^[\x21-\x7e]*$/.test(word) ? word : quote(word);
}

/**
 * The pairs of `spec` for an app whose word without `key=` is the value of
 * `option`. Throws {@linkcode OptionError} on a word that the app does not
 * take: without such an option, one that is given already, or a second word.
 */
export function allPairs(
  { pairs, words }: AppSpec,
  option: string | null,
): Pairs {
  const free = option !== null && !Object.hasOwn(pairs, option);
  const wrong = words[free ? 1 : 0];
  if (wrong !== undefined) {
    const [, port] = PORT.exec(wrong) ?? [];
    throw new OptionError(
      `${quote(wrong)} is not an option of the app: ${
        port === undefined ? "write key=value" : `for the port write -p ${port}`
      }`,
    );
  }
  return words.length === 0 ? pairs : { [option!]: words[0], ...pairs };
}

/** @throws {OptionError} When an option is given twice that has one value. */
function parsePairs(args: readonly string[]): Pick<AppSpec, "pairs" | "words"> {
  const pairs: Record<string, string> = {};
  const words: string[] = [];
  for (const arg of args) {
    const key = keyOf(arg);
    if (key === null) {
      words.push(arg);
      continue;
    }
    const value = arg.slice(key.length + 1);
    if (!Object.hasOwn(pairs, key)) pairs[key] = value;
    else if (REPEATABLE.has(key)) pairs[key] += `\n${value}`;
    else {
      throw new OptionError(
        `${quote(key)} is given twice: ${quote(pairs[key])} and ${
          quote(value)
        }; keep one of them`,
      );
    }
  }
  return { pairs, words };
}

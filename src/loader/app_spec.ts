/**
 * What the command line says the app is (PAGI.md 7).
 *
 * @module
 */

import { isPair, SPECIFIER } from "../options/app_options.ts";
import { OptionError, quote } from "../options/option_error.ts";

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
}

const FILE = /\/|\.(?:pl|psgi|[cm]?[jt]s|[jt]sx)$/;
const DEFAULT_APP = "PAGI::App::Directory";

/**
 * Reads the positional arguments. With `app` (of `--app`) all of them are
 * the app's. `isFile` tells whether a bare word names an existing file.
 */
export function parseAppSpec(
  positionals: readonly string[],
  app: string | null,
  isFile: (path: string) => boolean,
): AppSpec {
  if (app !== null) {
    return { target: parseTarget(app, isFile), ...parsePairs(positionals) };
  }
  const [first, ...rest] = positionals;
  if (first === undefined || isPair(first)) {
    const { pairs, words } = parsePairs(positionals);
    return {
      target: { kind: "module", name: DEFAULT_APP },
      pairs: { root: ".", ...pairs },
      words,
    };
  }
  return { target: parseTarget(first, isFile), ...parsePairs(rest) };
}

/**
 * Reads an app that is part of another: `PAGI::App::File,root=public`. Only a
 * comma before `key=` divides, so that a list may be a value. A value in double quotes is JSON, in which
 * configuration files write whatever commas could divide.
 */
export function parsePart(
  named: string,
  isFile: (path: string) => boolean,
): AppSpec {
  const [name, ...words] = named.split(NEXT_OPTION);
  const pairs = words.map((word) =>
    word.replace(/(?<=^[^=]*=)".*"$/s, unquoted)
  );
  return { target: parseTarget(name, isFile), ...parsePairs(pairs) };
}

/** Names that are no words come with a quoted value. */
const NEXT_OPTION = /,(?=[A-Za-z_]\w*=|(?:\d+|\/[^=,]*)=")/;

/** The text that JSON stands for, or else what was written. */
function unquoted(json: string): string {
  try {
    return String(JSON.parse(json));
  } catch {
    return json;
  }
}

/** Tells a specifier, a module name and a file apart, in the order of PAGI.md 7. */
export function parseTarget(
  name: string,
  isFile: (path: string) => boolean,
): ModuleTarget {
  if (SPECIFIER.test(name)) return { kind: "specifier", name };
  if (name.includes("::")) return { kind: "module", name };
  if (FILE.test(name) || isFile(name)) return { kind: "file", name };
  return { kind: "module", name };
}

/** The app as the banner names it: `PAGI::App::Directory root=.`. */
export function describeApp(
  { target, pairs }: Pick<AppSpec, "target" | "pairs">,
): string {
  const options = Object.entries(pairs).map(([key, value]) =>
    `${plainOrQuoted(key)}=${plainOrQuoted(value)}`
  );
  return [plainOrQuoted(target.name), ...options].join(" ");
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
    throw new OptionError(
      `${quote(wrong)} is not an option of the app: write key=value`,
    );
  }
  return words.length === 0 ? pairs : { [option!]: words[0], ...pairs };
}

function parsePairs(args: readonly string[]): Pick<AppSpec, "pairs" | "words"> {
  const hasKey = (arg: string): boolean => arg.indexOf("=") > 0;
  const pairs = Object.fromEntries(
    args.filter(hasKey).map((arg) => {
      const equals = arg.indexOf("=");
      return [arg.slice(0, equals), arg.slice(equals + 1)];
    }),
  );
  return { pairs, words: args.filter((arg) => !hasKey(arg)) };
}

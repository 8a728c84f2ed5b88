/**
 * What the command line says the app is (PAGI.md 7).
 *
 * @module
 */

import { OptionError } from "../options/option_error.ts";
import { quote } from "../options/quote.ts";

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
}

const SPECIFIER = /^(?:jsr|npm|https?|file):/;
const FILE = /\/|\.(?:pl|psgi|m?[jt]s)$/;
const DEFAULT_APP = "PAGI::App::Directory";

/**
 * Reads the positional arguments. With `app` (of `--app`) all of them are
 * `key=value`. `isFile` tells whether a bare word names an existing file.
 * Throws {@linkcode OptionError} on an argument that is not `key=value`.
 */
export function parseAppSpec(
  positionals: readonly string[],
  app: string | null,
  isFile: (path: string) => boolean,
): AppSpec {
  if (app !== null) {
    return { target: parseTarget(app, isFile), pairs: parsePairs(positionals) };
  }
  const [first, ...rest] = positionals;
  if (first === undefined || (first.includes("=") && !SPECIFIER.test(first))) {
    return {
      target: { kind: "module", name: DEFAULT_APP },
      pairs: { root: ".", ...parsePairs(positionals) },
    };
  }
  return { target: parseTarget(first, isFile), pairs: parsePairs(rest) };
}

/**
 * Reads an app that is part of another: `PAGI::App::File,root=public`. Only a
 * comma before `key=` divides, so that a list may be a value.
 */
export function parsePart(
  named: string,
  isFile: (path: string) => boolean,
): AppSpec {
  const [name, ...pairs] = named.split(/,(?=[A-Za-z_]\w*=)/);
  return { target: parseTarget(name, isFile), pairs: parsePairs(pairs) };
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
export function describeApp({ target, pairs }: AppSpec): string {
  const options = Object.entries(pairs).map(([key, value]) =>
    `${plainOrQuoted(key)}=${plainOrQuoted(value)}`
  );
  return [plainOrQuoted(target.name), ...options].join(" ");
}

function plainOrQuoted(word: string): string {
  return /^[\x21-\x7e]*$/.test(word) ? word : quote(word);
}

function parsePairs(args: readonly string[]): Pairs {
  return Object.fromEntries(args.map((arg) => {
    const equals = arg.indexOf("=");
    if (equals < 1) {
      throw new OptionError(
        `${quote(arg)} is not an option of the app: write key=value`,
      );
    }
    return [arg.slice(0, equals), arg.slice(equals + 1)];
  }));
}

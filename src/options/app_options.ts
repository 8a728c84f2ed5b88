/**
 * The options of an app: `key=value` on the command line, an object in code.
 */

import { ValueError } from "./value_types.ts";
import type { ValueType } from "./value_types.ts";
import { columns, withDefault } from "./help.ts";
import { didYouMean, OptionError, quote } from "./option_error.ts";

/** One option of an app. */
export interface AppOption<T = unknown> {
  readonly type: ValueType<T>;
  /** The default; undefined or null when there is none. */
  readonly default: T | null | undefined;
  readonly help: string;
  /** Other names of the same option. */
  readonly aliases?: readonly string[];
  /** A word without `key=` is this option's value; at most one of an app. */
  readonly positional?: true;
}

/** All options of an app, by name. */
export type AppOptionTable = Readonly<Record<string, AppOption>>;

/** Options that may be given several times: newlines divide the one value. */
export const REPEATABLE: ReadonlySet<string> = new Set(["auth", "headers"]);

/** What {@linkcode readAppOptions} makes of a table. */
export type AppOptionValues<T extends AppOptionTable> = {
  -readonly [K in keyof T]:
    | (T[K]["type"] extends ValueType<infer V> ? V : never)
    | Extract<T[K]["default"], null | undefined>;
};

/** `showHidden` as `show_hidden`. */
type SnakeCase<S extends string> = S extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First
    : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : S;

/**
 * The table of an app whose options are an `O` in code: each of them by its
 * name on the command line, and no other. JSR requires the types of a package
 * written out ("no slow types"), so they cannot be made of the table; the
 * compiler compares both.
 */
export type TableFor<O> = {
  readonly [K in keyof O & string as SnakeCase<K>]-?: AppOption<
    Exclude<O[K], undefined>
  >;
};

/** The name of an option as code writes it, as `serve()` has them. */
function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

/**
 * Reads the options of the app called `appName`: strings as the command line
 * gives them, or values of the right type; names as the command line has them
 * (`show_hidden`) or code (`showHidden`). What is missing or undefined gets
 * its default. Throws {@linkcode OptionError} on an unknown key, on a wrong value,
 * and on an option that is given by two of its names.
 */
export function readAppOptions<const T extends AppOptionTable>(
  appName: string,
  table: T,
  given: object,
): AppOptionValues<T> {
  const realNames = new Map<string, string>();
  const values: Record<string, unknown> = {};
  const keys = new Map<string, string>();
  for (const [name, option] of Object.entries(table)) {
    for (const known of [name, ...option.aliases ?? []]) {
      realNames.set(known, name);
      realNames.set(camelCase(known), name);
    }
    values[name] = option.default;
  }
  for (const [key, value] of Object.entries(given)) {
    const name = realNames.get(key);
    if (name === undefined) {
      const hint = didYouMean(key, realNames.keys());
      throw new OptionError(`${appName} has no option ${quote(key)}${hint}`);
    }
    if (value === undefined) continue;
    const other = keys.get(name);
    if (other !== undefined) {
      throw new OptionError(
        `${appName}: ${quote(other)} and ${
          quote(key)
        } are the same option; keep one of them`,
      );
    }
    keys.set(name, key);
    try {
      values[name] = table[name].type.coerce(value);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new OptionError(`${appName}, option ${key}: ${error.message}`);
    }
  }
  return values as AppOptionValues<T>;
}

/** Specifiers that `import` takes, and that may contain "=". */
export const SPECIFIER = /^(?:jsr|npm|https?|file):/;

/** Whether a word is a `key=value`, not the name of an app. */
export function isPair(word: string): boolean {
  return word.includes("=") && !SPECIFIER.test(word);
}

/** The key of a `key=value`; null of any other word. */
export function keyOf(word: string): string | null {
  const equals = word.indexOf("=");
  return equals > 0 ? word.slice(0, equals) : null;
}

/** The name of the option that a word without `key=` sets, or null. */
export function positionalOption(table: AppOptionTable): string | null {
  const found = Object.entries(table).find(([, option]) => option.positional);
  return found?.[0] ?? null;
}

/** Each option of an app, how it is written, and what it means. */
export function appOptionRows(
  table: AppOptionTable,
): (readonly [term: string, text: string])[] {
  return Object.entries(table).map(([name, option]) => {
    const names = [name, ...option.aliases ?? []].join(", ");
    return [
      `${names}=${option.type.placeholder || "0|1"}`,
      withDefault(option.help, option.default),
    ] as const;
  });
}

/** The options of an app as `--help` shows those of the server. */
export function appHelp(
  appName: string,
  table: AppOptionTable,
  width?: number,
): string {
  return `${appName}\n${columns(appOptionRows(table), 28, width)}`;
}

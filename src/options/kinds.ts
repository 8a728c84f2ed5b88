/**
 * What kinds of values options have: one way to read and check them for the
 * command line, the environment, `key=value` pairs and code.
 *
 * @module
 */

import { quote } from "./quote.ts";

/** A value that a kind does not allow. The message says what is wrong with it. */
export class KindError extends Error {
  override name = "KindError";
}

/** One kind of value. */
export interface Kind<T> {
  /** Stands for the value in help texts, as in `NUM`; "" for a flag. */
  readonly placeholder: string;
  /** What is allowed, as it ends a sentence: `a whole number from 0 to 9`. */
  readonly allowed: string;
  /** All that is allowed, where that is a few words. */
  readonly words?: readonly string[];
  /** The kind of one item, when this is a list. */
  readonly item?: Kind<unknown>;
  /** Reads a value; throws {@linkcode KindError} when it is not allowed. */
  parse(text: string): T;
  /**
   * Checks a value given in code; a string is parsed. Throws
   * {@linkcode KindError} when it is not allowed.
   */
  accept(value: unknown): T;
}

/** What makes a kind; see {@linkcode defineKind}. */
export interface KindDefinition<T> {
  placeholder: string;
  allowed: string;
  words?: readonly string[];
  /** The value, or undefined when it is not allowed. */
  parse(text: string): T | undefined;
  /** Tells whether a value that is no string is of this kind. */
  is?(value: unknown): value is T;
}

/**
 * Makes a kind of its two questions. An app with a kind of its own uses this
 * too, for instance for a value that may be a text or a function.
 */
export function defineKind<T>(definition: KindDefinition<T>): Kind<T> {
  const { placeholder, allowed, words, is } = definition;
  const checked = (value: unknown, result: T | undefined): T => {
    if (result !== undefined) return result;
    throw new KindError(`${quote(value)} is not ${allowed}`);
  };
  const parse = (text: string): T => checked(text, definition.parse(text));
  return {
    placeholder,
    allowed,
    words,
    parse,
    accept: (value) =>
      typeof value === "string"
        ? parse(value)
        : checked(value, is?.(value) ? value : undefined),
  };
}

/** Any text without NUL. */
export const text: Kind<string> = defineKind({
  placeholder: "TEXT",
  allowed: "a text (NUL characters excluded)",
  parse: (given) => given.includes("\0") ? undefined : given,
});

const FLAGS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...["1", "true", "yes", "on", 1, true].map((word) => [word, true] as const),
  ...["0", "false", "no", "off", "", 0, false].map((word) =>
    [word, false] as const
  ),
]);

/** Yes or no; `"0"` and `""` are false (PAGI.md 7). In code also 0 and 1. */
export const flag: Kind<boolean> = {
  placeholder: "",
  allowed: "one of 1, true, yes, on, 0, false, no, off",
  parse: (given) => flag.accept(given),
  accept(value) {
    const known = typeof value === "string" ? value.toLowerCase() : value;
    const found = FLAGS.get(known);
    if (found !== undefined) return found;
    throw new KindError(`${quote(value)} is not ${flag.allowed}`);
  },
};

/** A whole number from `min` (0 or more; default 0) to `max`, in digits. */
export function integer(
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } =
    {},
): Kind<number> {
  const is = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= min &&
    (value as number) <= max;
  return defineKind({
    placeholder: "NUM",
    allowed: `a whole number from ${min} to ${max}`,
    parse(given) {
      const number = Number(given);
      return /^\d+$/.test(given) && is(number) ? number : undefined;
    },
    is,
  });
}

/** Timers count milliseconds in 31 bits; longer ones would fire at once. */
const MOST_SECONDS = 2_147_483;

/** A number of seconds, 0 to about 24 days; fractions are allowed. */
export const seconds: Kind<number> = defineKind({
  placeholder: "SECS",
  allowed: `a number of seconds from 0 to ${MOST_SECONDS}`,
  parse(given) {
    const number = Number(given);
    return /^(\d+\.?\d*|\.\d+)$/.test(given) && number <= MOST_SECONDS
      ? number
      : undefined;
  },
  is: (value): value is number =>
    typeof value === "number" && value >= 0 && value <= MOST_SECONDS,
});

/** One of some words, in any case. */
export function choice<const W extends string>(
  words: readonly W[],
): Kind<W> {
  return defineKind({
    placeholder: words.join("|"),
    allowed: `one of ${words.join(", ")}`,
    words,
    parse: (given) =>
      words.find((word) => word.toLowerCase() === given.toLowerCase()),
  });
}

/** Several values of one kind: separated, or an array in code. */
export function list<T>(item: Kind<T>, separator = ","): Kind<T[]> {
  return {
    placeholder: `${item.placeholder},…`,
    allowed: `a list; each item must be ${item.allowed}`,
    item,
    parse: (given) =>
      given.split(separator).map((part) => part.trim()).filter((part) =>
        part !== ""
      )
        .map((part) => item.parse(part)),
    accept: (value) =>
      Array.isArray(value)
        ? value.map((part) => item.accept(part))
        : typeof value === "string"
        ? list(item, separator).parse(value)
        : [item.accept(value)],
  };
}

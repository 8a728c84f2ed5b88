/** Errors of options, and suggestions for mistyped names. */

/**
 * Characters that terminals and editors do not show: controls, line ends, and
 * those that reorder or hide text, such as U+202E. Unicode's categories Cc, Cf, Zl,
 * Zp, and Cs for halves of characters.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};
const LONGEST = 100;

/**
 * Shows a string in double quotes, cut after 100 characters and with control
 * characters escaped; other values by their type.
 */
export function quote(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? "a list" : "an object";
  }
  if (typeof value !== "string") return String(value);
  const cut = value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value;
  return JSON.stringify(cut).replace(
    UNSEEN,
    (found) =>
      found.split("").map((unit) =>
        `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
      ).join(""),
  );
}

/** The message of what was thrown, which need not be an error. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Text with its invisible characters escaped: `\x1b`, `\u202e`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0)!;
    const hex = code.toString(16);
    return SHORT_ESCAPES[character] ??
      (code < 0x100
        ? `\\x${hex.padStart(2, "0")}`
        : code < 0x10000
        ? `\\u${hex.padStart(4, "0")}`
        : `\\u{${hex}}`);
  });
}

/**
 * `text` as one word of a command for a POSIX shell: nothing in it is run when
 * the command is pasted.
 */
export function shellWord(text: string): string {
  return /^[\w./@%+:=,-]+$/.test(text)
    ? text
    : `'${visible(text).replaceAll("'", "'\\''")}'`;
}

/** As {@linkcode visible}, for text of several lines with tabs in them. */
export function visibleLines(text: string): string {
  return text.replace(/[^\n\t]+/g, visible);
}

/**
 * A wrong option, value or combination. The message is one line for its author,
 * without a stack trace. On the command line the exit code is 2.
 */
export class OptionError extends Error {
  override name = "OptionError";
}

/** An option that the server does not have. */
export class UnknownOptionError extends OptionError {
  /**
   * @param option as it was written, without a value: `--prot`
   * @param meant what is probably meant, as it is written: `--port`; or null
   */
  constructor(readonly option: string, meant: string | null) {
    const hint = meant === null ? "" : `; did you mean ${meant}?`;
    super(`unknown option ${quote(option)}${hint}`);
  }
}

/**
 * The one of `names` that `word` most likely means, or null: a name that begins
 * with it, else the one with the fewest typing errors (at most one for every
 * three characters, and one in any case).
 */
export function nearest(word: string, names: Iterable<string>): string | null {
  const known = [...names];
  const longer = known.find((name) =>
    word.length >= 3 && name.startsWith(word)
  );
  if (longer !== undefined) return longer;
  let best: string | null = null;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of known) {
    const errors = editDistance(word.toLowerCase(), name.toLowerCase());
    if (errors < least) [best, least] = [name, errors];
  }
  return best;
}

/** `; did you mean X?` for the end of a sentence, or nothing. */
export function didYouMean(word: string, names: Iterable<string>): string {
  const name = nearest(word, names);
  return name === null ? "" : `; did you mean ${name}?`;
}

/** Insertions, deletions, replacements and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const differs = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + differs);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
      }
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length];
}

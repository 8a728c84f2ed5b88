/**
 * Values of strangers, made fit for one line of a message.
 *
 * @module
 */

/**
 * What a terminal or an editor does not show as it is: controls, line ends, and
 * what reorders or hides text, such as U+202E. Unicode's categories Cc, Cf, Zl,
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
 * Shows `value` in double quotes, with control characters escaped and what is
 * over 100 characters cut off; a value that is no string as what it is.
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

/** Text that stays on its line and is seen as it is: `\x1b`, `\u202e`. */
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

/** As {@linkcode visible}, for text of several lines with tabs in them. */
export function visibleLines(text: string): string {
  return text.replace(/[^\n\t]+/g, visible);
}

/**
 * Values of strangers, made fit for one line of a message.
 *
 * @module
 */

// C1 controls, line and paragraph separators, and what reorders or hides text
// (Unicode's Cf): what JSON.stringify leaves as it is and a terminal may act upon.
const UNRULY = /[\x7f-\x9f\u2028\u2029]|\p{Cf}/gu;
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
    UNRULY,
    (found) =>
      found.split("").map((unit) =>
        `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
      ).join(""),
  );
}

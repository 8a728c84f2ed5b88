/**
 * The look of help texts: two columns, wrapped.
 *
 * @module
 */

/** Columns of a terminal that any help text fits in. */
export const WIDTH = 80;
const INDENT = "  ";

/** Breaks `text` into lines of at most `width` characters, between words. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/**
 * Lays `rows` out in two columns, the second starting after `tab` characters.
 * A term too long for its column stands on a line of its own.
 */
export function columns(
  rows: readonly (readonly [term: string, text: string])[],
  tab = 28,
): string {
  return rows.flatMap(([term, text]) => {
    const head = INDENT + term;
    const lines = wrap(text, WIDTH - tab).map((line) => " ".repeat(tab) + line);
    return head.length + 2 > tab
      ? [head, ...lines]
      : [head.padEnd(tab) + lines[0].trimStart(), ...lines.slice(1)];
  }).map((line) => `${line}\n`).join("");
}

/** `text (default: value)`; without the bracket where nothing is to be said. */
export function withDefault(text: string, value: unknown): string {
  const shown = Array.isArray(value)
    ? value.join(", ")
    : typeof value === "boolean"
    ? Number(value)
    : value;
  const tellable = typeof shown === "number" ||
    (typeof shown === "string" && shown !== "");
  return tellable ? `${text} (default: ${shown})` : text;
}

/** A paragraph, wrapped. */
export function paragraph(text: string): string {
  return wrap(text, WIDTH).map((line) => `${line}\n`).join("");
}

/**
 * The look of help texts: two columns, wrapped.
 *
 * @module
 */

/** Columns of a terminal that any help text fits in. */
export const WIDTH = 80;
const INDENT = "  ";
/** Where the second column starts. */
const TAB = 26;

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
 * Lays `rows` out in two columns. A term too long for its column stands on a
 * line of its own.
 */
export function columns(
  rows: readonly (readonly [term: string, text: string])[],
): string {
  return rows.flatMap(([term, text]) => {
    const head = INDENT + term;
    const lines = wrap(text, WIDTH - TAB).map((line) => " ".repeat(TAB) + line);
    return head.length + 2 > TAB
      ? [head, ...lines]
      : [head.padEnd(TAB) + lines[0].trimStart(), ...lines.slice(1)];
  }).map((line) => `${line}\n`).join("");
}

/** `text (default: value)`; without the bracket where nothing is to be said. */
export function withDefault(text: string, value: unknown): string {
  const shown = Array.isArray(value) ? value.join(", ") : value;
  switch (typeof shown) {
    case "boolean":
      return `${text} (default: ${shown ? "on" : "off"})`;
    case "number":
      return `${text} (default: ${shown})`;
    case "string":
      return shown === "" ? text : `${text} (default: ${shown})`;
    default:
      return text;
  }
}

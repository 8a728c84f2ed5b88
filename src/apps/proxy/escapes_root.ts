/** Paths that a target could read as leading above its root. */

/**
 * Whether any target could read `path` as leading above its root. Targets may
 * take `\` for `/`, decode twice, accept overlong UTF-8, normalize full-width
 * dots, drop a NUL, or cut off at `;` or NUL. The worst reading of each segment
 * counts, and a segment that can go up never counts as going down.
 */
export function escapesRoot(path: string): boolean {
  if (!CLIMBING.test(path)) return false;
  let depth = 0;
  for (const segment of path.split("/")) {
    let up = 0;
    let named = false;
    for (const part of decodeAll(segment).split(/[/\\]/)) {
      const name = nameIn(part);
      if (goesUp(part)) up++;
      else named ||= name !== "" && name !== ".";
    }
    depth += up > 0 ? -up : named ? 1 : 0;
    if (depth < 0) return true;
  }
  return false;
}

/** What it takes to go up: dots, or what some target may take for them. */
const CLIMBING = /\.\.|[^!-$&-~]/;

/** Ends a name for some targets: parameters, a C string, query, fragment. */
const END = /[;\0?#]/;
/** Dropped by URL parsers; Windows also drops final spaces. */
const DROPPED = /[\t\n\r]/g;

/** Whether `part` is `..` when it is cut off at a NUL, or NULs are dropped. */
function goesUp(part: string): boolean {
  return nameIn(part) === ".." ||
    part.includes("\0") && nameIn(part.replaceAll("\0", "")) === "..";
}

function nameIn(part: string): string {
  const end = part.search(END);
  return (end < 0 ? part : part.slice(0, end)).replace(DROPPED, "").trimEnd();
}

/**
 * Decodes all escapes of `segment`, nested ones and `%u002e` (old IIS) too, to
 * one code unit per character, overlong UTF-8 included. Takes linear time,
 * however deep the escapes are nested.
 */
function decodeAll(segment: string): string {
  if (!segment.includes("%")) return segment;
  const units: number[] = [];
  for (let i = 0; i < segment.length; i++) {
    units.push(segment.charCodeAt(i));
    while (endEscape(units) || endCharacter(units));
  }
  let text = "";
  for (const unit of units) text += String.fromCharCode(unit);
  return text.replace(LOOKALIKES, (unit) => LOOKALIKE.get(unit)!);
}

/** Characters that NFKC normalizes to dots and slashes. */
const LOOKALIKE: ReadonlyMap<string, string> = new Map([
  ["\uff0e", "."],
  ["\ufe52", "."],
  ["\u2024", "."],
  ["\u2025", ".."],
  ["\uff0f", "/"],
  ["\uff3c", "\\"],
  ["\ufe68", "\\"],
]);
const LOOKALIKES = /[\uff0e\ufe52\u2024\u2025\uff0f\uff3c\ufe68]/g;

/**
 * Decodes the character of up to six bytes that `units` end with (RFC 2279;
 * RFC 3629, section 10, on overlong ones); false where they end with none.
 */
function endCharacter(units: number[]): boolean {
  let start = units.length - 1;
  let value = 0;
  for (let shift = 0; shift < 30; shift += 6, start--) {
    if ((units[start] & ~0x3f) !== 0x80) break;
    value += (units[start] & 0x3f) << shift;
  }
  const count = units.length - start;
  // The first byte begins with as many one bits as the character has bytes.
  const mask = 0x7f >> count;
  const first = units[start];
  if (count < 2 || (first & ~mask) !== (0xff & ~mask << 1)) return false;
  value += (first & mask) << 6 * (count - 1);
  if (value > 0xffff) return false;
  units.length = start;
  units.push(value);
  return true;
}

/** Decodes the escape that `units` end with; false where they end with none. */
function endEscape(units: number[]): boolean {
  const { length } = units;
  const [start, digits] = units[length - 3] === PERCENT
    ? [length - 3, 2]
    : units[length - 6] === PERCENT && (units[length - 5] | 0x20) === SMALL_U
    ? [length - 6, 4]
    : [-1, 0];
  if (start < 0) return false;
  let value = 0;
  for (let i = length - digits; i < length; i++) {
    const digit = hexValue(units[i]);
    if (digit < 0) return false;
    value = value * 16 + digit;
  }
  units.length = start;
  units.push(value);
  return true;
}

const PERCENT = 0x25;
const SMALL_U = 0x75;

function hexValue(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  const small = unit | 0x20;
  return small >= 0x61 && small <= 0x66 ? small - 0x61 + 10 : -1;
}

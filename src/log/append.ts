/**
 * Parts of a line of a log, as bytes.
 *
 * Each function writes into `bytes` from `at` on, and returns where it ended.
 * An array takes nothing past its end, so that nobody has to ask for room
 * before each part: a result beyond the end tells how much was missing.
 *
 * @module
 */

const ZERO = 48;
const QUOTE = 34;
const BACKSLASH = 92;

/** Appends what is to stand there as it is. */
export function appendLiteral(
  bytes: Uint8Array,
  at: number,
  literal: Uint8Array,
): number {
  // `set` takes longer for the few bytes between two values.
  for (let i = 0; i < literal.length; i++) bytes[at++] = literal[i];
  return at;
}

/** The same for more bytes, of which a copy takes less than a loop. */
export function appendBytes(
  bytes: Uint8Array,
  at: number,
  more: Uint8Array,
): number {
  const end = at + more.length;
  if (end <= bytes.length) bytes.set(more, at);
  return end;
}

/**
 * Appends a value. What is no printable ASCII is escaped, and so are quotes
 * and backslashes, so that no client can forge lines or fields.
 *
 * @param json Whether as in JSON, `\uNNNN`; else units of a byte are `\xNN`.
 */
export function appendValue(
  bytes: Uint8Array,
  at: number,
  text: string,
  json = false,
): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) {
      at = appendEscaped(bytes, at, unit, json);
    } else bytes[at++] = unit;
  }
  return at;
}

/**
 * Appends an integer from 0.
 *
 * @param digits So many at least, with zeros before it.
 */
export function appendNumber(
  bytes: Uint8Array,
  at: number,
  value: number,
  digits = 1,
): number {
  const end = at + Math.max(digits, countDigits(value));
  for (let i = end - 1; i >= at; i--) {
    const rest = Math.floor(value / 10);
    bytes[i] = ZERO + (value - 10 * rest);
    value = rest;
  }
  return end;
}

function countDigits(value: number): number {
  if (value < 1000) return value < 10 ? 1 : value < 100 ? 2 : 3;
  return String(value).length;
}

function appendEscaped(
  bytes: Uint8Array,
  at: number,
  unit: number,
  json: boolean,
): number {
  const hex = unit.toString(16).toUpperCase();
  const text = json || unit > 0xff
    ? `\\u${hex.padStart(4, "0")}`
    : `\\x${hex.padStart(2, "0")}`;
  for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
  return at;
}

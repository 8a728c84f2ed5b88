/**
 * The line of a request for the person who develops an app: time of day,
 * method, path, status, duration, size; in colour on a terminal.
 */

import {
  type AccessRecord,
  appendBytes,
  appendLiteral,
  appendValue,
  type Transfer,
} from "./access_format.ts";
import { visible } from "../options/option_error.ts";
import type { LineFormat } from "./log_file.ts";

/** Parameters of `ESC [ … m` (ECMA-48, 8.3.117). */
const BOLD = 1;
const FAINT = 2;
const RED = 31;
const GREEN = 32;
const YELLOW = 33;
const MAGENTA = 35;
const CYAN = 36;
/** By the first digit of the status. */
const STATUS_COLOURS = [RED, MAGENTA, GREEN, CYAN, YELLOW, RED];

const ENCODER = new TextEncoder();

/** The format `dev`. */
export function developmentFormat(
  colours: boolean,
): LineFormat<AccessRecord> {
  const paint = (colour: number, text: string): string =>
    colours ? `\x1b[${colour}m${text}\x1b[0m` : text;
  return (record, bytes, at) => {
    const { method, rawPath, query, startedAt, durationMs, transfer } = record;
    const clock = timeOfDay(startedAt + durationMs);
    const before = `${paint(FAINT, clock)} ${paint(BOLD, method)} `;
    const after = transfer === undefined
      ? ` ${ended(record, paint)}`
      : ` ${paint(FAINT, progress(transfer))}`;
    at = appendLiteral(bytes, at, ENCODER.encode(before));
    at = appendValue(bytes, at, query === "" ? rawPath : `${rawPath}?${query}`);
    return appendBytes(bytes, at, ENCODER.encode(after));
  };
}

function ended(
  { status, durationMs, bodyBytes, user }: AccessRecord,
  paint: (colour: number, text: string) => string,
): string {
  const colour = STATUS_COLOURS[Math.floor((status ?? 0) / 100)];
  const who = user === undefined ? "" : ` ${visible(user)}`;
  const rest = `${duration(durationMs)} ${byteSize(bodyBytes)}${who}`;
  return `${paint(colour, String(status ?? "-"))} ${paint(FAINT, rest)}`;
}

function progress({ way, bytes, total, bytesPerSecond }: Transfer): string {
  const of = total === null || total === 0
    ? ""
    : ` of ${byteSize(total)} (${Math.floor(100 * bytes / total)}%)`;
  return `${way} ${byteSize(bytes)}${of}, ${byteSize(bytesPerSecond)}/s`;
}

/** `13:07:00`, as the clock on the wall has it. */
function timeOfDay(time: number): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
}

/** `0.4 ms`, `12 ms`, `3.4 s`, `2 min 5 s`. */
function duration(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const UNITS = ["kB", "MB", "GB", "TB"];

/** Bytes for people, in powers of 1000: `500 B`, `1.2 kB`, `10 MB`. */
export function byteSize(bytes: number): string {
  let value = Math.round(bytes);
  if (value < 1000) return `${value} B`;
  let unit = -1;
  // What would be rounded to 1000 is 1 of the next unit.
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${+value.toFixed(1)} ${UNITS[unit]}`;
}

/**
 * Formats of the access log, compiled to a function that appends one line of
 * bytes.
 */

import type { Span } from "../metrics/tracing.ts";
import { didYouMean, OptionError, quote } from "../options/option_error.ts";
import type { LineFormat } from "./log_file.ts";

const ZERO = 48;
const QUOTE = 34;
const BACKSLASH = 92;

/** Appends bytes as they are. */
export function appendLiteral(
  bytes: Uint8Array,
  at: number,
  literal: Uint8Array,
): number {
  // `set` takes longer for the few bytes between two values.
  for (let i = 0; i < literal.length; i++) bytes[at++] = literal[i];
  return at;
}

/** The same for more bytes, where a copy is faster than a loop. */
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
 * Appends a value. Characters other than printable ASCII, quotes and backslashes
 * are escaped, so that no client can forge lines or fields.
 *
 * @param json True for escapes `\uNNNN`; else those of a byte are `\xNN`.
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

/** Appends a whole number from 0, with zeros up to the given `digits`. */
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

/** What the access log contains about a request. */
export interface AccessRecord {
  /** The client's IP address, `unix`, or null when unknown. */
  readonly host: string | null;
  /** A token: the engine accepts nothing else. */
  readonly method: string;
  /** As sent, before the first "?". */
  readonly rawPath: string;
  /** As sent, after the first "?"; "" when missing. */
  readonly query: string;
  /** `1.1`, `2`. */
  readonly httpVersion: string;
  /** 101 for a WebSocket, null when no response was started. */
  readonly status: number | null;
  /** Bytes of the response body; 0 if the format does not use it. */
  readonly bodyBytes: number;
  /** When the request arrived, in milliseconds since 1970. */
  readonly startedAt: number;
  /** Milliseconds with a fraction. */
  readonly durationMs: number;
  /** Request fields, names in lower case; none if the format uses none. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of its trace; null where nothing is traced. */
  readonly span?: Span | null;
  /** Who has given a password; undefined where none was asked for. */
  readonly user?: string;
  /** Of a request that goes on: how far its body has come. */
  readonly transfer?: Transfer;
}

/** A body on its way, of a request or of its response. */
export interface Transfer {
  readonly way: "received" | "sent";
  readonly bytes: number;
  /** Bytes in all, where that was announced. */
  readonly total: number | null;
  readonly bytesPerSecond: number;
}

/** Appends the line of a request, without a line end. */
type AccessFormat = LineFormat<AccessRecord>;

/**
 * Compiles one atom to a function that appends the preceding literal and its
 * value, then calls the next. Direct calls let V8 inline the chain; a loop over
 * an array of functions stays megamorphic (bench/PROFILE.md).
 */
type Atom = (
  before: Uint8Array,
  next: AccessFormat,
  style: AtomStyle,
) => AccessFormat;

/** How an atom writes its value. */
interface AtomStyle {
  /** True for the escapes of JSON. */
  readonly json: boolean;
  /** Written for a missing value. */
  readonly none: "-" | "null";
  /** True for a text that JSON wants in quotes, where the format has none. */
  readonly quotes: boolean;
}

/** Appends a text in its style; null where it is missing. */
function appendText(
  bytes: Uint8Array,
  at: number,
  text: string | null,
  { json, none, quotes }: AtomStyle,
): number {
  if (text === null) return appendValue(bytes, at, none);
  if (!quotes) return appendValue(bytes, at, text, json);
  bytes[at++] = QUOTE;
  at = appendValue(bytes, at, text, json);
  bytes[at++] = QUOTE;
  return at;
}

const PRESETS: ReadonlyMap<string, string> = new Map([
  ["clf", '%h - %u [%t] "%m %U%q" %s %ds'],
  ["combined", '%h - %u [%t] "%r" %s %b "%{Referer}i" "%{User-Agent}i"'],
  ["common", '%h - %u [%t] "%r" %s %b'],
  ["tiny", "%m %U%q %s %Dms"],
  [
    "json",
    '{"time":%{rfc3339}t,"type":"access","client":%h,"user":%u,"method":%m,"path":%U,"url":"%U%q","protocol":%H,"status":%s,"bytes":%B,"duration_seconds":%d,"referer":%{Referer}i,"user_agent":%{User-Agent}i,"trace_id":%{trace_id}x,"span_id":%{span_id}x}',
  ],
]);

/** The preset that is no format of atoms (`development_format.ts`). */
export const DEVELOPMENT = "dev";
const PRESET_NAMES = [...PRESETS.keys(), DEVELOPMENT].sort();

/** The parts of `%r`. */
const REQUEST_LINE = ["%m", " ", "%U", "%q", " ", "%H"];

/** Atoms with the same value for each request. */
const CONSTANTS: ReadonlyMap<string, string> = new Map([
  ["%l", "-"],
  ["%%", "%"],
]);

const ATOMS: ReadonlyMap<string, Atom> = new Map<string, Atom>([
  ["%h", (before, next, style) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    at = appendText(bytes, at, record.host, style);
    return next(record, bytes, at);
  }],
  ["%u", (before, next, style) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    at = appendText(bytes, at, record.user ?? null, style);
    return next(record, bytes, at);
  }],
  ["%t", (before, next, { quotes }) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    if (quotes) bytes[at++] = QUOTE;
    at = appendBytes(bytes, at, time(record.startedAt));
    if (quotes) bytes[at++] = QUOTE;
    return next(record, bytes, at);
  }],
  ["%m", (before, next, style) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    at = appendText(bytes, at, record.method, style);
    return next(record, bytes, at);
  }],
  ["%U", (before, next, style) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    at = appendText(bytes, at, record.rawPath, style);
    return next(record, bytes, at);
  }],
  ["%q", (before, next, { json, quotes }) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    if (quotes) bytes[at++] = QUOTE;
    if (record.query !== "") {
      at = appendValue(bytes, at, "?");
      at = appendValue(bytes, at, record.query, json);
    }
    if (quotes) bytes[at++] = QUOTE;
    return next(record, bytes, at);
  }],
  ["%H", (before, next, style) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    at = appendText(bytes, at, `HTTP/${record.httpVersion}`, style);
    return next(record, bytes, at);
  }],
  ["%s", (before, next, { none }) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    at = record.status === null
      ? appendValue(bytes, at, none)
      : appendNumber(bytes, at, record.status);
    return next(record, bytes, at);
  }],
  ["%b", (before, next, { none }) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    at = record.bodyBytes === 0
      ? appendValue(bytes, at, none)
      : appendNumber(bytes, at, record.bodyBytes);
    return next(record, bytes, at);
  }],
  ["%B", (before, next) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    at = appendNumber(bytes, at, record.bodyBytes);
    return next(record, bytes, at);
  }],
  ["%d", (before, next) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    const ms = Math.round(record.durationMs);
    const seconds = Math.floor(ms / 1000);
    at = appendNumber(bytes, at, seconds);
    at = appendValue(bytes, at, ".");
    at = appendNumber(bytes, at, ms - 1000 * seconds, 3);
    return next(record, bytes, at);
  }],
  ["%{rfc3339}t", (before, next, style) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    const time = new Date(record.startedAt).toISOString();
    at = appendText(bytes, at, time, style);
    return next(record, bytes, at);
  }],
  ["%D", (before, next) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    at = appendNumber(bytes, at, Math.round(record.durationMs * 1000));
    return next(record, bytes, at);
  }],
  ["%T", (before, next) => (record, bytes, at) => {
    at = appendLiteral(bytes, at, before);
    at = appendNumber(bytes, at, Math.floor(record.durationMs / 1000));
    return next(record, bytes, at);
  }],
]);

/**
 * Compiles a preset of atoms (clf, combined, common, json, tiny) or a format of them.
 * In a format that looks like JSON, values have JSON escapes, texts outside of
 * quotes get them, and missing values are null, or "-" between quotes.
 *
 * @throws {OptionError} When the format has an unknown atom, or no atom.
 */
export function compileAccessFormat(format: string): AccessFormat {
  const atoms: [atom: Atom, style: AtomStyle][] = [];
  // The literals before each atom and after the last.
  const between = [""];
  const whole = PRESETS.get(format) ?? format;
  const json = /^\s*[{[].*[}\]]\s*$/s.test(whole);
  let quoted = false;
  const add = (part: string): void => {
    const bare = json && !quoted;
    if (part === "%r") {
      const parts = bare ? ['"', ...REQUEST_LINE, '"'] : REQUEST_LINE;
      return parts.forEach(add);
    }
    const none = bare ? "null" : "-";
    const constant = CONSTANTS.get(part);
    const text = !part.startsWith("%")
      ? part
      : constant === "-"
      ? none
      : constant;
    if (text === undefined) {
      atoms.push([atom(part), { json, none, quotes: bare }]);
      between.push("");
    } else {
      between[atoms.length] += text;
      for (const _ of text.matchAll(/(?<!\\)"/g)) quoted = !quoted;
    }
  };
  (whole.match(/%\{[^}]*\}?.?|%.?|[^%]+/gsu) ?? []).forEach(add);
  if (atoms.length === 0) throw noAtoms(format);
  const literals = between.map((text) => ENCODER.encode(text));
  const last = literals.pop()!;
  return atoms.reduceRight<AccessFormat>(
    (next, [atom, style], i) => atom(literals[i], next, style),
    (_, bytes, at) => appendLiteral(bytes, at, last),
  );
}

/** The error for an unknown preset, or a format without atoms. */
function noAtoms(format: string): OptionError {
  return new OptionError(
    `--access-log-format ${quote(format)} is no preset (${
      PRESET_NAMES.join(", ")
    }) and has no atom such as %h, so that all lines would be the same${
      didYouMean(format, PRESET_NAMES)
    }`,
  );
}

/** Whether a format contains durations in microseconds. */
export function usesMicroseconds(format: string): boolean {
  return (PRESETS.get(format) ?? format).includes("%D");
}

/** Whether a format contains request fields. */
export function usesHeaders(format: string): boolean {
  return /%\{[^}]+\}i/.test(PRESETS.get(format) ?? format);
}

/** Whether a format contains the size of the response. */
export function usesBodyBytes(format: string): boolean {
  return /%b/i.test(PRESETS.get(format) ?? format);
}

function atom(part: string): Atom {
  const name = /^%\{([^}]+)\}i$/.exec(part)?.[1].toLowerCase();
  if (name !== undefined) {
    return (before, next, style) => (record, bytes, at) => {
      at = appendLiteral(bytes, at, before);
      const field = record.headers.find((field) => field[0] === name);
      at = appendText(bytes, at, field?.[1] ?? null, style);
      return next(record, bytes, at);
    };
  }
  const id = /^%\{(trace|span)_id\}x$/.exec(part)?.[1];
  if (id !== undefined) {
    return (before, next, style) => (record, bytes, at) => {
      at = appendLiteral(bytes, at, before);
      const context = record.span?.spanContext();
      const text = id === "trace" ? context?.traceId : context?.spanId;
      at = appendText(bytes, at, text ?? null, style);
      return next(record, bytes, at);
    };
  }
  const known = ATOMS.get(part);
  if (known !== undefined) return known;
  const atoms = [...ATOMS.keys(), ...CONSTANTS.keys()].join(" ");
  throw new OptionError(
    `--access-log-format has no atom ${quote(part)}; ` +
      `the atoms are ${atoms} %r %{Name}i %{trace_id}x %{span_id}x, the presets ${
        PRESET_NAMES.join(", ")
      }`,
  );
}

const ENCODER = new TextEncoder();
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
let lastSecond = NaN;
let lastTime = new Uint8Array();

/** `22/Nov/2026:13:07:00 +0000`; requests of one second share the bytes. */
function time(startedAt: number): Uint8Array {
  const second = Math.floor(startedAt / 1000);
  if (second === lastSecond) return lastTime;
  lastSecond = second;
  const [date, clock] = new Date(second * 1000).toISOString().split("T");
  const [year, month, day] = date.split("-");
  const text = `${day}/${MONTHS[Number(month) - 1]}/${year}:${
    clock.slice(0, 8)
  } +0000`;
  return lastTime = ENCODER.encode(text);
}

/**
 * The lines of the access log (PAGI.md 6).
 *
 * @module
 */

import { OptionError } from "../options/option_error.ts";
import { quote } from "../options/quote.ts";
import type { LineBuffer } from "./line_buffer.ts";

/** What can be said of a request that has ended. */
export interface AccessRecord {
  /** The client's IP address, `unix`, or null when unknown. */
  readonly host: string | null;
  /** A token, as the engine makes sure. */
  readonly method: string;
  /** As sent, before the first "?". */
  readonly rawPath: string;
  /** As sent, after the first "?"; "" when missing. */
  readonly query: string;
  /** `1.1`, `2`. */
  readonly httpVersion: string;
  /** 101 for a WebSocket, null when no response was started. */
  readonly status: number | null;
  /** Bytes of the response body; 0 where no line will tell. */
  readonly bodyBytes: number;
  /** When the request came, in milliseconds since 1970. */
  readonly startedAt: number;
  /** Milliseconds with a fraction. */
  readonly durationMs: number;
  /** The fields of the request, their names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Appends the line of a request, without a line end. */
export type AccessFormat = (record: AccessRecord, line: LineBuffer) => void;

/** Appends one value of a line. */
type Atom = AccessFormat;

const PRESETS: ReadonlyMap<string, string> = new Map([
  ["clf", '%h - - [%t] "%m %U%q" %s %ds'],
  ["combined", '%h - - [%t] "%r" %s %b "%{Referer}i" "%{User-Agent}i"'],
  ["common", '%h - - [%t] "%r" %s %b'],
  ["tiny", "%m %U%q %s %Dms"],
]);

/** What `%r` stands for. */
const REQUEST_LINE = ["%m", " ", "%U", "%q", " ", "%H"];

const ATOMS: ReadonlyMap<string, Atom> = new Map<string, Atom>([
  ["h", ({ host }, line) => line.value(host ?? "-")],
  ["l", (_, line) => line.value("-")],
  ["u", (_, line) => line.value("-")],
  ["t", ({ startedAt }, line) => line.literal(time(startedAt))],
  ["m", ({ method }, line) => line.value(method)],
  ["U", ({ rawPath }, line) => line.value(rawPath)],
  ["q", ({ query }, line) => {
    if (query !== "") line.value("?");
    line.value(query);
  }],
  ["H", ({ httpVersion }, line) => {
    line.value("HTTP/");
    line.value(httpVersion);
  }],
  ["s", ({ status }, line) => {
    if (status === null) line.value("-");
    else line.number(status);
  }],
  ["b", ({ bodyBytes }, line) => {
    if (bodyBytes === 0) line.value("-");
    else line.number(bodyBytes);
  }],
  ["B", ({ bodyBytes }, line) => line.number(bodyBytes)],
  ["d", ({ durationMs }, line) => {
    const ms = Math.round(durationMs);
    const seconds = Math.floor(ms / 1000);
    line.number(seconds);
    line.value(".");
    line.number(ms - 1000 * seconds, 3);
  }],
  ["D", ({ durationMs }, line) => line.number(Math.round(durationMs * 1000))],
  ["T", ({ durationMs }, line) => line.number(Math.floor(durationMs / 1000))],
  ["%", (_, line) => line.value("%")],
]);

/**
 * Compiles the name of a preset (clf, combined, common, tiny) or a format of
 * atoms.
 *
 * @throws {OptionError} When the format has an atom that does not exist.
 */
export function compileAccessFormat(format: string): AccessFormat {
  const atoms: Atom[] = [];
  // What stands before each atom, and after the last.
  const between = [""];
  const parts = (PRESETS.get(format) ?? format)
    .match(/%\{[^}]*\}?.?|%.?|[^%]+/gsu) ?? [];
  for (const part of parts.flatMap(expanded)) {
    if (part.startsWith("%")) {
      atoms.push(atom(part));
      between.push("");
    } else {
      between[atoms.length] = part;
    }
  }
  const literals = between.map((text) => ENCODER.encode(text));
  return (record, line) => {
    line.literal(literals[0]);
    for (let i = 0; i < atoms.length; i++) {
      atoms[i](record, line);
      line.literal(literals[i + 1]);
    }
  };
}

function expanded(part: string): string[] {
  return part === "%r" ? REQUEST_LINE : [part];
}

/** Tells whether lines of a format tell durations to the microsecond. */
export function tellsMicroseconds(format: string): boolean {
  return (PRESETS.get(format) ?? format).includes("%D");
}

/** Tells whether lines of a format tell the size of the response. */
export function tellsBytes(format: string): boolean {
  return /%b/i.test(PRESETS.get(format) ?? format);
}

function atom(part: string): Atom {
  const name = /^%\{([^}]+)\}i$/.exec(part)?.[1].toLowerCase();
  if (name !== undefined) {
    return ({ headers }, line) => {
      const field = headers.find((field) => field[0] === name);
      line.value(field === undefined ? "-" : field[1]);
    };
  }
  const known = ATOMS.get(part.slice(1));
  if (known !== undefined) return known;
  const atoms = [...ATOMS.keys()].map((key) => `%${key}`).join(" ");
  throw new OptionError(
    `--access-log-format has no atom ${quote(part)}; ` +
      `the atoms are ${atoms} %r %{Name}i, the presets ${
        [...PRESETS.keys()].join(", ")
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

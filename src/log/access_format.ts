/**
 * The lines of the access log (PAGI.md 6).
 *
 * @module
 */

import { OptionError } from "../options/option_error.ts";
import { quote } from "../options/quote.ts";

/**
 * What can be said of a request that has ended. A format reads only what it
 * prints, and each member once at most, so that they may be getters.
 */
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
  /** Bytes of the response body. */
  readonly bodyBytes: number;
  /** When the request came, in milliseconds since 1970. */
  readonly startedAt: number;
  /** Milliseconds with a fraction. */
  readonly durationMs: number;
  /** The value of a request header, by its name in lower case. */
  header(name: string): string | null;
}

/** Makes the line of a request, without a line end. */
export type AccessFormat = (record: AccessRecord) => string;

const PRESETS: ReadonlyMap<string, string> = new Map([
  ["clf", '%h - - [%t] "%m %U%q" %s %ds'],
  ["combined", '%h - - [%t] "%r" %s %b "%{Referer}i" "%{User-Agent}i"'],
  ["common", '%h - - [%t] "%r" %s %b'],
  ["tiny", "%m %U%q %s %Dms"],
]);

const ATOMS: ReadonlyMap<string, AccessFormat> = new Map<string, AccessFormat>([
  ["h", ({ host }) => host ?? "-"],
  ["l", () => "-"],
  ["u", () => "-"],
  ["t", ({ startedAt }) => time(startedAt)],
  ["r", (record) => `${record.method} ${target(record)} ${version(record)}`],
  ["m", ({ method }) => method],
  ["U", ({ rawPath }) => safe(rawPath)],
  ["q", ({ query }) => query === "" ? "" : `?${safe(query)}`],
  ["H", version],
  ["s", ({ status }) => `${status ?? "-"}`],
  ["b", ({ bodyBytes }) => `${bodyBytes || "-"}`],
  ["B", ({ bodyBytes }) => `${bodyBytes}`],
  ["d", ({ durationMs }) => seconds(durationMs)],
  ["D", ({ durationMs }) => `${Math.round(durationMs * 1000)}`],
  ["T", ({ durationMs }) => `${Math.floor(durationMs / 1000)}`],
  ["%", () => "%"],
]);

/**
 * Compiles the name of a preset (clf, combined, common, tiny) or a format of
 * atoms. Path, query and headers are escaped as `\xNN` where they are not
 * printable ASCII, and quotes and backslashes too, so that no client can forge
 * lines or fields.
 *
 * @throws {OptionError} When the format has an atom that does not exist.
 */
export function compileAccessFormat(format: string): AccessFormat {
  const atoms: AccessFormat[] = [];
  // What stands before each atom, and after the last.
  const between = [""];
  const parts = (PRESETS.get(format) ?? format)
    .match(/%\{[^}]*\}?.?|%.?|[^%]+/gsu) ?? [];
  for (const part of parts) {
    if (part.startsWith("%")) {
      atoms.push(atom(part));
      between.push("");
    } else {
      between[atoms.length] = part;
    }
  }
  return (record) => {
    let line = between[0];
    for (let i = 0; i < atoms.length; i++) {
      line += atoms[i](record) + between[i + 1];
    }
    return line;
  };
}

/** Tells whether lines of a format tell durations to the microsecond. */
export function tellsMicroseconds(format: string): boolean {
  return (PRESETS.get(format) ?? format).includes("%D");
}

function atom(part: string): AccessFormat {
  const name = /^%\{([^}]+)\}i$/.exec(part)?.[1].toLowerCase();
  if (name !== undefined) {
    return (record) => {
      const value = record.header(name);
      return value === null ? "-" : safe(value);
    };
  }
  const known = ATOMS.get(part.slice(1));
  if (known !== undefined) return known;
  const atoms = [...ATOMS.keys()].map((key) => `%${key}`).join(" ");
  throw new OptionError(
    `--access-log-format has no atom ${quote(part)}; ` +
      `the atoms are ${atoms} %{Name}i, the presets ${
        [...PRESETS.keys()].join(", ")
      }`,
  );
}

function target({ rawPath, query }: AccessRecord): string {
  return safe(query === "" ? rawPath : `${rawPath}?${query}`);
}

function version({ httpVersion }: AccessRecord): string {
  return `HTTP/${httpVersion}`;
}

const FRACTIONS = Array.from(
  { length: 1000 },
  (_, ms) => `.${`${ms}`.padStart(3, "0")}`,
);

/** With three decimals; `toFixed` takes five times as long. */
function seconds(durationMs: number): string {
  const ms = Math.round(durationMs);
  return Math.floor(ms / 1000) + FRACTIONS[ms % 1000];
}

const UNSAFE = /[^ !#-[\]-~]/;
const EVERY_UNSAFE = new RegExp(UNSAFE, "g");

function safe(text: string): string {
  return UNSAFE.test(text) ? text.replace(EVERY_UNSAFE, escaped) : text;
}

function escaped(unit: string): string {
  const hex = unit.charCodeAt(0).toString(16).toUpperCase();
  return hex.length > 2
    ? `\\u${hex.padStart(4, "0")}`
    : `\\x${hex.padStart(2, "0")}`;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
let lastSecond = NaN;
let lastTime = "";

/** `22/Nov/2026:13:07:00 +0000`; requests of one second share the string. */
function time(startedAt: number): string {
  const second = Math.floor(startedAt / 1000);
  if (second === lastSecond) return lastTime;
  lastSecond = second;
  const [date, clock] = new Date(second * 1000).toISOString().split("T");
  const [year, month, day] = date.split("-");
  lastTime = `${day}/${MONTHS[Number(month) - 1]}/${year}:${
    clock.slice(0, 8)
  } +0000`;
  return lastTime;
}

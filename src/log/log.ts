/** The server's log. */

import { getAnsiColorFormatter, getTextFormatter } from "@logtape/logtape";
import type {
  LogLevel as LogTapeLevel,
  TextFormatter,
  TextFormatterOptions,
} from "@logtape/logtape";
import { countLimit } from "../metrics/counters.ts";
import { quote, visible } from "../options/option_error.ts";
import { placeOfError, Repeats, shapeOf } from "./repeats.ts";
import { LogOutput, standardStream } from "./log_output.ts";
import { type SyncWriter, writeAllSync } from "./write_all_sync.ts";
import { withoutServerFrames } from "./stack_frames.ts";

/** From the least to the most severe. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** How to log. */
interface LogSettings {
  /** Messages below this level are dropped. */
  readonly level: LogLevel;
  /** The number of the worker whose messages these are. */
  readonly worker?: number;
  /** Text for people, the default, or an object per line for programs. */
  readonly format?: "text" | "json";
  /** The path of a file to log to; null and by default stderr. */
  readonly file?: string | null;
  /** Called with each message and its line end, instead of writing it. */
  readonly write?: (text: string) => void;
  /**
   * Log how often a message was repeated after ten seconds, even if nothing else
   * is logged then: for a program, which may start a timer.
   */
  readonly timed?: boolean;
}

/** A function per level; control characters in `text` are escaped. */
interface Log {
  /** Like `error`; a function is called only when debug messages are logged. */
  debug(text: string | (() => string), error?: unknown): void;
  info(text: string): void;
  /** @param kind As of `error`. */
  warn(text: string, kind?: string): void;
  /**
   * Prints the other lines, then the error's stack and causes, indented.
   *
   * @param kind What messages that differ in names alone have in common: of
   * many in a short time only the number is logged.
   */
  error(
    text: string | readonly string[],
    error?: unknown,
    kind?: string,
  ): void;
}

const RANKS: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
};
const CATEGORY = ["pagi"];
const FORMAT: TextFormatterOptions = {
  timestamp: "rfc3339",
  level: (level: LogTapeLevel) =>
    (level === "warning" ? "warn" : level).padEnd(5),
  format: ({ timestamp, level, message }) => `${timestamp} ${level} ${message}`,
};

const encoder = new TextEncoder();
let minRank = RANKS.info;
let worker: number | null = null;
let isJson = false;
let output: SyncWriter = Deno.stderr;
let write = writeOutput;
let format = formatter();
let repeats = newRepeats();

/**
 * Sets how this thread logs; by default, from info on to stderr.
 *
 * @throws {OptionError} When the file cannot be opened.
 */
export function configureLog(settings: LogSettings): void {
  flushRepeats();
  const before = output;
  const path = settings.file ?? null;
  const stream = path === null ? "stderr" : standardStream(path);
  output = stream === null
    ? new LogOutput("--log-file", path!)
    : stream === "stdout"
    ? Deno.stdout
    : Deno.stderr;
  if (before instanceof LogOutput) before.close();
  minRank = RANKS[settings.level];
  worker = settings.worker ?? null;
  isJson = settings.format === "json";
  write = settings.write ?? writeOutput;
  format = formatter();
  repeats = newRepeats(settings.timed);
}

/** Logs now how many repeated messages were left out. */
export function flushRepeats(): void {
  repeats.settle(true);
}

// Ends of a worker fire no event: see worker_main.ts.
globalThis.addEventListener("unload", flushRepeats);

function newRepeats(timed = false): Repeats {
  return new Repeats(
    (level, text) => print(level, [text], undefined),
    { timed },
  );
}

/** Whether messages go to a file rather than to a standard stream. */
export function logsToFile(): boolean {
  return output instanceof LogOutput;
}

/** Opens the log file again if it was moved away. */
export function reopenLog(): void {
  if (!(output instanceof LogOutput)) return;
  const problem = output.reopen();
  if (problem === null) return;
  log.warn(
    `The log file ${
      quote(output.path)
    } cannot be reopened, so the old one stays in use: ${problem}.`,
  );
}

/** The log of the server itself. */
export const log: Log = {
  debug(text, error) {
    if (minRank > RANKS.debug) return;
    emit("debug", typeof text === "string" ? text : text(), error);
  },
  info: (text) => emit("info", text),
  warn: (text, kind) => emit("warn", text, undefined, kind),
  error: (text, error, kind) => emit("error", text, error, kind),
};

function emit(
  level: LogLevel,
  text: string | readonly string[],
  error?: unknown,
  kind?: string,
): void {
  if (RANKS[level] < minRank) return;
  const lines = typeof text === "string" ? [text] : text;
  if (level !== "debug") {
    const place = kind ?? placeOfError(error);
    const same = place ?? lines[0];
    const variant = kind === undefined && place !== null ? shapeOf(error) : "";
    const summary = (): string =>
      error === undefined ? lines[0] : `${lines[0]} ${linesOf(error)[0]}`;
    if (!repeats.admits(level, same, summary, { variant })) return;
  }
  print(level, lines, error);
}

function print(
  level: LogLevel,
  [first, ...more]: readonly string[],
  error: unknown,
): void {
  const timestamp = Date.now();
  const stack = error === undefined ? [] : linesOf(error);
  if (isJson) {
    const entry = {
      time: new Date(timestamp).toISOString(),
      type: "log",
      level,
      ...worker === null ? {} : { worker },
      message: first,
      ...more.length === 0 ? {} : { details: more },
      ...stack.length === 0 ? {} : { error: stack.join("\n") },
    };
    return write(`${toJson(entry)}\n`);
  }
  const prefix = worker === null ? "" : `Worker ${worker}: `;
  const message = visible(prefix + first);
  const line = format({
    category: CATEGORY,
    level: level === "warn" ? "warning" : level,
    message: [message],
    rawMessage: message,
    timestamp,
    properties: {},
  });
  const below = [...more, ...stack].map((text) => `    ${visible(text)}\n`);
  write(line + below.join(""));
}

/** In a line that drives no terminal, whatever a client sent. */
function toJson(entry: object): string {
  return JSON.stringify(entry).replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (character) =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function linesOf(error: unknown): string[] {
  try {
    const lines = Deno.inspect(error).split("\n");
    return minRank > RANKS.debug ? withoutServerFrames(lines) : lines;
  } catch {
    return ["An error that cannot be inspected."];
  }
}

function formatter(): TextFormatter {
  const colors = write === writeOutput && output === Deno.stderr &&
    Deno.stderr.isTerminal() && !Deno.noColor;
  return colors ? getAnsiColorFormatter(FORMAT) : getTextFormatter(FORMAT);
}

/** Falls back to stderr when the disk is full or stdout's reader has gone. */
function writeOutput(text: string): void {
  const bytes = encoder.encode(text);
  if (output instanceof LogOutput) output.follow();
  for (const to of new Set([output, Deno.stderr])) {
    try {
      return writeAllSync(to, bytes);
    } catch {
      // Nobody is left to tell when stderr fails, too.
    }
  }
}

/**
 * Logs that a limit was hit: the first time at once, then its number every ten
 * seconds. Counts it for metrics.
 *
 * @param kind Names the limit; nothing that a client can choose.
 * @param text Makes the message when it is logged.
 */
export function logLimit(
  level: "info" | "warn",
  kind: string,
  text: () => string,
): void {
  countLimit(kind);
  if (RANKS[level] < minRank) return;
  if (repeats.admits(level, kind, text, { most: 1 })) {
    print(level, [text()], undefined);
  }
}

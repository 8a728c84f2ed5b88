/**
 * The log of the server itself: one line per message on stderr, or in the file
 * of `--log-file`, at once.
 *
 * LogTape makes the lines. Its registry of loggers is left alone: that is
 * global to the process and can be configured once, which is for the app to
 * do. An app's own LogTape set-up and the server's log never meet.
 *
 * @module
 */

import { getAnsiColorFormatter, getTextFormatter } from "@logtape/logtape";
import type {
  LogLevel as LogTapeLevel,
  TextFormatter,
  TextFormatterOptions,
} from "@logtape/logtape";
import { visible } from "../options/quote.ts";
import { ServerLogFile, standardStream } from "./server_log_file.ts";
import { withoutServerFrames } from "./stack_frames.ts";
import { writeAllSync } from "./write_all_sync.ts";

/** From the most talkative to the gravest. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** How to log. */
export interface LogSettings {
  /** Messages below this level are dropped. */
  readonly level: LogLevel;
  /** Whose messages these are; stands before each. */
  readonly speaker?: string;
  /** The path of a file to log to; null and by default stderr. */
  readonly file?: string | null;
  /** Takes each message with its line end, instead of stderr. */
  readonly write?: (text: string) => void;
}

/** A function per level; control characters in `text` are escaped. */
export interface Log {
  /** As `error`; a function is only called when debug messages are wanted. */
  debug(text: string | (() => string), error?: unknown): void;
  info(text: string): void;
  warn(text: string): void;
  /**
   * The error's stack and causes are printed below the line, and so are the
   * lines of a list after its first.
   */
  error(text: string | readonly string[], error?: unknown): void;
}

const RANKS: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
};
const TAPE_LEVELS: Readonly<Record<LogLevel, LogTapeLevel>> = {
  debug: "debug",
  info: "info",
  warn: "warning",
  error: "error",
};
const CATEGORY = ["pagi"];
const FORMAT: TextFormatterOptions = {
  timestamp: "rfc3339",
  level: (level) => (level === "warning" ? "warn" : level).padEnd(5),
  format: ({ timestamp, level, message }) => `${timestamp} ${level} ${message}`,
};

const encoder = new TextEncoder();
let least = RANKS.info;
let speaker = "";
let file: ServerLogFile | null = null;
let write = writeStderr;
let format = formatter(write);

/**
 * Sets how this thread logs; without it, from info on to stderr.
 *
 * @throws {OptionError} When the file cannot be opened.
 */
export function configureLog(settings: LogSettings): void {
  const before = file;
  const path = settings.file ?? null;
  const stream = path === null ? "stderr" : standardStream(path);
  file = path === null || stream !== null ? null : new ServerLogFile(path);
  before?.close();
  least = RANKS[settings.level];
  speaker = settings.speaker === undefined ? "" : `${settings.speaker}: `;
  write = settings.write ??
    (file !== null
      ? writeFile
      : stream === "stdout"
      ? writeStdout
      : writeStderr);
  format = formatter(write);
}

/** Tells whether messages go to a file rather than to stderr. */
export function logsToFile(): boolean {
  return file !== null;
}

/** Opens the log file anew, if there is one: it was moved away. */
export function reopenLog(): void {
  const problem = file?.reopen() ?? null;
  if (problem !== null) log.warn(problem);
}

/** The log of the server itself. */
export const log: Log = {
  debug(text, error) {
    if (least > RANKS.debug) return;
    emit("debug", typeof text === "string" ? text : text(), error);
  },
  info: (text) => emit("info", text),
  warn: (text) => emit("warn", text),
  error: (text, error) => emit("error", text, error),
};

function emit(
  level: LogLevel,
  text: string | readonly string[],
  error?: unknown,
): void {
  if (RANKS[level] < least) return;
  const [first, ...more] = typeof text === "string" ? [text] : text;
  const message = visible(speaker + first);
  const line = format({
    category: CATEGORY,
    level: TAPE_LEVELS[level],
    message: [message],
    rawMessage: message,
    timestamp: Date.now(),
    properties: {},
  });
  if (error !== undefined) more.push(...linesOf(error));
  write(line + more.map((below) => `    ${visible(below)}\n`).join(""));
}

/** The error, in lines that are indented so that none passes for a message. */
function linesOf(error: unknown): string[] {
  try {
    const lines = Deno.inspect(error).split("\n");
    return least > RANKS.debug ? withoutServerFrames(lines) : lines;
  } catch {
    return ["An error that fails when it is looked at."];
  }
}

function formatter(write: (text: string) => void): TextFormatter {
  const colors = write === writeStderr && Deno.stderr.isTerminal() &&
    !Deno.noColor;
  return colors ? getAnsiColorFormatter(FORMAT) : getTextFormatter(FORMAT);
}

function writeStderr(text: string): void {
  try {
    writeAllSync(Deno.stderr, encoder.encode(text));
  } catch {
    // Nobody reads stderr any more, and there is nobody else to tell.
  }
}

function writeStdout(text: string): void {
  try {
    writeAllSync(Deno.stdout, encoder.encode(text));
  } catch {
    writeStderr(text); // nobody reads it any more
  }
}

function writeFile(text: string): void {
  try {
    file!.write(encoder.encode(text));
  } catch {
    writeStderr(text); // the disk is full
  }
}

/**
 * The log of the server itself: one line per message on stderr, at once.
 *
 * LogTape makes the lines. Its registry of loggers is left alone: that is
 * global to the process and can be configured once, which is for the app to
 * do. An app's own LogTape set-up and the server's log never meet.
 *
 * @module
 */

import {
  getAnsiColorFormatter,
  getTextFormatter,
  sanitizeControlSequences,
} from "@logtape/logtape";
import type {
  LogLevel as LogTapeLevel,
  TextFormatter,
  TextFormatterOptions,
} from "@logtape/logtape";
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
  /** Takes each message with its line end, instead of stderr. */
  readonly write?: (text: string) => void;
}

/** A function per level; control characters in `text` are escaped. */
export interface Log {
  /** As `error`; a function is only called when debug messages are wanted. */
  debug(text: string | (() => string), error?: unknown): void;
  info(text: string): void;
  warn(text: string): void;
  /** The error's stack and causes are printed below the line. */
  error(text: string, error?: unknown): void;
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
const ESCAPE_ALL = { sgr: "escape", newlines: "escape" } as const;
const FORMAT: TextFormatterOptions = {
  timestamp: "rfc3339",
  level: (level) => (level === "warning" ? "warn" : level).padEnd(5),
  format: ({ timestamp, level, message }) => `${timestamp} ${level} ${message}`,
  sanitize: ESCAPE_ALL,
};

const encoder = new TextEncoder();
let least = RANKS.info;
let speaker = "";
let write = writeStderr;
let format = formatter(write);

/** Sets how this thread logs; without it, from info on to stderr. */
export function configureLog(settings: LogSettings): void {
  least = RANKS[settings.level];
  speaker = settings.speaker === undefined ? "" : `${settings.speaker}: `;
  write = settings.write ?? writeStderr;
  format = formatter(write);
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

function emit(level: LogLevel, text: string, error?: unknown): void {
  if (RANKS[level] < least) return;
  const line = format({
    category: CATEGORY,
    level: TAPE_LEVELS[level],
    message: [speaker + text],
    rawMessage: speaker + text,
    timestamp: Date.now(),
    properties: {},
  });
  write(error === undefined ? line : line + details(error));
}

/** The error, each of its lines indented so that none passes for a message. */
function details(error: unknown): string {
  let text: string;
  try {
    text = Deno.inspect(error);
  } catch {
    text = "An error that fails when it is looked at.";
  }
  const lines = text.split("\n");
  const shown = least > RANKS.debug ? withoutServerFrames(lines) : lines;
  return shown
    .map((line) => `    ${sanitizeControlSequences(line, ESCAPE_ALL)}\n`)
    .join("");
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

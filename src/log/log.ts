/**
 * The server's log.
 *
 * @module
 */

import { getAnsiColorFormatter, getTextFormatter } from "@logtape/logtape";
import type {
  LogLevel as LogTapeLevel,
  TextFormatter,
  TextFormatterOptions,
} from "@logtape/logtape";
import { visible } from "../options/option_error.ts";
import { ServerLogFile, standardStream } from "./server_log_file.ts";
import { writeAllSync } from "./write_all_sync.ts";
import { withoutServerFrames } from "./stack_frames.ts";

/** From the most talkative to the gravest. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** How to log. */
interface LogSettings {
  /** Messages below this level are dropped. */
  readonly level: LogLevel;
  /** Whose messages these are; stands before each. */
  readonly prefix?: string;
  /** The path of a file to log to; null and by default stderr. */
  readonly file?: string | null;
  /** Takes each message with its line end, instead of stderr. */
  readonly write?: (text: string) => void;
}

/** A function per level; control characters in `text` are escaped. */
interface Log {
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
let prefix = "";
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
  prefix = settings.prefix === undefined ? "" : `${settings.prefix}: `;
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
  const message = visible(prefix + first);
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

/** Milliseconds in which one message of a kind is logged. */
const INTERVAL_MS = 10_000;

/**
 * Logs the first message of each kind at once, then at most one in ten
 * seconds, with the number of those that were left out: what tells which
 * limit was hit must not become a flood of its own.
 */
export class SeldomLog {
  /** By kind, of which there are as many as places in the code that log. */
  readonly #kinds = new Map<string, { next: number; left: number }>();
  readonly #now: () => number;

  /** @param now Milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /**
   * @param kind Names the limit; not anything that a peer chooses.
   * @param text Makes the message, where it is logged.
   */
  say(level: "info" | "warn", kind: string, text: () => string): void {
    const now = this.#now();
    const known = this.#kinds.get(kind);
    // The clock may have been set back.
    if (
      known !== undefined && now < known.next && now >= known.next - INTERVAL_MS
    ) {
      known.left++;
      return;
    }
    const left = known?.left ?? 0;
    this.#kinds.set(kind, { next: now + INTERVAL_MS, left: 0 });
    log[level](
      left === 0
        ? text()
        : `${text()} Since the last such message it happened ${left} times more.`,
    );
  }
}

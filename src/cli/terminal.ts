/** What the terminal and the shell get: text and exit codes. */

import { writeAllSync } from "../log/write_all_sync.ts";
import { shellWord, visibleLines } from "../options/option_error.ts";
import { fromFileUrl, relative } from "../std/path.ts";

/** The exit codes, as `--help` lists them (PAGI.md 6). */
export const EXIT = {
  /** Success. */
  ok: 0,
  /** The app, an address or a file could not be used. */
  failure: 1,
  /** The command line is wrong. */
  usage: 2,
} as const;

/** A server that is not well; the message says in what way. */
export class ProbeError extends Error {
  override readonly name = "ProbeError";
}

const ENCODER = new TextEncoder();

/** Lines longer than this are hard to read, whatever the terminal. */
const MAX_COLUMNS = 120;
const MIN_COLUMNS = 40;

/** Characters in a line of the standard output; 80 if it is no terminal. */
export function outputWidth(): number {
  if (!Deno.stdout.isTerminal()) return 80;
  try {
    const { columns } = Deno.consoleSize();
    return Math.min(Math.max(columns, MIN_COLUMNS), MAX_COLUMNS);
  } catch {
    return 80;
  }
}

/** Writes the requested output to standard output. */
export function print(text: string): void {
  try {
    writeAllSync(Deno.stdout, ENCODER.encode(text));
  } catch (error) {
    // The reader of the pipe has seen enough.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/**
 * Writes everything else to standard error; failures are ignored. Control
 * characters are escaped: apps that cannot be loaded say what they like.
 */
export function printError(text: string): void {
  try {
    writeAllSync(Deno.stderr, ENCODER.encode(visibleLines(text)));
  } catch {
    // Standard error is closed; there is nowhere else to write.
  }
}

/**
 * The command that starts this program with the arguments `args` on another
 * port, to be pasted into a shell; null where the port is not up to --port.
 */
export function commandWithPort(
  args: readonly string[],
  port: number,
): string | null {
  const kept: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (/^--?listen(?:=|$)/.test(arg)) return null;
    if (/^(?:-p|--?port)$/.test(arg)) i++; // the value follows
    else if (!/^(?:-p\d|--?port=)/.test(arg)) kept.push(arg);
  }
  return [ownCommand(), "-p", port, ...kept.map(shellWord)].join(" ");
}

/** How this program is started: as an executable, a package or a file. */
function ownCommand(): string {
  if (Deno.build.standalone) return "pagi-server";
  if (/\/@pagi\/server\//.test(Deno.mainModule)) {
    return "deno run -A jsr:@pagi/server";
  }
  const path = fromFileUrl(Deno.mainModule);
  const near = relative(Deno.cwd(), path);
  return `deno run -A ${shellWord(near.startsWith("..") ? path : near)}`;
}

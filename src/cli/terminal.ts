/**
 * What the terminal and the shell get: text and exit codes.
 *
 * @module
 */

import { writeAllSync } from "../log/write_all_sync.ts";
import { visibleLines } from "../options/option_error.ts";

/** The exit codes, as `--help` lists them (PAGI.md 6). */
export const EXIT = {
  /** It did what it was asked to. */
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

/** Writes to the standard output: what was asked for. */
export function print(text: string): void {
  try {
    writeAllSync(Deno.stdout, ENCODER.encode(text));
  } catch (error) {
    // The reader of the pipe has seen enough.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/**
 * Writes to the standard error: everything else. Nobody need read it. Control
 * characters are escaped: apps that cannot be loaded say what they like.
 */
export function printError(text: string): void {
  try {
    writeAllSync(Deno.stderr, ENCODER.encode(visibleLines(text)));
  } catch {
    // There is nobody else to tell.
  }
}

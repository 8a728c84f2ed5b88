/**
 * Words for the person at the terminal.
 *
 * @module
 */

import { writeAllSync } from "../log/write_all_sync.ts";
import { visibleLines } from "../options/quote.ts";

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

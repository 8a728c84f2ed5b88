/**
 * Words for the person at the terminal.
 *
 * @module
 */

import { writeAllSync } from "../log/write_all_sync.ts";

const ENCODER = new TextEncoder();

/** Writes to the standard output: what was asked for. */
export function print(text: string): void {
  writeAllSync(Deno.stdout, ENCODER.encode(text));
}

/** Writes to the standard error: everything else. */
export function printError(text: string): void {
  writeAllSync(Deno.stderr, ENCODER.encode(text));
}

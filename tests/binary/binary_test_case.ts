/**
 * How the executable is tested: without anything that a clone would have.
 *
 * @module
 */

import type { ProgramOptions } from "../helpers/run_program.ts";
import { EXECUTABLE } from "./build.ts";

/**
 * Defines a test of the executable; `need` says what else the system must
 * offer.
 */
export function binaryTest(
  title: string,
  test: () => Promise<void>,
  need = true,
): void {
  const ignore = EXECUTABLE === null || !need;
  Deno.test(`the executable ${title}`, { ignore }, test);
}

/**
 * Starts the executable in a folder of its own with `files`. Its environment
 * has no PATH, so no Deno either, and a home that nobody can write to.
 */
export function alone(files: ProgramOptions["files"] = {}): ProgramOptions {
  return { executable: EXECUTABLE!, files, env: { HOME: "/proc" } };
}

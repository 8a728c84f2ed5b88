/** `--env-file`: environment variables from files. */

import { log } from "../log/log.ts";
import { OptionError, quote } from "../options/option_error.ts";
import { resolve } from "../std/path.ts";
import { takeVariable } from "../system/process_pipes.ts";

/** Environment variable that lists the names set from files, for successors. */
const VARIABLE = "PAGI_SERVER_FROM_FILES";

let files: readonly string[] = [];
/** The variables that files have set, and their values. */
const ours = new Map<string, string>();

/**
 * Sets the variables of the files for this process and its workers. Variables
 * that are set already stay, and the first file wins, as with Deno's own
 * `--env-file`.
 *
 * @returns The variables set from files.
 * @throws {OptionError} When a file cannot be read.
 */
export function useEnvFiles(
  paths: readonly string[],
): Readonly<Record<string, string>> {
  files = paths.map((path) => resolve(path));
  // A daemon or successor inherits them from the process that started it.
  for (const name of takeVariable(VARIABLE)?.split("\n") ?? []) {
    ours.set(name, Deno.env.get(name) ?? "");
  }
  setFromFiles();
  return Object.fromEntries(ours);
}

/** Reads the files again; logs an error where one cannot be read. */
export function rereadEnvFiles(): void {
  // The mode has been decided, and apps read it from there.
  ours.delete("PAGI_ENV");
  try {
    setFromFiles();
  } catch (error) {
    log.error("The variables of the environment stay as they are.", error);
  }
}

/** The variable with the names of those that came from files. */
export function namesFromFiles(): Readonly<Record<string, string>> {
  return ours.size === 0 ? {} : { [VARIABLE]: [...ours.keys()].join("\n") };
}

function setFromFiles(): void {
  const found = new Map<string, string>();
  for (const file of files) {
    for (const [name, value] of Object.entries(readVariables(file))) {
      if (!found.has(name)) found.set(name, value);
    }
  }
  for (const [name, value] of ours) {
    // Variables that the app has changed belong to it.
    if (Deno.env.get(name) !== value) ours.delete(name);
    else if (!found.has(name)) {
      Deno.env.delete(name);
      ours.delete(name);
    }
  }
  for (const [name, value] of found) {
    if (!ours.has(name) && Deno.env.get(name) !== undefined) continue;
    Deno.env.set(name, value);
    ours.set(name, value);
  }
}

/** @throws {OptionError} */
function readVariables(file: string): Record<string, string> {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    throw new OptionError(
      `--env-file: ${quote(file)} cannot be read. ${error}`,
    );
  }
  // An import would load it at each start (tests/layout_test.ts).
  const { parseEnv } = globalThis.process.getBuiltinModule("node:util");
  const variables = parseEnv(text.replace(/^\uFEFF/, ""));
  for (const [name, value = ""] of Object.entries(variables)) {
    if (value.includes("\0")) {
      throw new OptionError(
        `--env-file: ${
          quote(file)
        } has a NUL character in the value of ${name}.`,
      );
    }
  }
  return variables as Record<string, string>;
}

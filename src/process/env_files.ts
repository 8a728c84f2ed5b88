/**
 * Variables of the environment from the files of `--env-file`.
 *
 * @module
 */

import { log } from "../log/log.ts";
import { OptionError, quote } from "../options/option_error.ts";
import { resolve } from "../std/path.ts";
import { takeVariable } from "../system/process_pipes.ts";

/** Tells a process of ours which of its variables are from the files. */
const VARIABLE = "PAGI_SERVER_FROM_FILES";

let files: readonly string[] = [];
/** What the files have set, by name. */
const ours = new Map<string, string>();

/**
 * Sets what the files say, for this process and its workers. What is set
 * already stays, and of files that name one variable the first counts, as with
 * Deno's option of this name.
 *
 * @returns what was set
 * @throws {OptionError} When a file cannot be read.
 */
export function useEnvFiles(
  paths: readonly string[],
): Readonly<Record<string, string>> {
  files = paths.map((path) => resolve(path));
  // A daemon or a successor has them from the process that started it.
  for (const name of takeVariable(VARIABLE)?.split("\n") ?? []) {
    ours.set(name, Deno.env.get(name) ?? "");
  }
  setFromFiles();
  return Object.fromEntries(ours);
}

/** Takes the files as they are now; of one that cannot be read the log tells. */
export function rereadEnvFiles(): void {
  // The mode of a server is decided, and its app finds it there.
  ours.delete("PAGI_ENV");
  try {
    setFromFiles();
  } catch (error) {
    log.error("The variables of the environment stay as they are.", error);
  }
}

/** For a process that this one starts: which variables are not the user's. */
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
    // What the app has changed is its own.
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
  // Imported, it would be loaded at each start (see the test of the layout).
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

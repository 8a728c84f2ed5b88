/**
 * How to run this very program again.
 *
 * @module
 */

import { resolve } from "../std/path.ts";
import { SystemError } from "../system/system_error.ts";

/** A command that starts this program as it was started. */
export interface OwnCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** The folder that relative paths in `args` start from. */
  readonly folder: string;
}

/**
 * The command line of this process, flags of `deno run` included; null where
 * the system does not tell it. Ask for it at the start: an app may change the
 * folder, and an upgrade the program.
 */
export function knownCommand(): OwnCommand | null {
  const [name, ...args] = commandLine("self") ?? [];
  if (name === undefined) return null;
  const folder = Deno.cwd();
  // As it was written, not where its links lead: an upgrade may turn them.
  const command = name.includes("/") ? resolve(folder, name) : Deno.execPath();
  return { command, args, folder };
}

/** The same for what cannot do without. @throws {SystemError} */
export function ownCommand(): OwnCommand {
  const command = knownCommand();
  if (command !== null) return command;
  throw new SystemError(
    "This program cannot be started once more: the system does not tell how it was started (that takes Linux, /proc, and deno run -A).",
  );
}

/** The words that a process was started with; null where nobody tells. */
export function commandLine(process: number | "self"): string[] | null {
  try {
    return Deno.readTextFileSync(`/proc/${process}/cmdline`)
      .split("\0").slice(0, -1);
  } catch {
    return null;
  }
}

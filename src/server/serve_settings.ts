/**
 * What a server in code can be told.
 *
 * @module
 */

import { OptionError } from "../options/option_error.ts";
import type { Settings } from "../options/settings.ts";

/** The settings of the program around a server: processes, files of its app. */
export const PROGRAM_SETTINGS = [
  "lib",
  "app",
  "eval",
  "module",
  "env",
  "noDefaultMiddleware",
  "workers",
  "reuseport",
  "maxRequests",
  "heartbeatTimeout",
  "daemonize",
  "pid",
  "user",
  "group",
  "loop",
  "logFile",
  "quiet",
] as const;

/** Settings that mean something to the program only; code cannot give them. */
export type ProgramSetting = (typeof PROGRAM_SETTINGS)[number];

/**
 * Settings by their option's name in camelCase (`--max-body-size` is
 * `maxBodySize`), each with the default of the command line.
 */
export type ServeSettings = Partial<Omit<Settings, ProgramSetting>>;

/**
 * Refuses the program's settings; the others are checked where they are used.
 *
 * @throws {OptionError} When one is given.
 */
export function refuseProgramSettings(given: ServeSettings): void {
  for (const key of PROGRAM_SETTINGS) {
    if ((given as Partial<Settings>)[key] == null) continue;
    throw new OptionError(
      `setting ${key} is for the program pagi-server; a server in code is one server in this process`,
    );
  }
}

/**
 * Systems on which workers cannot share a port.
 *
 * @module
 */

import type { CommandLine } from "../options/command_line.ts";

/**
 * The command line as far as the system called `os` can follow it: other
 * kernels than Linux's do not spread connections over several listeners, so
 * there one process serves, and a notice says so.
 */
export function withoutSharing(
  line: CommandLine,
  os: typeof Deno.build.os = Deno.build.os,
): CommandLine {
  const { settings, notices } = line;
  if (os === "linux" || settings.workers <= 1) return line;
  const text =
    `--workers ${settings.workers}: workers share a port on Linux only; here a single process serves, without any.`;
  return {
    ...line,
    settings: { ...settings, workers: 1 },
    notices: [...notices, { level: "warn", text }],
  };
}

/**
 * `--daemonize`: the server in the background.
 *
 * @module
 */

import { SystemError } from "../system/system_error.ts";
import { isFirstProcess } from "./first_process.ts";
import { ownCommand } from "./own_command.ts";
import { startOwnProcess } from "./own_process.ts";
import { onSignals } from "./signals.ts";

/** The daemon ended before it served. */
export class DaemonError extends Error {
  override readonly name = "DaemonError";

  /** @param exitCode What the command is to end with. */
  constructor(message: string, readonly exitCode: number) {
    super(message);
  }
}

/**
 * Starts this program in the background; resolves once it serves. What it says
 * until then goes to this process's standard streams. A signal to this process
 * meanwhile (Ctrl-C) stops the daemon, a second one kills it.
 *
 * @throws {DaemonError} When it ends before it serves.
 * @throws {SystemError} On other systems than Linux, and as the first process of
 * a container.
 */
export async function startDaemon(): Promise<void> {
  if (isFirstProcess) {
    throw new SystemError(
      "--daemonize: a container ends with its first process, which cannot go into the background. Leave the option out.",
    );
  }
  const daemon = startOwnProcess("daemon", ownCommand());
  let interrupted = false;
  let starting = true;
  const remove = onSignals(["SIGINT", "SIGTERM", "SIGHUP"], () => {
    if (!starting) return;
    daemon.kill(interrupted ? "SIGKILL" : "SIGTERM");
    interrupted = true;
  });
  const ended = await daemon.outcome;
  starting = false;
  // One that has failed is told of: a signal that comes too late must not end
  // this process before.
  if (ended === null) return remove();
  const how = ended.signal === null
    ? `it ended with exit code ${ended.code}`
    : `it was ended by ${ended.signal}`;
  throw new DaemonError(
    `The daemon did not start: ${how} before it served.`,
    ended.signal === null ? ended.code || 1 : 1,
  );
}

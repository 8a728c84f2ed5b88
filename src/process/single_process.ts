/**
 * One server in one process, from start to stop.
 *
 * @module
 */

import { log } from "../log/log.ts";
import type { Server } from "../server/server.ts";
import { onSignals, type ServerSignal } from "./signals.ts";
import { surviveStrayErrors } from "./stray_errors.ts";

/**
 * Runs a server until it is told to stop: by TERM or INT, which wait for
 * running requests, or a second of them, which does not (PAGI.md 6).
 *
 * @param onStarted Called once the server accepts connections.
 * @throws {Error} When it cannot start; nothing stays bound.
 */
export async function runSingleProcess(
  server: Server,
  onStarted: () => void,
): Promise<void> {
  surviveStrayErrors();
  const stopped = Promise.withResolvers<void>();
  let stopping = false;
  const handle = (signal: ServerSignal): void => {
    switch (signal) {
      case "SIGTERM":
      case "SIGINT":
        log.info(
          stopping
            ? `${signal} again: stopping without waiting.`
            : `${signal}: stopping.`,
        );
        stopping = true;
        stopped.resolve(server.stop());
        return;
      case "SIGHUP":
        server.reopenLogs();
        log.warn(
          "SIGHUP: logs were reopened. A single process does not reload its app; restart it for that.",
        );
        return;
      default:
        log.debug(
          `${signal}: a single process has no workers to add or end.`,
        );
    }
  };
  const remove = onSignals(
    ["SIGTERM", "SIGINT", "SIGHUP", "SIGTTIN", "SIGTTOU"],
    handle,
  );
  try {
    // A stop does not wait for an app that is still starting.
    await Promise.race([server.start(), stopped.promise]);
    if (server.serving) onStarted();
    await stopped.promise;
  } finally {
    remove();
  }
}

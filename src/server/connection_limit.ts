/** How many connections may be open, and the log messages about it. */

import type { Guard } from "../guard/guard.ts";
import { log } from "../log/log.ts";
import type { Settings } from "../options/settings.ts";
import {
  descriptorLimit,
  raiseDescriptorLimit,
} from "../system/descriptor_budget.ts";

/** Descriptors reserved for files and everything else (PAGI::Server keeps 50). */
const SPARE_DESCRIPTORS = 50;
/** The limit if the system's limit of descriptors cannot be read [port]. */
const DEFAULT_CONNECTIONS = 1000;

/** Connections that may wait to be accepted; listen(2) caps it at somaxconn. */
const BACKLOG = 2048;

/**
 * How many connections may wait to be accepted at one listener. Where
 * descriptors are few it is a fraction of them, because the engine accepts all
 * waiting connections before the server can refuse a request on any of them.
 */
export function backlog({ listenerBacklog, workers }: Settings): number {
  if (listenerBacklog !== null) return listenerBacklog;
  const descriptors = descriptorLimit() ?? Infinity;
  const share = Math.floor(descriptors / 4 / Math.max(1, workers));
  return Math.min(BACKLOG, Math.max(16, share));
}

/**
 * How many connections one process may have, by its settings and its limit of
 * descriptors. The guard allows fewer when more than {@linkcode
 * SPARE_DESCRIPTORS} are in use by other things.
 */
export function connectionLimit(settings: Settings): number {
  const workers = Math.max(1, settings.workers);
  const descriptors = raiseDescriptorLimit();
  if (settings.maxConnections > 0) return settings.maxConnections * workers;
  return descriptors === null
    ? DEFAULT_CONNECTIONS * workers
    : Math.max(1, descriptors - SPARE_DESCRIPTORS);
}

/**
 * Logs how many connections are allowed, or which limits are not enforced. To be
 * called when everything that the server keeps open is open.
 *
 * @param limit Connections that the settings ask for, of all workers together.
 */
export function reportGuard(
  guard: Guard | null,
  limit: number,
  { maxConnections }: Settings,
): void {
  if (guard === null) {
    return log.warn(
      "Connections cannot be watched here (that needs Linux, /proc and the permission for FFI): --max-connections, and --timeout for idle connections, are not enforced.",
    );
  }
  guard.count();
  log.debug(`At most ${guard.limit} connections.`);
  if (maxConnections === 0 || guard.limit >= limit) return;
  log.warn(
    `--max-connections allows ${limit} connections in all, but the limit of open files (ulimit -n) has room for ${guard.limit}: no more are served. Raise that limit, or lower --max-connections.`,
  );
}

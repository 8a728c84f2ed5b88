/**
 * How many connections may be open, and the log messages about it.
 *
 * @module
 */

import type { Guard } from "../guard/guard.ts";
import { log } from "../log/log.ts";
import type { Settings } from "../options/settings.ts";
import {
  descriptorLimit,
  raiseDescriptorLimit,
} from "../system/descriptor_budget.ts";

/** Descriptors kept for files and the rest, as the user's document says. */
const SPARE_DESCRIPTORS = 50;
/** The limit where the system's is not readable [port]. */
const DEFAULT_CONNECTIONS = 1000;

/** Connections that may wait to be accepted: 900 at once cost nothing. */
const BACKLOG = 2048;

/**
 * How many connections may wait to be accepted at one listener: where
 * descriptors are few, no more than a fraction of them, because the engine
 * accepts what waits before any request on it can be refused.
 */
export function backlog({ listenerBacklog, workers }: Settings): number {
  if (listenerBacklog !== null) return listenerBacklog;
  const descriptors = descriptorLimit() ?? Infinity;
  const share = Math.floor(descriptors / 4 / Math.max(1, workers));
  return Math.min(BACKLOG, Math.max(16, share));
}

/**
 * How many connections one process may have, as its settings and limits say.
 * The guard serves fewer where more than the spare descriptors are open.
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
 * Says how many connections there may be, or what is not enforced. To be
 * called when all is open that a server needs.
 *
 * @param limit What the settings ask for, of all workers.
 */
export function reportGuard(
  guard: Guard | null,
  limit: number,
  { maxConnections }: Settings,
): void {
  if (guard === null) {
    return log.warn(
      "Connections cannot be watched here (it takes Linux, /proc and the permission for FFI): --max-connections, and --timeout for idle connections, are not enforced.",
    );
  }
  guard.count();
  log.debug(`At most ${guard.limit} connections.`);
  if (maxConnections === 0 || guard.limit >= limit) return;
  log.warn(
    `--max-connections allows ${limit} connections in all, but the limit of open files (ulimit -n) has room for ${guard.limit}: no more are served. Raise that limit, or lower --max-connections.`,
  );
}

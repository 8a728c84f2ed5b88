/**
 * What people are told of the connection guard.
 *
 * @module
 */

import type { Guard } from "../guard/guard.ts";
import { log } from "../log/log.ts";
import type { Settings } from "../options/settings.ts";

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

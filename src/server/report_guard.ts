/**
 * What people are told of the connection guard.
 *
 * @module
 */

import type { Guard } from "../guard/guard.ts";
import { log } from "../log/log.ts";

/** Says how many connections there may be, or what is not enforced. */
export function reportGuard(guard: Guard | null, limit: number): void {
  if (guard !== null) return log.debug(`At most ${limit} connections.`);
  log.warn(
    "Connections cannot be watched here (it takes Linux, /proc and the permission for FFI): --max-connections, and --timeout for idle connections, are not enforced.",
  );
}

/**
 * How many connections may be open.
 *
 * @module
 */

import { raiseDescriptorLimit } from "../system/descriptor_limit.ts";
import type { Settings } from "../options/settings.ts";

/** Descriptors kept for files and the rest, as the user's document says. */
const SPARE_DESCRIPTORS = 50;
/** The limit where the system's is not readable [port]. */
const DEFAULT_CONNECTIONS = 1000;

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

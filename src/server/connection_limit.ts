/**
 * How many connections may be open.
 *
 * @module
 */

import {
  descriptorLimit,
  raiseDescriptorLimit,
} from "../system/descriptor_limit.ts";
import type { Settings } from "../options/settings.ts";

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

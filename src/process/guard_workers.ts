/**
 * One guard over the connections of all workers.
 *
 * @module
 */

import { type Guard, openGuard } from "../guard/guard.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** How long workers may take to name their running peers (ms). */
const PEERS_WAIT_MS = 1000;

/**
 * Watches over the connections of `workers`, which are those of the moment.
 *
 * @param limit How many connections there may be in all.
 * @param timeout Seconds that nothing may happen on one; 0 for ever.
 * @param threads How many workers there are to be.
 * @returns null where connections cannot be watched
 */
export function guardWorkers(
  workers: () => Iterable<WorkerHandle>,
  limit: number,
  timeout: number,
  threads: number,
): Guard | null {
  return openGuard({
    limit,
    threads,
    timeoutMs: timeout * 1000,
    async runningPeers() {
      const answers = await Promise.all(
        [...workers()].map((worker) => worker.peers(PEERS_WAIT_MS)),
      );
      // One that does not answer may be running anything.
      return answers.includes(null)
        ? null
        : answers.flatMap((peers) => [...peers!]);
    },
    onClose(peer, reason) {
      for (const worker of workers()) {
        worker.connectionClosed({ type: "closed", peer, reason });
      }
    },
  });
}

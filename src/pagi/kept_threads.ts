/**
 * Threads that apps keep for later requests, and that would keep the process
 * alive when its servers have stopped.
 */

/** A thread that an app keeps for later requests. */
export interface KeptThread {
  /** Ends the thread, or lets it end as soon as it has nothing to do. */
  endWhenIdle(): void;
}

/** Those that have not ended. */
export const keptThreads = new Set<KeptThread>();

/** Ends them; apps start them again for further requests. */
export function endKeptThreads(): void {
  for (const thread of keptThreads) thread.endWhenIdle();
}

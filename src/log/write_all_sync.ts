/**
 * Synchronous writing. A file of its own, so that `--help` and `--version` load
 * nothing else of this room.
 */

/** A standard stream or an open file. */
export interface SyncWriter {
  writeSync(bytes: Uint8Array): number;
}

/** Milliseconds to wait for a slow reader. */
export const PAUSE = 5;
/** How often to wait. */
export const MAX_PAUSES = 20;

const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Whether a write failed only because a pipe or terminal is full, which happens
 * when another program has made it non-blocking.
 */
export function isFull(error: unknown): boolean {
  return error instanceof Deno.errors.WouldBlock;
}

/**
 * Writes all of `bytes`.
 *
 * @throws What `writeSync` throws: the reader has gone, the disk is full.
 */
export function writeAllSync(to: SyncWriter, bytes: Uint8Array): void {
  let pauses = 0;
  for (let done = 0; done < bytes.length;) {
    try {
      done += to.writeSync(bytes.subarray(done));
    } catch (error) {
      if (!isFull(error) || ++pauses > MAX_PAUSES) throw error;
      Atomics.wait(never, 0, 0, PAUSE);
    }
  }
}

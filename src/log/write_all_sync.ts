/**
 * Writing without waiting for the event loop.
 *
 * @module
 */

/** What can be written to at once: stderr, an open file. */
export interface SyncWriter {
  writeSync(bytes: Uint8Array): number;
}

const PAUSE = 5;
const MOST_PAUSES = 20;
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes all of `bytes`. Where the other end is full and another program has
 * made the descriptor non-blocking, it waits up to 100 ms for room.
 *
 * @throws What `writeSync` throws: the other end is gone, full, broken.
 */
export function writeAllSync(to: SyncWriter, bytes: Uint8Array): void {
  let pauses = 0;
  for (let done = 0; done < bytes.length;) {
    try {
      done += to.writeSync(bytes.subarray(done));
    } catch (error) {
      const full = error instanceof Deno.errors.WouldBlock;
      if (!full || ++pauses > MOST_PAUSES) throw error;
      Atomics.wait(never, 0, 0, PAUSE);
    }
  }
}

/**
 * Folders for tests that make many files.
 *
 * @module
 */

/** A new folder; in memory where the system has such a place. */
export function tempFolder(prefix?: string): string {
  try {
    return Deno.makeTempDirSync({ dir: "/dev/shm", prefix });
  } catch {
    return Deno.makeTempDirSync({ prefix });
  }
}

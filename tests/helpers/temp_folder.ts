/**
 * Folders for tests that make many files.
 *
 * @module
 */

import { join } from "../../src/std/path.ts";

/** A new folder; in memory where the system has such a place. */
export function tempFolder(prefix?: string): string {
  try {
    return Deno.makeTempDirSync({ dir: "/dev/shm", prefix });
  } catch {
    return Deno.makeTempDirSync({ prefix });
  }
}

/** A new folder that is removed at the end of the block that uses it. */
export class TempFolder implements Disposable {
  readonly path: string;

  constructor(prefix?: string) {
    this.path = tempFolder(prefix);
  }

  /** Writes a file; returns its path. */
  write(name: string, text: string): string {
    const path = join(this.path, name);
    Deno.writeTextFileSync(path, text);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/**
 * Where logs are written to: files that may be moved away, and the standard
 * streams.
 */

import { messageOf, OptionError, quote } from "../options/option_error.ts";
import { resolve } from "../std/path.ts";
import { openToAppend } from "../system/folder.ts";
import type { SyncWriter } from "./write_all_sync.ts";

/** Owner writes, group reads: lines contain addresses of people. */
export const LOG_MODE = 0o640;
/** Milliseconds between two checks whether a file was moved or deleted. */
const CHECK_INTERVAL_MS = 1000;

/**
 * A file that is appended to, by several threads too. When it was moved or
 * deleted, a new one is opened.
 */
export class LogOutput implements SyncWriter {
  /** Absolute, for the app may change the working directory. */
  readonly path: string;
  #file: Deno.FsFile;
  #identity: string;
  #checkedAt = performance.now();
  #problem: string | null = null;

  /**
   * @param option The option that names the file, for errors.
   * @throws {OptionError} When the file cannot be opened.
   */
  constructor(option: string, path: string) {
    this.path = resolve(path);
    try {
      this.#file = openToAppend(path, LOG_MODE);
    } catch (error) {
      throw new OptionError(
        `${option} ${quote(path)} cannot be opened: ${reason(error)}`,
      );
    }
    this.#identity = fileIdentity(this.#file.statSync());
  }

  /** Tells one file from another. */
  get identity(): string {
    return this.#identity;
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#file.write(bytes);
  }

  writeSync(bytes: Uint8Array): number {
    return this.#file.writeSync(bytes);
  }

  /**
   * Opens the file again unless its path still leads to it; opening a named pipe
   * again could block without a reader (fifo(7)). On failure the old file stays
   * in use.
   *
   * @returns The reason of a failure, or null.
   */
  reopen(): string | null {
    this.#checkedAt = performance.now();
    if (this.#isInPlace(false)) return this.#problem = null;
    try {
      const file = openToAppend(this.path, LOG_MODE);
      this.#file.close();
      this.#file = file;
      this.#identity = fileIdentity(file.statSync());
      return this.#problem = null;
    } catch (error) {
      return this.#problem = reason(error);
    }
  }

  /** Once a second, does the same for a file that was moved or deleted. */
  follow(): string | null {
    if (performance.now() - this.#checkedAt < CHECK_INTERVAL_MS) {
      return this.#problem;
    }
    this.#checkedAt = performance.now();
    return this.#isInPlace(true) ? this.#problem : this.reopen();
  }

  close(): void {
    this.#file.close();
  }

  /** @param orUnknown The result when the path cannot be looked up. */
  #isInPlace(orUnknown: boolean): boolean {
    try {
      return fileIdentity(Deno.statSync(this.path)) === this.#identity;
    } catch (error) {
      return orUnknown && !(error instanceof Deno.errors.NotFound);
    }
  }
}

function fileIdentity({ dev, ino }: Deno.FileInfo): string {
  return `${dev} ${ino}`;
}

/**
 * Which of the server's own standard streams a path names ("-" is stdout); null
 * for a file. The streams are open already, and after `--user` the server may
 * not be allowed to open them again.
 */
export function standardStream(path: string): "stdout" | "stderr" | null {
  const [, name = ""] =
    /^\/(?:dev|dev\/fd|proc\/self\/fd)\/(stdout|stderr|1|2)$/.exec(path) ?? [];
  if (path === "-" || name === "stdout" || name === "1") return "stdout";
  return name === "" ? null : "stderr";
}

/** The system's error message, without its number and the path. */
export function reason(error: unknown): string {
  return messageOf(error).replace(/ \(os error \d+\).*$/s, "");
}

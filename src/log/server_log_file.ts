/**
 * The file of the server's log, written at once and opened anew when it was
 * moved.
 *
 * @module
 */

import { messageOf, OptionError, quote } from "../options/option_error.ts";
import { resolve } from "../std/path.ts";
import { openToAppend } from "../system/folder.ts";
import { writeAllSync } from "./write_all_sync.ts";

/** Owner writes, group reads: lines hold addresses of people. */
export const LOG_MODE = 0o640;
/** Milliseconds between two looks whether a file was moved or deleted. */
export const LOOK_INTERVAL = 1000;

/**
 * A file that messages are appended to at once, each in one piece: the threads
 * of a server share it. When it was moved or deleted, a new one is opened
 * within a second of the next message.
 */
export class ServerLogFile {
  readonly #path: string;
  #file: Deno.FsFile;
  #identity: string;
  #looked = performance.now();

  /** @throws {OptionError} When the file cannot be opened. */
  constructor(path: string) {
    this.#path = resolve(path); // an app may change the folder
    try {
      this.#file = openToAppend(path, LOG_MODE);
    } catch (error) {
      throw new OptionError(
        `--log-file ${quote(path)} cannot be opened: ${reason(error)}`,
      );
    }
    this.#identity = fileIdentity(this.#file.statSync());
  }

  /** @throws {Error} When it cannot be written: the disk is full. */
  write(bytes: Uint8Array): void {
    this.#follow();
    writeAllSync(this.#file, bytes);
  }

  /**
   * Opens the file anew unless it is where it was; where that fails the old one
   * stays in use.
   *
   * @returns why it failed; null when it did not.
   */
  reopen(): string | null {
    if (isAt(this.#path, this.#identity)) return null;
    try {
      const file = openToAppend(this.#path, LOG_MODE);
      this.#file.close();
      this.#file = file;
      this.#identity = fileIdentity(file.statSync());
      return null;
    } catch (error) {
      return `The log file ${
        quote(this.#path)
      } cannot be opened anew, and the old one is used further: ${
        reason(error)
      }.`;
    }
  }

  close(): void {
    this.#file.close();
  }

  #follow(): void {
    const now = performance.now();
    if (now - this.#looked < LOOK_INTERVAL) return;
    this.#looked = now;
    try {
      if (fileIdentity(Deno.statSync(this.#path)) === this.#identity) return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return;
    }
    this.reopen();
  }
}

/** In place of a path: the standard output. */
const STDOUT = "-";

/**
 * Which of the server's own outputs a path means; null for a file. They are
 * open, and another user than the one who started the server may not be allowed
 * to open them once more.
 */
export function standardStream(path: string): "stdout" | "stderr" | null {
  if (path === STDOUT) return "stdout";
  switch (/^\/(?:dev|dev\/fd|proc\/self\/fd)\/(\w+)$/.exec(path)?.[1]) {
    case "stdout":
    case "1":
      return "stdout";
    case "stderr":
    case "2":
      return "stderr";
  }
  return null;
}

/** Tells one file from another. */
export function fileIdentity({ dev, ino }: Deno.FileInfo): string {
  return `${dev} ${ino}`;
}

/**
 * Tells whether a path leads to the file of that identity. Such a file needs no
 * second opening, which at a named pipe that nobody reads would wait for ever
 * (fifo(7)).
 */
export function isAt(path: string, identity: string): boolean {
  try {
    return fileIdentity(Deno.statSync(path)) === identity;
  } catch {
    return false;
  }
}

/** What the system said, without the number and the path. */
export function reason(error: unknown): string {
  const text = messageOf(error);
  return text.replace(/ \(os error \d+\).*$/s, "");
}

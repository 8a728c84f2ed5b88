/**
 * The access log: one line per request, written off the request's path.
 *
 * @module
 */

import type { Settings } from "../options/settings.ts";
import {
  type AccessRecord,
  compileAccessFormat,
} from "../log/access_format.ts";
import { LogFile } from "../log/log_file.ts";

/** Formats records and writes them in batches. */
export class AccessLog {
  readonly #format: (record: AccessRecord) => string;
  readonly #file: LogFile;

  private constructor(format: (record: AccessRecord) => string, file: LogFile) {
    this.#format = format;
    this.#file = file;
  }

  /**
   * Opens the log that the settings ask for; null where they ask for none.
   *
   * @throws {Error} When the format has an unknown atom or the file cannot be
   * opened.
   */
  static open(settings: Settings): AccessLog | null {
    if (settings.noAccessLog) return null;
    const format = compileAccessFormat(settings.accessLogFormat);
    return new AccessLog(format, new LogFile(settings.accessLog));
  }

  /** Writes the line of one request. */
  write(record: AccessRecord): void {
    this.#file.write(this.#format(record));
  }

  /** Opens the file anew: it was moved away. */
  reopen(): void {
    this.#file.reopen();
  }

  /** Writes what is left, and closes. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

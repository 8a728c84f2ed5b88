/**
 * The access log: one line per request, written off the request's path.
 *
 * @module
 */

import type { Settings } from "../options/settings.ts";
import {
  type AccessRecord,
  compileAccessFormat,
  usesBodyBytes,
  usesHeaders,
  usesMicroseconds,
} from "../log/access_format.ts";
import { LogFile } from "../log/log_file.ts";

/** A line per record, written in batches. */
export class AccessLog extends LogFile<AccessRecord> {
  /** Whether lines tell how long bodies were: counting can take time. */
  readonly usesBodyBytes: boolean;
  /** Whether lines tell fields of requests: otherwise none is kept. */
  readonly usesHeaders: boolean;
  /** Milliseconds since 1970, as exactly as lines tell them: cheap or slow. */
  readonly now: () => number;

  private constructor({ accessLog, accessLogFormat: format }: Settings) {
    super(accessLog, compileAccessFormat(format));
    this.usesBodyBytes = usesBodyBytes(format);
    this.usesHeaders = usesHeaders(format);
    this.now = usesMicroseconds(format) ? exactNow : Date.now;
  }

  /**
   * Opens the log that the settings ask for; null where they ask for none.
   *
   * @throws {Error} When the format has an unknown atom or the file cannot be
   * opened.
   */
  static open(settings: Settings): AccessLog | null {
    return settings.noAccessLog ? null : new AccessLog(settings);
  }
}

function exactNow(): number {
  return performance.timeOrigin + performance.now();
}

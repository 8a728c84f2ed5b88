/** The access log: one line per request, written off the request's path. */

import type { Settings } from "../options/settings.ts";
import {
  type AccessRecord,
  compileAccessFormat,
  DEVELOPMENT,
  usesBodyBytes,
  usesHeaders,
  usesMicroseconds,
} from "../log/access_format.ts";
import { developmentFormat } from "../log/development_format.ts";
import { LogFile } from "../log/log_file.ts";
import { standardStream } from "../log/log_output.ts";
import { type Timer, unref } from "../std/timer.ts";
import type { BodyProgress, InFlightRequest } from "./in_flight.ts";

/** Interval between two checks of the bodies in transfer (ms). */
const POLL_INTERVAL_MS = 1000;
/** Shortest time before the first line about a transfer (ms). */
const FIRST_MS = 2000;
/** Longest pause between two lines about one transfer (ms). */
const MAX_PAUSE_MS = 30_000;
/** Smallest body whose progress is logged before its end (bytes). */
const MIN_BYTES = 1_000_000;

/** What was last logged about a transfer. */
interface LoggedProgress {
  readonly progress: BodyProgress;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A line per record, written in batches. */
export class AccessLog extends LogFile<AccessRecord> {
  /** Whether lines contain the length of bodies: counting it can take time. */
  readonly usesBodyBytes: boolean;
  /** Whether lines contain request headers; otherwise no record keeps any. */
  readonly usesHeaders: boolean;
  /** Whether the progress of large bodies is logged. */
  readonly showsProgress: boolean;
  /**
   * Milliseconds since 1970, in the precision that the lines need: fractions of
   * a millisecond take longer to obtain.
   */
  readonly now: () => number;
  #timer: Timer | undefined;

  private constructor(settings: Settings) {
    const { accessLog, accessLogFormat: format } = settings;
    const development = format === DEVELOPMENT;
    super(
      accessLog,
      development
        ? developmentFormat(isForTerminal(settings) && !Deno.noColor)
        : compileAccessFormat(format),
    );
    this.usesBodyBytes = development || usesBodyBytes(format);
    this.usesHeaders = usesHeaders(format);
    this.showsProgress = development;
    this.now = development || usesMicroseconds(format) ? exactNow : Date.now;
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

  /** Starts to log the progress of large bodies, if the format has that. */
  watch(requests: Iterable<InFlightRequest>): void {
    if (!this.showsProgress) return;
    let logged = new Map<InFlightRequest, LoggedProgress>();
    this.#timer = unref(setInterval(() => {
      const before = logged;
      logged = new Map();
      for (const request of requests) {
        const last = this.#logProgress(request, before.get(request));
        if (last !== undefined) logged.set(request, last);
      }
    }, POLL_INTERVAL_MS));
  }

  override close(): Promise<void> {
    clearInterval(this.#timer);
    return super.close();
  }

  /**
   * Logs the progress of a transfer if a line is due; the pauses between lines
   * grow with its age. Returns what was logged last.
   */
  #logProgress(
    request: InFlightRequest,
    last: LoggedProgress | undefined,
  ): LoggedProgress | undefined {
    const progress = request.transfer;
    if (progress === null) return last;
    const now = this.now();
    const { startedAt } = request;
    const { way, bytes, total } = progress;
    const since = last?.at ?? startedAt;
    const pause = Math.min(since - startedAt, MAX_PAUSE_MS);
    if (
      now - since < Math.max(FIRST_MS, pause) ||
      Math.max(bytes, total ?? 0) < MIN_BYTES
    ) return last;
    const before = last?.progress.way === way ? last.progress.bytes : 0;
    const bytesPerSecond = (bytes - before) * 1000 / (now - since);
    const transfer = { way, bytes, total, bytesPerSecond };
    this.write({ ...request.record(false), transfer });
    return { progress, at: now };
  }
}

/** True if the access log is written to a terminal. */
export function isForTerminal({ accessLog }: Settings): boolean {
  switch (accessLog === null ? "stderr" : standardStream(accessLog)) {
    case "stderr":
      return Deno.stderr.isTerminal();
    case "stdout":
      return Deno.stdout.isTerminal();
    case null:
      return false;
  }
}

function exactNow(): number {
  return performance.timeOrigin + performance.now();
}

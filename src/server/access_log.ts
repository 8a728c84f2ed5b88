/**
 * The access log: one line per request, written off the request's path.
 *
 * @module
 */

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

/** Milliseconds between two looks at the bodies that are on their way. */
const POLL_INTERVAL_MS = 1000;
/** Milliseconds before the first line of a transfer, and most between two. */
const FIRST_MS = 2000;
const MAX_PAUSE_MS = 30_000;
/** Bytes below which no transfer has lines before its end. */
const MIN_BYTES = 1_000_000;

/** What was last said of a transfer. */
interface Told {
  readonly progress: BodyProgress;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A line per record, written in batches. */
export class AccessLog extends LogFile<AccessRecord> {
  /** Whether lines tell how long bodies were: counting can take time. */
  readonly usesBodyBytes: boolean;
  /** Whether lines tell fields of requests: otherwise none is kept. */
  readonly usesHeaders: boolean;
  /** Whether lines tell how far large bodies have come. */
  readonly showsProgress: boolean;
  /** Milliseconds since 1970, as exactly as lines tell them: cheap or slow. */
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

  /** From now on tells how far large bodies have come, in a format that does. */
  watch(requests: Iterable<InFlightRequest>): void {
    if (!this.showsProgress) return;
    let told = new Map<InFlightRequest, Told>();
    this.#timer = unref(setInterval(() => {
      const before = told;
      told = new Map();
      for (const request of requests) {
        const last = this.#tellProgress(request, before.get(request));
        if (last !== undefined) told.set(request, last);
      }
    }, POLL_INTERVAL_MS));
  }

  override close(): Promise<void> {
    clearInterval(this.#timer);
    return super.close();
  }

  /** Says it where it is time to: ever more seldom. Returns what was said last. */
  #tellProgress(
    request: InFlightRequest,
    last: Told | undefined,
  ): Told | undefined {
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

/** Tells whether the access log is read where it is written. */
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

/** The body of a response that a fetch handler has made. */

import {
  failureOf,
  isCancelled,
  isWatchable,
  type ReadWatcher,
  WatchedStream,
} from "../../engine/stream.ts";
import type { IdleTimer } from "../timers.ts";
import type { OutgoingBody } from "./outbound_body.ts";

interface PassedBodyOwner {
  /** The engine has all of it. */
  passed(): void;
  /** It has failed. */
  passFailed(error: unknown): void;
  /** The engine wants no more. */
  cancelled(): void;
}

/**
 * A stream of the app that the engine reads while the server observes the reads.
 * The reads of a native stream, such as a file's, cannot be observed.
 */
export class PassedBody implements OutgoingBody, ReadWatcher {
  writes: IdleTimer | null = null;
  written = 0;
  taken = 0;
  /** The engine has seen its end. */
  #isClosed = false;
  /** Nothing is buffered: the engine asks the app for each chunk. */
  readonly bufferedBytes = 0;
  readonly #owner: PassedBodyOwner;
  readonly #activity: IdleTimer | null;
  /** What the engine is to read, or reads already. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Null where the reads cannot be observed. */
  readonly #watched: WatchedStream | null;

  /**
   * @param mustSee Whether a stream that the engine reads natively is to be
   * read in chunks.
   * @param announced Bytes, by its `content-length`.
   * @param activity Notified of each chunk.
   */
  constructor(
    owner: PassedBodyOwner,
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    mustSee: boolean,
    announced: number | null,
    activity: IdleTimer | null,
  ) {
    this.#owner = owner;
    this.#activity = activity;
    if (mustSee && !isWatchable(stream)) {
      stream = stream.pipeThrough(new TransformStream());
    }
    this.stream = stream;
    this.#watched = isWatchable(stream)
      ? new WatchedStream(stream, this)
      : null;
    if (this.#watched === null) this.written = announced ?? 0;
  }

  asked(): void {
    this.#activity?.touch();
  }

  given(chunk: unknown): void {
    this.taken++;
    // Anything else makes the engine fail.
    if (chunk instanceof Uint8Array) this.written += chunk.byteLength;
    this.writes?.touch();
  }

  closed(): void {
    this.#isClosed = true;
    // A cancel ends the read that waits before it reaches the source
    // (Streams Standard, ReadableStreamCancel).
    queueMicrotask(() => this.done());
  }

  failed(error: unknown): void {
    this.#owner.passFailed(error);
  }

  /** Whether the engine waits for a chunk, or for nothing more. */
  get awaited(): boolean {
    return this.#isClosed || (this.#watched?.isAwaited ?? false);
  }

  /** Reports how it has ended. */
  done(): void {
    const watched = this.#watched;
    watched?.leave();
    const failure = watched && failureOf(this.stream);
    if (failure !== null) this.#owner.passFailed(failure.cause);
    else if (watched !== null && isCancelled(this.stream)) {
      this.#owner.cancelled();
    } else this.#owner.passed();
  }

  end(): void {
    this.#watched?.end(new Error("The server has ended the response."));
  }

  abort(): void {
    this.#watched?.fail(new Error("The response was cut short."));
  }

  drop(): void {
    this.abort();
  }
}

/**
 * The body of a response that a fetch handler has made.
 *
 * @module
 */

import {
  type ReadWatcher,
  type WatchedStream,
  watchReads,
} from "../../engine/stream.ts";
import type { IdleTimer } from "../timers.ts";
import type { OutgoingBody } from "./outbound_body.ts";

/** Receives the outcome. */
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
  /** The engine has cancelled it. */
  isCancelled = false;
  /** Nothing is buffered: the engine asks the app for each chunk. */
  readonly bufferedBytes = 0;
  /** Null until somebody wants to know. */
  owner: PassedBodyOwner | null = null;
  readonly #activity: IdleTimer | null;
  /** What the engine is to read. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #watched: WatchedStream | null;

  /**
   * @param mustSee Whether a stream that the engine reads natively is to be
   * read in chunks.
   * @param announced Bytes, by its `content-length`.
   * @param activity Notified of each chunk.
   */
  constructor(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    mustSee: boolean,
    announced: number | null,
    activity: IdleTimer | null,
  ) {
    this.#activity = activity;
    let watched = watchReads(stream, this);
    if (watched === null && mustSee) {
      stream = stream.pipeThrough(new TransformStream());
      watched = watchReads(stream, this);
    }
    if (watched === null) this.written = announced ?? 0;
    this.stream = stream;
    this.#watched = watched;
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
    this.owner?.passed();
  }

  failed(error: unknown): void {
    this.owner?.passFailed(error);
  }

  cancelled(): void {
    this.isCancelled = true;
  }

  /** Whether the engine waits for a chunk, or for nothing more. */
  get awaited(): boolean {
    return this.#isClosed || (this.#watched?.isAwaited ?? false);
  }

  /** From now on `owner` is notified of each read, not only of the end. */
  watch(owner: PassedBodyOwner): void {
    this.owner = owner;
    this.#watched?.seeReads();
  }

  /** True if the engine's reads can be observed. */
  get isSeen(): boolean {
    return this.#watched !== null;
  }

  /** The error of the stream; null if it has not failed. */
  get failure(): { readonly cause: unknown } | null {
    return this.#watched?.error() ?? null;
  }

  /** Stops observing. */
  leave(): void {
    this.#watched?.leave();
  }

  /** The engine has finished. Reports an end that came between two reads. */
  done(): void {
    const { failure } = this;
    this.leave();
    if (failure !== null) this.owner?.passFailed(failure.cause);
    else if (this.isCancelled) this.owner?.cancelled();
    else this.owner?.passed();
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

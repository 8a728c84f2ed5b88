/**
 * Reads of streams, seen where they reach the stream's controller.
 *
 * A ReadableStream has a queue of chunks that are not read, and one of reads that
 * have no chunk yet. The body of a response counts its bytes, so it has a queue
 * of chunks already; for an event to 1,000 clients most of the time is spent on
 * cache misses in the stream's queues. Each read is therefore passed directly to
 * the body by the controller's method [[PullSteps]], which saves about 20 %
 * (bench/PROFILE.md). Without that symbol the public `pull()` is used.
 */

import { Door, symbolOf } from "./door.ts";

/** A read that waits for a chunk or the end: one of its methods is called. */
export interface PendingRead {
  chunkSteps(chunk: Uint8Array): void;
  /** After the stream was closed. */
  closeSteps(): void;
  /** After the stream was put in error. */
  errorSteps(error: unknown): void;
}

/** What gets the reads of a stream. */
export interface ReadTaker {
  take(read: PendingRead): void;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;
/** A controller with its taker. */
type TakenController = Controller & { [TAKER]: ReadTaker };

/** The property with the taker; a closure would be one more object. */
const TAKER = Symbol("taker");
const PULL_STEPS = symbolOf(
  ReadableStreamDefaultController.prototype,
  "[[PullSteps]]",
);

const READS = new Door({
  name: "stream reads",
  gives: "reads of a response's body without the stream's own lists",
  otherwise: "an event to many clients takes longer",
  source: "denoland/deno ext/web/06_streams.js, [[PullSteps]]",
}, () => PULL_STEPS !== undefined && takesReads(PULL_STEPS));

/** Passes each read of a stream to `taker`; do not enqueue anything in it. */
export function takeReads(controller: Controller, taker: ReadTaker): void {
  if (READS.isOpen) setPullSteps(controller, PULL_STEPS!, taker);
}

/**
 * The read for which a stream calls `pull` of its source: while the door of
 * `takeReads` is shut.
 *
 * @param done Called when the read has got its chunk, the end or an error.
 */
export function publicRead(
  controller: Controller,
  done: () => void,
): PendingRead {
  return {
    chunkSteps(chunk) {
      controller.enqueue(chunk);
      done();
    },
    closeSteps: done,
    errorSteps: done,
  };
}

function setPullSteps(
  controller: Controller,
  symbol: symbol,
  taker: ReadTaker,
): void {
  const taken = controller as TakenController & Record<symbol, unknown>;
  taken[TAKER] = taker;
  taken[symbol] = passOn;
}

function passOn(this: TakenController, read: PendingRead): void {
  this[TAKER].take(read);
}

/** True when a read reaches the method with this symbol. */
function takesReads(symbol: symbol): boolean {
  let controller!: Controller;
  const stream = new ReadableStream<Uint8Array>({
    start: (own) => void (controller = own),
  }, { highWaterMark: 0 });
  let read: Partial<PendingRead> | undefined;
  setPullSteps(controller, symbol, { take: (own) => void (read = own) });
  stream.getReader().read();
  const steps = [read?.chunkSteps, read?.closeSteps, read?.errorSteps];
  return steps.every((step) => typeof step === "function");
}

/** The callbacks when a stream of the app is read. */
export interface ReadWatcher {
  /** The reader waits for a chunk. */
  asked(): void;
  /** It gets a chunk, which may be of any type. */
  given(chunk: unknown): void;
  /** It gets the end. */
  closed(): void;
  /** It gets an error. */
  failed(error: unknown): void;
}

type PullSteps = (this: Controller, read: PendingRead) => void;
type CancelSteps = (
  this: object,
  reason: unknown,
) => Promise<void> | undefined;
/** A controller that is watched. */
type WatchedController = Controller & Record<symbol, unknown>;

/** The property with the watch; a closure would be one more object. */
const WATCH = Symbol("watch");
/** The property of a controller whose stream was cancelled by its reader. */
const CANCELLED = Symbol("cancelled");

const PROBE = new ReadableStream();
const PROBE_READER = PROBE.getReader();
const [CONTROLLER, BACKING, STATE, ERROR, READER] = [
  "[[controller]]",
  "[[resourceBacking]]",
  "[[state]]",
  "[[storedError]]",
  "[[reader]]",
].map((name) => symbolOf(PROBE, name));
const REQUESTS = symbolOf(PROBE_READER, "[[readRequests]]");
/** What a reader keeps its reads in that have no chunk yet. */
type ReadRequests = Record<symbol, { readonly size: number }>;
const CANCEL_STEPS = symbolOf(
  ReadableStreamDefaultController.prototype,
  "[[CancelSteps]]",
);

/** Open where streams of apps can be watched. */
export const WATCHED_READS = new Door({
  name: "watched reads",
  gives: "the stream of a fetch handler's response, seen where it is read",
  otherwise: "requests reach fetch handlers by way of a scope",
  source: "denoland/deno ext/web/06_streams.js, [[PullSteps]]",
}, () =>
  PULL_STEPS !== undefined && takesReads(PULL_STEPS) &&
  [CONTROLLER, BACKING, STATE, ERROR, CANCEL_STEPS, READER, REQUESTS].every(
    (symbol) => symbol !== undefined,
  ) &&
  Reflect.get(PROBE, READER!) === PROBE_READER &&
  (PROBE_READER as unknown as ReadRequests)[REQUESTS!].size === 0 &&
  markCancels());

/**
 * Has controllers remember that their readers have cancelled. Afterwards nothing
 * else tells that from an end; and to ask each stream for it would cost more
 * than all that is done for a short one.
 */
function markCancels(): boolean {
  const kinds = [ReadableStreamDefaultController, ReadableByteStreamController];
  for (const { prototype } of kinds) {
    const parts = prototype as unknown as Record<symbol, unknown>;
    const cancel = parts[CANCEL_STEPS!] as CancelSteps;
    parts[CANCEL_STEPS!] = function (
      this: Record<symbol, unknown>,
      reason: unknown,
    ) {
      this[CANCELLED] = true;
      return cancel.call(this, reason);
    };
  }
  const stream = new ReadableStream();
  stream.cancel();
  return isCancelled(stream);
}

/**
 * True for a stream whose reads can be watched. Those of a stream that the
 * engine reads natively, such as that of a file, cannot.
 */
export function isWatchable(stream: ReadableStream<Uint8Array>): boolean {
  return WATCHED_READS.isOpen && partsOf(stream)[BACKING!] === null;
}

/** True for a watchable stream that its reader has cancelled. */
export function isCancelled(stream: ReadableStream): boolean {
  const controller = partsOf(stream)[CONTROLLER!];
  return (controller as WatchedController | undefined)?.[CANCELLED] === true;
}

/**
 * The error of a watchable stream, whether a reader has got it or not; null for
 * none.
 */
export function failureOf(
  stream: ReadableStream,
): { readonly cause: unknown } | null {
  const { [STATE!]: state, [ERROR!]: cause } = partsOf(stream);
  return state === "errored" ? { cause } : null;
}

function partsOf(stream: ReadableStream): Record<symbol, unknown> {
  return stream as unknown as Record<symbol, unknown>;
}

/** Watches a stream that has ended. */
const NOBODY: ReadWatcher = {
  asked() {},
  given() {},
  closed() {},
  failed() {},
};

/**
 * A watchable stream whose reads are seen where they reach its controller, and
 * its read that waits. Reading it here and writing it to another stream would
 * take several times as long as all other work for a chunk.
 */
export class WatchedStream implements PendingRead {
  readonly #stream: Record<symbol, unknown>;
  readonly #controller: WatchedController;
  #watcher: ReadWatcher;
  readonly #pull: PullSteps;
  /** The read that waits. The engine's reader has one at a time. */
  #read: PendingRead | null = null;

  constructor(stream: ReadableStream<Uint8Array>, watcher: ReadWatcher) {
    const parts = partsOf(stream);
    const controller = parts[CONTROLLER!] as WatchedController;
    this.#stream = parts;
    this.#controller = controller;
    this.#watcher = watcher;
    this.#pull = controller[PULL_STEPS!] as PullSteps;
    controller[WATCH] = this;
    controller[PULL_STEPS!] = pullWatched;
  }

  /** A read waits for a chunk. */
  get isAwaited(): boolean {
    const reader = this.#stream[READER!] as ReadRequests | undefined;
    return reader !== undefined && reader[REQUESTS!].size > 0;
  }

  pull(read: PendingRead): void {
    this.#watcher.asked();
    // Of several reads of another reader, only the first is watched.
    const seen = this.#read === null;
    if (seen) this.#read = read;
    this.#pull.call(this.#controller, seen ? this : read);
  }

  chunkSteps(chunk: Uint8Array): void {
    const read = this.#take();
    this.#watcher.given(chunk);
    read.chunkSteps(chunk);
  }

  closeSteps(): void {
    const read = this.#take();
    this.leave().closed();
    read.closeSteps();
  }

  errorSteps(error: unknown): void {
    const read = this.#take();
    this.leave().failed(error);
    read.errorSteps(error);
  }

  /** Tells its watcher, which is returned, nothing more. */
  leave(): ReadWatcher {
    const watcher = this.#watcher;
    this.#watcher = NOBODY;
    return watcher;
  }

  #take(): PendingRead {
    const read = this.#read!;
    this.#read = null;
    return read;
  }

  /** Closes it as its source would: a reader gets the end after all chunks. */
  end(reason: unknown): void {
    this.#stop(reason, () => this.#controller.close());
  }

  /** Puts it in error. */
  fail(error: unknown): void {
    this.#stop(error, () => this.#controller.error(error));
  }

  /** Cancels the source, as `cancel()` does for a stream that is not locked. */
  #stop(reason: unknown, close: () => void): void {
    const controller = this.#controller;
    try {
      Promise.resolve(
        (controller[CANCEL_STEPS!] as CancelSteps).call(controller, reason),
      )
        .catch(() => {});
      close();
    } catch {
      // The stream has ended by itself.
    }
    // No reader did that.
    controller[CANCELLED] = false;
  }
}

function pullWatched(this: WatchedController, read: PendingRead): void {
  (this[WATCH] as WatchedStream).pull(read);
}

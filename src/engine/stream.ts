/**
 * Reads of streams, seen where they reach the stream's controller.
 *
 * A ReadableStream has a queue of chunks that are not read, and one of reads that
 * have no chunk yet. The body of a response counts its bytes, so it has a queue
 * of chunks already; for an event to 1,000 clients most of the time is spent on
 * cache misses in the stream's queues. Each read is therefore passed directly to
 * the body by the controller's method [[PullSteps]], which saves about 20 %
 * (bench/PROFILE.md). Without that symbol the public `pull()` is used.
 *
 * @module
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
  /** The reader cancels the stream. */
  cancelled(): void;
}

/** A stream of the app that is watched. */
export interface WatchedStream {
  /** From now on its watcher is told of reads, and not of a cancel alone. */
  seeReads(): void;
  /** A read waits for a chunk. */
  readonly isAwaited: boolean;
  /** Closes it as its source would: a reader gets the end after all chunks. */
  end(reason: unknown): void;
  /** Puts it in error. */
  fail(error: unknown): void;
  /** Its error, whether a reader has got it or not; null for none. */
  error(): { readonly cause: unknown } | null;
  /** Tells its watcher nothing more. */
  leave(): void;
}

type PullSteps = (this: Controller, read: PendingRead) => void;
type CancelSteps = (
  this: Controller,
  reason: unknown,
) => Promise<void> | undefined;
/** A controller that is watched. */
type WatchedController =
  & Controller
  & Record<symbol, unknown>
  & { [WATCH]: Watch };

/** The property with the watch; a closure would be one more object. */
const WATCH = Symbol("watch");

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

const WATCHED_READS = new Door({
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
  (PROBE_READER as unknown as ReadRequests)[REQUESTS!].size === 0);

/** True when `watchReads` works. */
export function canWatch(): boolean {
  return WATCHED_READS.isOpen;
}

/**
 * Watches the reads of `stream`, which nobody has locked yet, where they reach its
 * controller. Reading it here and writing it to another stream would take several
 * times as long as all other work for a chunk.
 *
 * @returns null for a stream that the engine reads natively, such as that of a
 * file, and where {@linkcode canWatch} is false
 */
export function watchReads(
  stream: ReadableStream<Uint8Array>,
  watcher: ReadWatcher,
): WatchedStream | null {
  const parts = stream as unknown as Record<symbol, unknown>;
  if (!canWatch() || parts[BACKING!] !== null) return null;
  return new Watch(parts, watcher);
}

/** Watches a stream that has ended. */
const NOBODY: ReadWatcher = {
  asked() {},
  given() {},
  closed() {},
  failed() {},
  cancelled() {},
};

/** A watched stream, and its read that waits. */
class Watch implements WatchedStream, PendingRead {
  readonly #stream: Record<symbol, unknown>;
  readonly #controller: WatchedController;
  #watcher: ReadWatcher;
  readonly #pull: PullSteps;
  readonly #cancel: CancelSteps;
  /** The read that waits. The engine's reader has one at a time. */
  #read: PendingRead | null = null;

  constructor(stream: Record<symbol, unknown>, watcher: ReadWatcher) {
    const controller = stream[CONTROLLER!] as WatchedController;
    this.#stream = stream;
    this.#controller = controller;
    this.#watcher = watcher;
    this.#pull = controller[PULL_STEPS!] as PullSteps;
    this.#cancel = controller[CANCEL_STEPS!] as CancelSteps;
    controller[WATCH] = this;
    controller[CANCEL_STEPS!] = cancelWatched;
  }

  seeReads(): void {
    this.#controller[PULL_STEPS!] = pullWatched;
  }

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

  cancel(reason: unknown): Promise<void> | undefined {
    this.#watcher.cancelled();
    return this.#cancel.call(this.#controller, reason);
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

  end(reason: unknown): void {
    this.#stop(reason, () => this.#controller.close());
  }

  fail(error: unknown): void {
    this.#stop(error, () => this.#controller.error(error));
  }

  /** Cancels the source, as `cancel()` does for a stream that is not locked. */
  #stop(reason: unknown, close: () => void): void {
    try {
      Promise.resolve(this.#cancel.call(this.#controller, reason))
        .catch(() => {});
      close();
    } catch {
      // The stream has ended by itself.
    }
  }

  error(): { readonly cause: unknown } | null {
    const { [STATE!]: state, [ERROR!]: cause } = this.#stream;
    return state === "errored" ? { cause } : null;
  }
}

function pullWatched(this: WatchedController, read: PendingRead): void {
  this[WATCH].pull(read);
}

function cancelWatched(
  this: WatchedController,
  reason: unknown,
): Promise<void> | undefined {
  return this[WATCH].cancel(reason);
}

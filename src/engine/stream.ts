/**
 * Streams without queues of their own.
 *
 * A ReadableStream keeps one queue of chunks that nobody has read, and one of
 * reads that have no chunk yet. The body of a response counts its bytes, so it
 * has a queue of chunks already; for an event to a thousand clients the
 * processor waits longest for the memory of the stream's queues. So each read
 * goes straight to the body, through the method by which the stream's controller
 * takes reads, which hangs on it under a symbol.
 *
 * @module
 */

import { Door, symbolOf } from "./door.ts";

/** A read that waits for a chunk or the end. One of its methods is called. */
export interface PendingRead {
  chunkSteps(chunk: Uint8Array): void;
  /** After the stream was closed. */
  closeSteps(): void;
  /** After the stream was put in error. */
  errorSteps(error: unknown): void;
}

/** What takes the reads of a stream. */
export interface ReadTaker {
  take(read: PendingRead): void;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;
/** A controller that passes its reads on. */
type TakenController = Controller & { [TAKER]: ReadTaker };

/** Where a controller keeps its taker: a closure would be one more object. */
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

/** Passes each read of a stream to `taker`; nothing may be enqueued in it. */
export function takeReads(controller: Controller, taker: ReadTaker): void {
  if (READS.isOpen) setPullSteps(controller, PULL_STEPS!, taker);
}

/**
 * The read for which a stream calls `pull` of its source: where `takeReads` has
 * no effect.
 *
 * @param done Called when the read has got its chunk, or the end.
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

/** Tells whether a read arrives at the method under this symbol. */
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

/** Who is told of what a reader gets of a stream that is another's. */
export interface ReadWatcher {
  /** The reader waits for a piece. */
  asked(): void;
  /** It gets one, which need not be bytes. */
  given(piece: unknown): void;
  /** It gets the end. */
  closed(): void;
  /** It gets an error. */
  failed(error: unknown): void;
  /** It wants no more. */
  cancelled(): void;
}

/** A stream of another that is watched. */
export interface WatchedStream {
  /** Ends it as its source does: a reader gets the end after what it has. */
  end(reason: unknown): void;
  /** Puts it in error. */
  fail(error: unknown): void;
  /** The error that it is in, if it is in one, told to a reader or not. */
  error(): { readonly cause: unknown } | null;
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

/** Where a controller keeps its watch: a closure would be one object more. */
const WATCH = Symbol("watch");

/** Where a stream keeps its controller, and a file's its descriptor. */
const PROBE = new ReadableStream();
const [CONTROLLER, BACKING, STATE, ERROR] = [
  "[[controller]]",
  "[[resourceBacking]]",
  "[[state]]",
  "[[storedError]]",
].map((name) => symbolOf(PROBE, name));
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
  [CONTROLLER, BACKING, STATE, ERROR, CANCEL_STEPS].every((symbol) =>
    symbol !== undefined
  ));

/** Tells whether streams of JavaScript can be watched in this engine. */
export function canWatch(): boolean {
  return WATCHED_READS.isOpen;
}

/**
 * Watches the reads of `stream`, which nobody reads yet, as they come to its
 * controller: reading it ourselves and writing it into another stream costs
 * several times as much as all else that happens to a piece.
 *
 * @returns null for a stream that the engine reads by itself, such as that of
 * a file, and where {@linkcode canWatch} is false.
 */
export function watchReads(
  stream: ReadableStream<Uint8Array>,
  watcher: ReadWatcher,
): WatchedStream | null {
  const parts = stream as unknown as Record<symbol, unknown>;
  if (!canWatch() || parts[BACKING!] !== null) return null;
  return new Watch(parts, watcher);
}

/** One stream that is watched; its reads pass through it. */
class Watch implements WatchedStream, PendingRead {
  readonly #stream: Record<symbol, unknown>;
  readonly #controller: WatchedController;
  readonly #watcher: ReadWatcher;
  readonly #pull: PullSteps;
  readonly #cancel: CancelSteps;
  /** The read that waits. A reader of the engine has one at a time. */
  #read: PendingRead | null = null;

  constructor(stream: Record<symbol, unknown>, watcher: ReadWatcher) {
    const controller = stream[CONTROLLER!] as WatchedController;
    this.#stream = stream;
    this.#controller = controller;
    this.#watcher = watcher;
    this.#pull = controller[PULL_STEPS!] as PullSteps;
    this.#cancel = controller[CANCEL_STEPS!] as CancelSteps;
    controller[WATCH] = this;
    controller[PULL_STEPS!] = pullWatched;
    controller[CANCEL_STEPS!] = cancelWatched;
  }

  pull(read: PendingRead): void {
    this.#watcher.asked();
    // Whoever has several has them told of the end only.
    const seen = this.#read === null;
    if (seen) this.#read = read;
    this.#pull.call(this.#controller, seen ? this : read);
  }

  cancel(reason: unknown): Promise<void> | undefined {
    this.#watcher.cancelled();
    return this.#cancel.call(this.#controller, reason);
  }

  chunkSteps(piece: Uint8Array): void {
    const read = this.#take();
    this.#watcher.given(piece);
    read.chunkSteps(piece);
  }

  closeSteps(): void {
    const read = this.#take();
    this.#watcher.closed();
    read.closeSteps();
  }

  errorSteps(error: unknown): void {
    const read = this.#take();
    this.#watcher.failed(error);
    read.errorSteps(error);
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

  /** Tells the source, as `cancel()` of a stream does that nobody has locked. */
  #stop(reason: unknown, close: () => void): void {
    try {
      Promise.resolve(this.#cancel.call(this.#controller, reason))
        .catch(() => {});
      close();
    } catch {
      // It has come to its end by itself.
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

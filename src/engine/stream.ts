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
  const controller = parts[CONTROLLER!] as
    & Controller
    & Record<symbol, unknown>;
  const pull = controller[PULL_STEPS!] as PullSteps;
  controller[PULL_STEPS!] = function (this: Controller, read: PendingRead) {
    watcher.asked();
    pull.call(this, new WatchedRead(read, watcher));
  };
  const cancel = controller[CANCEL_STEPS!] as CancelSteps;
  controller[CANCEL_STEPS!] = function (this: Controller, reason: unknown) {
    watcher.cancelled();
    return cancel.call(this, reason);
  };
  return {
    end(reason) {
      try {
        // As `cancel()` of a stream would that no reader has locked.
        Promise.resolve(cancel.call(controller, reason)).catch(() => {});
        controller.close();
      } catch {
        // It has come to its end by itself.
      }
    },
    fail(error) {
      try {
        Promise.resolve(cancel.call(controller, error)).catch(() => {});
        controller.error(error);
      } catch {
        // As above.
      }
    },
    error: () => parts[STATE!] === "errored" ? { cause: parts[ERROR!] } : null,
  };
}

/** A read on its way to the stream. */
class WatchedRead implements PendingRead {
  readonly #read: PendingRead;
  readonly #watcher: ReadWatcher;

  constructor(read: PendingRead, watcher: ReadWatcher) {
    this.#read = read;
    this.#watcher = watcher;
  }

  chunkSteps(piece: Uint8Array): void {
    this.#watcher.given(piece);
    this.#read.chunkSteps(piece);
  }

  closeSteps(): void {
    this.#watcher.closed();
    this.#read.closeSteps();
  }

  errorSteps(error: unknown): void {
    this.#watcher.failed(error);
    this.#read.errorSteps(error);
  }
}

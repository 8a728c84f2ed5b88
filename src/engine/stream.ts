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

/**
 * Streams as the engine reads them fastest.
 *
 * A stream keeps the pieces that nobody has asked for and the reads that have
 * no piece yet, each in a list of its own. Who has to count what waits keeps a
 * list already, and for an event to a thousand clients the memory of those
 * lists is what the processor waits for longest. So each read comes straight
 * to the source, by the method in which the engine's stream takes it: behind a
 * symbol on the stream's controller. Where an engine has no such symbol, the
 * public ways serve.
 *
 * @module
 */

import { Door, symbolOf } from "./door.ts";

/** A read that waits for its piece, or for the end. One of them is called. */
export interface PendingRead {
  chunkSteps(piece: Uint8Array): void;
  /** After the stream was closed. */
  closeSteps(): void;
  /** After the stream was put in error. */
  errorSteps(error: unknown): void;
}

/** To whom reads come. */
export interface ReadTaker {
  take(read: PendingRead): void;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;
/** A controller whose reads come to its taker. */
type TakenController = Controller & { [TAKER]: ReadTaker };

/** Where a controller keeps its taker: a closure would be one object more. */
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

/** Has `taker` take each read of a stream, which must keep no pieces. */
export function takeReads(controller: Controller, taker: ReadTaker): void {
  if (READS.isOpen) setPullSteps(controller, PULL_STEPS!, taker);
}

/**
 * A read of a stream whose reads do not come to `takeReads`; the stream calls
 * its source's `pull` for it, with nothing in its list.
 *
 * @param done Called when the read has had its piece, or the end.
 */
export function publicRead(
  controller: Controller,
  done: () => void,
): PendingRead {
  return {
    chunkSteps(piece) {
      controller.enqueue(piece);
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

/** Tells whether a read comes to the symbol as it is thought to. */
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

/**
 * What waits to be written: the handle `pagi.transport`.
 *
 * @module
 */

import { log } from "../../log/log.ts";
import type { PagiTransport } from "../../pagi/types.ts";

const DONE: Promise<void> = Promise.resolve();
/** So many calls without effect are answered before time is looked at. */
const FREE_CALLS = 32;
/** How long the others may go on in one turn of the event loop (ms). */
const SLICE = 5;
/** Calls since the last turn that was waited for. */
let calls = 0;
/** When the slice of this turn began (ms). */
let sliceBegan = 0;
/** Resolves in the next turn; null while none is waited for. */
let nextTurn: Promise<void> | null = null;

/**
 * What a call of `send()` or `receive()` waits for that has no effect, because
 * the response is complete or the client has gone. An app that calls them in a
 * loop, without a look at the disconnect, relies on them to wait: if all such
 * calls resolved at once, no timer and no other request would ever have its
 * turn in this thread.
 */
export function afterEnd(): Promise<void> {
  if (nextTurn === null) {
    if (++calls < FREE_CALLS) return DONE;
    sliceBegan = performance.now();
    nextTurn = new Promise((resolve) =>
      setTimeout(() => {
        nextTurn = null;
        calls = 0;
        resolve();
      }, 0)
    );
  }
  return performance.now() - sliceBegan < SLICE ? DONE : nextTurn;
}

/** When a writer has to wait, in bytes. */
export interface Watermarks {
  /** From here on writers wait. */
  readonly high: number;
  /** Below this they go on. */
  readonly low: number;
}

/** Where the bytes wait. */
export interface Buffer {
  /** Bytes accepted but not yet taken by the engine. */
  readonly bufferedBytes: number;
}

/**
 * Tells when a buffer has filled and when it has drained again (PAGI.md 4).
 * The two alternate: once per cycle each.
 */
export class TransportState implements PagiTransport {
  #full = false;
  #onHighWater: (() => void)[] | null = null;
  #onDrain: (() => void)[] | null = null;
  #waiting: (() => void)[] | null = null;

  readonly #buffer: Buffer;
  readonly #marks: Watermarks;

  constructor(buffer: Buffer, marks: Watermarks) {
    this.#buffer = buffer;
    this.#marks = marks;
  }

  bufferedAmount(): number {
    return this.#buffer.bufferedBytes;
  }

  highWaterMark(): number {
    return this.#marks.high;
  }

  lowWaterMark(): number {
    return this.#marks.low;
  }

  onHighWater(callback: () => void): this {
    (this.#onHighWater ??= []).push(callback);
    if (this.#full) run(callback);
    return this;
  }

  onDrain(callback: () => void): this {
    (this.#onDrain ??= []).push(callback);
    return this;
  }

  /** Looks at the buffer after a change and tells whoever waits for it. */
  update(): void {
    const amount = this.#buffer.bufferedBytes;
    if (!this.#full && amount >= this.#marks.high) {
      this.#full = true;
      this.#onHighWater?.forEach(run);
    } else if (this.#full && (amount < this.#marks.low || amount === 0)) {
      this.#full = false;
      this.release();
      this.#onDrain?.forEach(run);
    }
  }

  /** True from the high mark until the buffer is below the low one. */
  get full(): boolean {
    return this.#full;
  }

  /** Resolves when the buffer has drained, or is given up. */
  drained(): Promise<void> {
    return new Promise((resolve) => (this.#waiting ??= []).push(resolve));
  }

  /** Lets all writers go on: the buffer drained, or nobody will empty it. */
  release(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) { for (const resolve of waiting) resolve(); }
  }
}

function run(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    log.error("A pagi.transport callback of the app failed.", error);
  }
}

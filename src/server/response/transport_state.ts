/** How much is buffered for the client: the handle `pagi.transport`. */

import { DONE } from "../timers.ts";
import { log } from "../../log/log.ts";
import type { PagiTransport } from "../../pagi/types.ts";

/** Calls without effect that resolve at once before the clock is read. */
const FREE_CALLS = 32;
/** How long further calls may resolve at once in one turn of the event loop (ms). */
const SLICE = 5;
/** Calls since the last turn of the event loop that was waited for. */
let calls = 0;
/** When the time slice of this turn began (ms, `performance.now()`). */
let sliceBegan = 0;
/** Resolves in the next turn; null while nobody waits for it. */
let nextTurn: Promise<void> | null = null;

/**
 * Result of a call of `send()` or `receive()` that has no effect, because the
 * response is complete or the client has gone. An app that calls them in a loop
 * and ignores the disconnect would block this thread if all of them resolved at
 * once: no timer and no other request would ever run.
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

/** Buffered bytes at which writers wait and go on. */
export interface Watermarks {
  /** Writers wait from this many bytes on. */
  readonly high: number;
  /** Writers go on below this many bytes. */
  readonly low: number;
}

/** Where bytes are buffered. */
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

  /** To be called after the buffer has changed: notifies whoever waits for it. */
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

  /** Resolves when the buffer has drained or was abandoned. */
  drained(): Promise<void> {
    return new Promise((resolve) => (this.#waiting ??= []).push(resolve));
  }

  /** Lets all writers go on: the buffer has drained, or never will. */
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

/**
 * What a request's client sends, for several apps one after the other.
 *
 * @module
 */

import type { Receive, ReceiveEvent } from "../pagi/types.ts";

/**
 * The most parts of a body that are kept for each byte of the limit, and so
 * many more: bodies may come in crumbs, which take more than their bytes.
 */
const PARTS_PER_BYTE = 1 / 128;
const FEW_PARTS = 64;

/**
 * Keeps what has been received, bodies up to a limit, so that each app can
 * receive it from the start; what no app has received yet is still to come.
 */
export class Replay {
  readonly #receive: Receive;
  readonly #limit: number;
  readonly #mostParts: number;
  /** What is kept, by its number. */
  readonly #events = new Map<number, ReceiveEvent>();
  #received = 0;
  #size = 0;
  #parts = 0;
  #keeps = true;
  #reading: Promise<void> | null = null;
  /** The app whose turn it is, by its number … */
  #app = 0;
  /** … and what it asks for next. */
  #next = 0;

  /** @param limit Bytes that are kept. */
  constructor(receive: Receive, limit: number) {
    this.#receive = receive;
    this.#limit = limit;
    this.#mostParts = FEW_PARTS + limit * PARTS_PER_BYTE;
  }

  /** True while another app could still receive everything. */
  get isWhole(): boolean {
    return this.#keeps;
  }

  /** No other app will have to receive it: keeps nothing more. */
  end(): void {
    this.#keeps = false;
  }

  /**
   * It is the next app's turn: it will have all that is kept now, even if one
   * that received before waits for more that turns out to be too much.
   */
  rewind(): void {
    this.#app++;
    this.#next = 0;
  }

  /** What the app receives whose turn it is: everything from the start. */
  fromStart(): Receive {
    this.rewind();
    const app = this.#app;
    let next = 0;
    return () => {
      const index = next++;
      if (app === this.#app) this.#next = next;
      return this.#event(index, app);
    };
  }

  async #event(index: number, app: number): Promise<ReceiveEvent> {
    while (index >= this.#received) {
      await (this.#reading ??= this.#read().finally(() =>
        this.#reading = null
      ));
    }
    const event = this.#events.get(index);
    // An app that asks after its turn, for what the next one has already.
    if (event === undefined) return new Promise(() => {});
    if (!this.#keeps && app === this.#app) {
      this.#events.delete(index);
      return event;
    }
    // Each app has bytes of its own, whatever it does to them.
    return "body" in event ? { ...event, body: event.body.slice() } : event;
  }

  async #read(): Promise<void> {
    const event = await this.#receive();
    if ("body" in event && event.body.byteLength > 0) {
      this.#size += event.body.byteLength;
      this.#parts++;
    }
    const tooMuch = this.#size > this.#limit || this.#parts > this.#mostParts;
    if (this.#keeps && tooMuch) {
      this.#keeps = false;
      for (const index of this.#events.keys()) {
        if (index < this.#next) this.#events.delete(index);
      }
    }
    this.#events.set(this.#received++, event);
  }
}

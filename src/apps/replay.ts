/**
 * What a request's client sends, for several apps one after the other.
 *
 * @module
 */

import type { Receive, ReceiveEvent } from "../pagi/types.ts";

/** Bytes that an event takes besides its body; bodies may come in crumbs. */
const OVERHEAD = 128;

/**
 * Keeps what has been received, bodies up to a limit, so that each app can
 * receive it from the start; what no app has received yet is still to come.
 */
export class Replay {
  readonly #receive: Receive;
  readonly #limit: number;
  /** What is kept, by its number. */
  readonly #events = new Map<number, ReceiveEvent>();
  #received = 0;
  #size = 0;
  #keeps = true;
  #reading: Promise<void> | null = null;

  /** @param limit Bytes that are kept. */
  constructor(receive: Receive, limit: number) {
    this.#receive = receive;
    this.#limit = limit;
  }

  /** True while another app could still receive everything. */
  get isWhole(): boolean {
    return this.#keeps;
  }

  /** No other app will have to receive it: keeps nothing more. */
  end(): void {
    this.#keeps = false;
  }

  /** What one app receives: everything from the start. */
  fromStart(): Receive {
    let next = 0;
    return () => this.#event(next++);
  }

  async #event(index: number): Promise<ReceiveEvent> {
    const isNew = index >= this.#received;
    while (index >= this.#received) {
      await (this.#reading ??= this.#read().finally(() =>
        this.#reading = null
      ));
    }
    const event = this.#events.get(index)!;
    if (!this.#keeps) this.#events.delete(index);
    // Each app has bytes of its own, whatever it does to them.
    return isNew && !this.#keeps || !("body" in event)
      ? event
      : { ...event, body: event.body.slice() };
  }

  async #read(): Promise<void> {
    const event = await this.#receive();
    if ("body" in event && event.body.byteLength > 0) {
      this.#size += event.body.byteLength + OVERHEAD;
    }
    // What has been received and is too much goes to this app alone.
    if (this.#keeps && this.#size > this.#limit) {
      this.#keeps = false;
      this.#events.clear();
    }
    this.#events.set(this.#received++, event);
  }
}

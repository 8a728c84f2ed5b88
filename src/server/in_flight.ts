/**
 * What runs at the moment.
 *
 * @module
 */

import { noteRequest } from "../guard/request_times.ts";
import type { Exchange } from "./exchange.ts";

/** What runs, as {@linkcode Running} chains it. */
export interface Chained {
  next: Exchange | null;
  previous: Exchange | null;
}

/**
 * The requests and connections that an app is serving. They form a chain in
 * the order in which they came: a set costs several times as much.
 */
export class Running {
  #first: Exchange | null = null;
  #last: Exchange | null = null;
  #size = 0;
  readonly #onAdd: () => void;
  #onIdle: (() => void)[] = [];

  /** @param onAdd Called when something begins to run. */
  constructor(onAdd: () => void) {
    this.#onAdd = onAdd;
  }

  add(exchange: Exchange): void {
    const last = this.#last;
    if (last === null) this.#first = exchange;
    else last.next = exchange;
    exchange.previous = last;
    this.#last = exchange;
    this.#size++;
    const { address, connection } = exchange;
    if ("port" in address) noteRequest(address.port, exchange.startedAt);
    if (connection !== null) connection.running++;
    this.#onAdd();
  }

  /** To be called once for each that was added. */
  delete(exchange: Exchange): void {
    const { next, previous } = exchange;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    // Who is kept must not keep those that came before or after it.
    exchange.next = exchange.previous = null;
    this.#size--;
    const { connection } = exchange;
    if (connection !== null) connection.running--;
    if (this.#size === 0 && this.#onIdle.length > 0) {
      const waiting = this.#onIdle;
      this.#onIdle = [];
      for (const resolve of waiting) resolve();
    }
  }

  get size(): number {
    return this.#size;
  }

  /** What runs now, and goes on running whatever is done meanwhile. */
  [Symbol.iterator](): IterableIterator<Exchange> {
    const all: Exchange[] = [];
    for (let one = this.#first; one !== null; one = one.next) all.push(one);
    return all.values();
  }

  /** Resolves when nothing runs. */
  idle(): Promise<void> {
    if (this.#size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }
}

/**
 * What runs at the moment.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";

/**
 * The most that may run for one HTTP/2 connection. The engine lets 200 streams
 * be open; more run when clients reset streams that the app goes on serving.
 */
const MAX_OF_CONNECTION = 1000;

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
  /** How many run for an HTTP/2 connection, by its `peerKey`. */
  readonly #streams = new Map<string, number>();
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
    if (exchange.head.http2) this.#countStream(exchange, 1);
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
    if (exchange.head.http2) this.#countStream(exchange, -1);
    if (this.#size === 0 && this.#onIdle.length > 0) {
      const waiting = this.#onIdle;
      this.#onIdle = [];
      for (const resolve of waiting) resolve();
    }
  }

  /**
   * True when an HTTP/2 connection, named as `peerKey` does, has made all run
   * that it may: it resets streams faster than the app ends (CVE-2023-44487).
   */
  isCrowded(peer: string): boolean {
    return (this.#streams.get(peer) ?? 0) >= MAX_OF_CONNECTION;
  }

  #countStream({ address, peerKey }: Exchange, change: 1 | -1): void {
    // All clients of a Unix socket have one name.
    if (!("hostname" in address)) return;
    const count = (this.#streams.get(peerKey) ?? 0) + change;
    if (count === 0) this.#streams.delete(peerKey);
    else this.#streams.set(peerKey, count);
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

/**
 * What runs at the moment.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";

/** The requests and connections that an app is serving. */
export class Running {
  readonly #exchanges = new Set<Exchange>();
  readonly #onBusy: () => void;
  #onIdle: (() => void)[] = [];

  /** @param onBusy Called when something runs and nothing did before. */
  constructor(onBusy: () => void) {
    this.#onBusy = onBusy;
  }

  add(exchange: Exchange): void {
    this.#exchanges.add(exchange);
    if (this.#exchanges.size === 1) this.#onBusy();
  }

  delete(exchange: Exchange): void {
    if (this.#exchanges.delete(exchange) && this.#exchanges.size === 0) {
      const waiting = this.#onIdle;
      this.#onIdle = [];
      for (const resolve of waiting) resolve();
    }
  }

  get size(): number {
    return this.#exchanges.size;
  }

  [Symbol.iterator](): IterableIterator<Exchange> {
    return this.#exchanges.values();
  }

  /** Resolves when nothing runs. */
  idle(): Promise<void> {
    if (this.#exchanges.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }
}

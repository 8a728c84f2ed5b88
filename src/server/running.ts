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

/** The requests and connections that an app is serving. */
export class Running {
  readonly #exchanges = new Set<Exchange>();
  /** How many run for an HTTP/2 connection, by its `peerKey`. */
  readonly #streams = new Map<string, number>();
  readonly #onAdd: () => void;
  #onIdle: (() => void)[] = [];

  /** @param onAdd Called when something begins to run. */
  constructor(onAdd: () => void) {
    this.#onAdd = onAdd;
  }

  add(exchange: Exchange): void {
    this.#exchanges.add(exchange);
    if (exchange.head.http2) this.#countStream(exchange, 1);
    this.#onAdd();
  }

  delete(exchange: Exchange): void {
    if (!this.#exchanges.delete(exchange)) return;
    if (exchange.head.http2) this.#countStream(exchange, -1);
    if (this.#exchanges.size === 0) {
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

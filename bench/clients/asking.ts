/**
 * Connections that ask again as soon as they are answered.
 *
 * @module
 */

import { Poller, receive, send } from "./sockets.ts";
import type { Loader, Tally } from "./turns.ts";

/** Asks one server the same on many connections. */
export class Asking implements Loader {
  readonly #poller = new Poller();
  readonly #arrived: Uint32Array;
  readonly #askedAt: Float64Array;
  #waiting = 0;
  #end = 0;
  #tally!: Tally;

  /** Each answer has so many bytes. */
  constructor(
    readonly sockets: readonly number[],
    readonly request: Uint8Array<ArrayBuffer>,
    readonly answerSize: number,
  ) {
    sockets.forEach((fd, index) => this.#poller.add(fd, index));
    this.#arrived = new Uint32Array(sockets.length);
    this.#askedAt = new Float64Array(sockets.length);
  }

  take(end: number, tally: Tally): void {
    this.#end = end;
    this.#tally = tally;
    const now = performance.now();
    this.sockets.forEach((_, index) => this.#ask(index, now));
    while (this.#waiting > 0) this.#poller.wait(this.#read);
  }

  #ask(index: number, now: number): void {
    this.#arrived[index] = 0;
    this.#askedAt[index] = now;
    this.#waiting++;
    send(this.sockets[index], this.request);
  }

  readonly #read = (index: number): void => {
    const arrived = this.#arrived[index] += receive(this.sockets[index]);
    if (arrived < this.answerSize) return;
    if (arrived > this.answerSize) {
      throw new Error("an answer is longer than the one before");
    }
    const now = performance.now();
    this.#waiting--;
    this.#tally.count++;
    this.#tally.latencies.push(now - this.#askedAt[index]);
    if (now < this.#end) this.#ask(index, now);
  };
}

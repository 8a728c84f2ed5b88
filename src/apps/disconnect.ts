/**
 * What comes from the client of one request: its body, and that it left.
 *
 * @module
 */

import type { Receive } from "../pagi/types.ts";

/** Tells whether the client has left; a `send` to nobody does not. */
export class Departure {
  /** True once the client has left. */
  happened = false;
  /** Resolves once the client has left; pending for ever if it stays. */
  readonly promise: Promise<void>;

  /** Reads the request to its end, which is when the client leaves. */
  constructor(receive: Receive) {
    this.promise = this.#watch(receive).catch(() => new Promise(() => {}));
  }

  async #watch(receive: Receive): Promise<void> {
    while (!this.happened) {
      this.happened = (await receive()).type.endsWith(".disconnect");
    }
  }
}

/** The client left before it had its answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
  override readonly message = "The client has gone.";
}

/** Tells of the client's leaving. */
export interface ClientWatch {
  /** True when the client left before it was served. */
  readonly gone: boolean;
  /** Calls `act`, in place of the last one, when the client leaves. */
  onGone(act: () => void): void;
}

/** Reads what an `http` or `sse` scope receives. */
export class Client implements ClientWatch {
  /** True when the client left before {@linkcode served}. */
  gone = false;
  /** True when the whole body has been received. */
  complete = false;
  /** True when the answer to it has begun. */
  answered = false;
  readonly #receive: Receive;
  #served = false;
  #onGone: () => void = () => {};

  constructor(receive: Receive) {
    this.#receive = receive;
  }

  /**
   * The next part of the body, perhaps an empty one.
   *
   * @throws {ClientGone} When the client leaves instead.
   */
  async next(): Promise<Uint8Array> {
    const event = await this.#receive();
    if (event.type !== "http.request" && event.type !== "sse.request") {
      this.#leave();
      throw new ClientGone();
    }
    if (!event.more) {
      this.complete = true;
      void this.#watch();
    }
    return event.body;
  }

  /** Calls `act`, in place of the last one, when the client leaves. */
  onGone(act: () => void): void {
    this.#onGone = act;
  }

  /** The answer is complete: that the client leaves means nothing any more. */
  served(): void {
    this.#served = true;
  }

  async #watch(): Promise<void> {
    try {
      await this.#receive();
    } catch {
      // It ended all the same.
    }
    this.#leave();
  }

  #leave(): void {
    if (this.#served) return;
    this.gone = true;
    this.#onGone();
  }
}

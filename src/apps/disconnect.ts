/** Reads a request's body, and notices when its client disconnects. */

import type { HttpScope, Receive, ReceiveEvent } from "../pagi/types.ts";

/** The client left before it had its response. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
  override readonly message = "The client has gone.";
}

/** Notices a disconnect. */
export interface DisconnectWatch {
  /** True when the client left before the end of its response. */
  readonly disconnected: boolean;
  /** Calls `act`, in place of the last one, when the client leaves. */
  onDisconnect(act: () => void): void;
}

/** Reads the events of an `http` or `sse` scope. */
export class RequestReader implements DisconnectWatch {
  /** True when the client left before {@linkcode served}. */
  disconnected = false;
  /** True when the whole body has been received. */
  complete = false;
  /** True when the response has begun. */
  responseStarted = false;
  readonly #receive: Receive;
  readonly #isReported: boolean;
  #served = false;
  #onDisconnect: () => void = () => {};
  #disconnect: Promise<void> | null = null;

  /** @param connection Reports the disconnect; otherwise `receive` does. */
  constructor(receive: Receive, connection?: HttpScope["pagi.connection"]) {
    this.#receive = receive;
    this.#isReported = connection !== undefined;
    connection?.onDisconnect(() => this.#leave());
  }

  /** Watches for the disconnect only; drops the rest of the body. */
  static watch(receive: Receive): RequestReader {
    const reader = new RequestReader(receive);
    reader.drop();
    return reader;
  }

  /** Drops the rest of the body while watching for the disconnect. */
  drop(): void {
    if (!this.#isReported) void this.#watch();
  }

  /** Resolves when the client leaves before the end of its response. */
  get disconnect(): Promise<void> {
    return this.#disconnect ??= new Promise((resolve) => {
      if (this.disconnected) resolve();
      else this.onDisconnect(resolve);
    });
  }

  /**
   * The next part of the body, perhaps an empty one.
   *
   * @throws {ClientGone} When the client leaves instead.
   */
  next(): Promise<Uint8Array> {
    // A middleware may give the event itself.
    return Promise.resolve(this.#receive()).then((event) => this.#take(event));
  }

  #take(event: ReceiveEvent): Uint8Array {
    if (event.type !== "http.request" && event.type !== "sse.request") {
      this.#leave();
      throw new ClientGone();
    }
    if (!event.more) {
      this.complete = true;
      this.drop();
    }
    return event.body;
  }

  /**
   * The rest of the body.
   *
   * @throws {ClientGone} When the client leaves instead.
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    while (!this.complete) yield await this.next();
  }

  /** Calls `act`, in place of the last one, when the client leaves. */
  onDisconnect(act: () => void): void {
    this.#onDisconnect = act;
  }

  /** To be called at the end of the response: later disconnects are ignored. */
  served(): void {
    this.#served = true;
  }

  async #watch(): Promise<void> {
    try {
      while (!(await this.#receive()).type.endsWith(".disconnect"));
    } catch {
      // A failed request has ended as well.
    }
    this.#leave();
  }

  #leave(): void {
    if (this.#served) return;
    this.disconnected = true;
    this.#onDisconnect();
  }
}

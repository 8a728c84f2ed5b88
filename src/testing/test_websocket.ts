/**
 * The client's end of a WebSocket.
 *
 * @module
 */

import type { SendEvent } from "../pagi/types.ts";
import type { CloseInfo, MemorySocket } from "./memory_socket.ts";
import type { TestExchange } from "./test_exchange.ts";

/** An accepted WebSocket; iterate its messages, or receive them one by one. */
export class TestWebSocket implements AsyncDisposable {
  /** The fields of the handshake's answer. */
  readonly headers: Headers;
  /** What the app chose, or null. */
  readonly subprotocol: string | null;
  readonly #exchange: TestExchange;
  readonly #socket: MemorySocket;

  /** Made by the client's `websocket`. */
  constructor(exchange: TestExchange, socket: MemorySocket, headers: Headers) {
    this.#exchange = exchange;
    this.#socket = socket;
    this.headers = headers;
    this.subprotocol = headers.get("sec-websocket-protocol");
  }

  /** All that the app sent so far, in order. */
  get events(): readonly SendEvent[] {
    return this.#exchange.watch.events;
  }

  /**
   * Sends a message: text, or bytes.
   *
   * @throws {Error} When the WebSocket is closed.
   */
  send(message: string | Uint8Array): void {
    if (!this.#socket.isOpen) {
      throw new Error(`${this.#exchange.name}: the WebSocket is closed.`);
    }
    this.#socket.clientSend(message);
  }

  /**
   * Waits for the next message.
   *
   * @throws {Error} When the WebSocket is closed instead; what the app threw,
   * where that was the reason.
   * @throws {TimeoutError} When none comes in time.
   */
  async receive(): Promise<string | Uint8Array> {
    const message = await this.#next();
    if (message !== null) return message;
    const { code, reason } = await this.closed();
    throw new Error(
      `${this.#exchange.name}: no message came; the WebSocket was closed with ${code} ${
        JSON.stringify(reason)
      }.`,
    );
  }

  /** The messages until the WebSocket is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string | Uint8Array> {
    for (
      let message = await this.#next();
      message !== null;
      message = await this.#next()
    ) yield message;
  }

  /**
   * Waits until the WebSocket is closed, by whomever, and the app has returned.
   *
   * @returns the code and reason of the first Close; 1006 without any
   */
  async closed(): Promise<CloseInfo> {
    const exchange = this.#exchange;
    const info = await exchange.within("close", this.#socket.closed);
    await exchange.ended();
    return info;
  }

  /** Sends a Close, and waits until the app has returned. */
  async close(code = 1000, reason = ""): Promise<void> {
    this.#socket.clientClose(code, reason);
    await this.#exchange.ended();
  }

  /** Loses the connection without a Close; the app learns 1006. */
  async drop(): Promise<void> {
    this.#socket.clientDrop();
    await this.#exchange.ended();
  }

  /** As `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #next(): Promise<string | Uint8Array | null> {
    return this.#exchange.within("send", this.#socket.clientReceive());
  }
}

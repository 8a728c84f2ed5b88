/**
 * A WebSocket whose two ends are in one process, and the client's end of it.
 *
 * @module
 */

import type { SendEvent } from "../src/pagi/types.ts";
import type { TestExchange } from "./exchange.ts";

/** How a WebSocket was closed. */
export interface CloseInfo {
  /** 1005 for a Close without a code, 1006 for none. */
  code: number;
  /** `""` without one. */
  reason: string;
}

/**
 * The server's end looks like the engine's `WebSocket`; the client's end is
 * what the methods named `client…` say. Nothing is lost and nothing waits: the
 * connection between the two holds any number of messages.
 */
export class MemorySocket extends EventTarget {
  binaryType = "arraybuffer";
  readonly bufferedAmount = 0;

  /** Resolves when the server's end is open. */
  readonly opened: Promise<void>;
  /** Resolves when the connection is closed, either way. */
  readonly closed: Promise<CloseInfo>;
  readonly #close: (info: CloseInfo) => void;
  #open = true;
  readonly #messages: (string | Uint8Array)[] = [];
  #arrived = Promise.withResolvers<void>();

  constructor() {
    super();
    const closed = Promise.withResolvers<CloseInfo>();
    this.closed = closed.promise;
    this.#close = closed.resolve;
    // The server listens once it has the socket.
    this.opened = Promise.resolve().then(() => {
      this.dispatchEvent(new Event("open"));
    });
  }

  /** The server sends a message. */
  send(message: string | Uint8Array): void {
    if (!this.#open) return;
    this.#messages.push(
      typeof message === "string" ? message : new Uint8Array(message),
    );
    this.#arrived.resolve();
  }

  /** The server sends a Close; the client answers with the same. */
  close(code = 1005, reason = ""): void {
    if (!this.#open) return;
    this.#end({ code, reason });
    queueMicrotask(() => this.#tellClose({ code, reason }));
  }

  /** The client sends a message. */
  clientSend(message: string | Uint8Array): void {
    const data = typeof message === "string"
      ? message
      : new Uint8Array(message).buffer;
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** The next message for the client; null once closed and all are taken. */
  async clientReceive(): Promise<string | Uint8Array | null> {
    while (this.#messages.length === 0) {
      if (!this.#open) return null;
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
    }
    return this.#messages.shift()!;
  }

  /** The client sends a Close, and the server answers. */
  clientClose(code: number, reason: string): void {
    if (!this.#open) return;
    this.#end({ code, reason });
    this.#tellClose({ code, reason });
  }

  /** The connection is gone without a Close: the engine's code for that is 0. */
  clientDrop(): void {
    if (!this.#open) return;
    this.#end({ code: 1006, reason: "" });
    this.#tellClose({ code: 0, reason: "" });
  }

  /** True until either end closes. */
  get isOpen(): boolean {
    return this.#open;
  }

  #tellClose(info: CloseInfo): void {
    this.dispatchEvent(new CloseEvent("close", { ...info }));
  }

  #end(info: CloseInfo): void {
    this.#open = false;
    this.#close(info);
    this.#arrived.resolve();
  }
}

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

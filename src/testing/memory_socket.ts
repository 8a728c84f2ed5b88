/**
 * A WebSocket whose two ends are in one process.
 *
 * @module
 */

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

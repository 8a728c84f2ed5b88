/**
 * A response body on its way out, with backpressure.
 *
 * @module
 */

import type { Buffer, TransportState, Watermarks } from "./transport_state.ts";

const DONE: Promise<void> = Promise.resolve();

/**
 * A body that the app writes and the engine reads. A write waits while more
 * than the high mark is in the buffer (PAGI.md 3.1, last row).
 */
export class OutboundBody implements Buffer {
  readonly stream: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly #transport: () => TransportState;
  readonly #high: number;
  #over = false;
  #aborted = false;
  #cancelled = false;
  #written = 0;

  /**
   * @param transport Watches this buffer; asked for only when a write happens.
   * @param onCancel Called when nobody reads any longer: the client has left.
   */
  constructor(
    transport: () => TransportState,
    marks: Watermarks,
    onCancel: () => void,
  ) {
    this.#transport = transport;
    this.#high = marks.high;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#transport().update();
        if (this.#aborted && this.bufferedBytes === 0) this.#fail();
      },
      cancel: () => {
        this.#written -= this.bufferedBytes;
        this.#over = true;
        this.#cancelled = true;
        this.#transport().release();
        onCancel();
      },
    }, { highWaterMark: marks.high, size: (chunk) => chunk.byteLength });
  }

  get bufferedBytes(): number {
    return this.#cancelled
      ? 0
      : this.#high - (this.#controller.desiredSize ?? this.#high);
  }

  /** Bytes that the engine took, or will take. */
  get written(): number {
    return this.#written;
  }

  /** True when nothing more can be written. */
  get over(): boolean {
    return this.#over;
  }

  /** Takes a piece; resolves when the next one may come. */
  write(chunk: Uint8Array): Promise<void> {
    if (this.#over || chunk.byteLength === 0) return DONE;
    this.#controller.enqueue(chunk);
    this.#written += chunk.byteLength;
    const transport = this.#transport();
    transport.update();
    return transport.full ? transport.drained() : DONE;
  }

  /** The body is whole. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller.close();
    this.#transport().release();
  }

  /** Nobody will read this body. */
  discard(): void {
    this.#over = true;
  }

  /**
   * The body stays unfinished: after what is written already, the connection
   * closes without a terminator.
   */
  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#aborted = true;
    if (this.bufferedBytes === 0) this.#fail();
    this.#transport().release();
  }

  #fail(): void {
    this.#cancelled = true;
    this.#controller.error(new Error("the response was cut short"));
  }
}

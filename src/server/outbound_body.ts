/**
 * A response body on its way out, with backpressure.
 *
 * @module
 */

import type { IdleTimer } from "./idle_timer.ts";
import type { Buffer, TransportState } from "./transport_state.ts";

const DONE: Promise<void> = Promise.resolve();

/**
 * A body that the app writes and the engine reads. A write waits while more
 * than the high mark is in the buffer (PAGI.md 3.1, last row).
 *
 * The pieces wait here and not in the stream, which forgets how many bytes it
 * held when the engine gives it up.
 */
export class OutboundBody implements Buffer {
  readonly stream: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly #transport: () => TransportState;
  /** What waits for the engine, the next piece first. */
  #pieces: Uint8Array[] = [];
  #bufferedBytes = 0;
  #written = 0;
  /** The engine waits for a piece. */
  #wanted = false;
  #over = false;
  #aborted = false;

  /**
   * @param transport Watches this buffer; asked for only when a write happens.
   * @param onCancel Called when the engine reads no more.
   * @param activity Is told of each piece that the engine has written.
   */
  constructor(
    transport: () => TransportState,
    onCancel: () => void,
    activity: IdleTimer | null = null,
  ) {
    this.#transport = transport;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        activity?.touch();
        this.#wanted = true;
        if (this.#pieces.length === 0 && !this.#over) return;
        this.#feed();
        this.#transport().update();
      },
      cancel: () => {
        this.#written -= this.#bufferedBytes;
        this.#bufferedBytes = 0;
        this.#pieces = [];
        this.#over = true;
        this.#transport().release();
        onCancel();
      },
    }, { highWaterMark: 0 });
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
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
  write(piece: Uint8Array): Promise<void> {
    if (this.#over || piece.byteLength === 0) return DONE;
    if (this.#wanted) {
      // Nothing waits, and neither does this piece.
      this.#wanted = false;
      this.#written += piece.byteLength;
      this.#controller.enqueue(piece);
      return DONE;
    }
    this.#pieces.push(piece);
    this.#bufferedBytes += piece.byteLength;
    this.#written += piece.byteLength;
    this.#feed();
    const transport = this.#transport();
    transport.update();
    return transport.full ? transport.drained() : DONE;
  }

  /** The body is whole. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#feed();
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
    this.#aborted = true;
    this.end();
  }

  /** Gives the engine what it waits for: the next piece, or the end. */
  #feed(): void {
    if (!this.#wanted) return;
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#wanted = false;
      this.#bufferedBytes -= piece.byteLength;
      this.#controller.enqueue(piece);
    } else if (this.#over) {
      this.#wanted = false;
      if (this.#aborted) {
        this.#controller.error(new Error("the response was cut short"));
      } else this.#controller.close();
    }
  }
}

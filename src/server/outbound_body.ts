/**
 * A response body on its way out, with backpressure.
 *
 * @module
 */

import type { IdleTimer } from "./idle_timer.ts";
import type { Buffer, TransportState } from "./transport_state.ts";

const DONE: Promise<void> = Promise.resolve();
/** So many pieces may wait as far as the stream knows: marks count bytes. */
const ROOM = 2 ** 30;

/**
 * A body that the app writes and the engine reads. A write waits while more
 * than the high mark is in the buffer (PAGI.md 3.1, last row).
 *
 * The pieces wait in a stream, which tells nothing of those that the engine
 * has taken: it only asks for more after each, and only if it is not asking
 * already. So it is left asking while nothing waits, as that costs nothing.
 */
export class OutboundBody implements Buffer {
  #over = false;
  #written = 0;
  #bufferedBytes = 0;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** The sizes of what waits for the engine, as of the last look. */
  #waiting: number[] = [];
  /** Lets the stream ask anew. */
  #askAgain: (() => void) | null = null;
  #aborted = false;
  readonly stream: ReadableStream<Uint8Array>;
  readonly #transport: TransportState;
  readonly #onCancel: () => void;
  readonly #activity: IdleTimer | null;

  /**
   * @param transport Watches this buffer.
   * @param onCancel Called when the engine reads no more.
   * @param activity Is told of each piece that the engine has written.
   */
  constructor(
    transport: TransportState,
    onCancel: () => void,
    activity: IdleTimer | null = null,
  ) {
    this.#transport = transport;
    this.#onCancel = onCancel;
    this.#activity = activity;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => this.#cancel(),
    }, { highWaterMark: ROOM });
  }

  get bufferedBytes(): number {
    this.#look();
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
    const { byteLength } = piece;
    if (this.#over || byteLength === 0) return DONE;
    this.#written += byteLength;
    this.#controller.enqueue(piece);
    if (this.#controller.desiredSize === ROOM) {
      if (this.#bufferedBytes > 0) this.#look();
      return DONE;
    }
    this.#waiting.push(byteLength);
    this.#bufferedBytes += byteLength;
    this.#ask();
    const transport = this.#transport;
    transport.update();
    return transport.full ? transport.drained() : DONE;
  }

  /** The body is whole. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    if (!this.#aborted) this.#controller.close();
    else if (this.bufferedBytes === 0) this.#break();
    else this.#ask();
    this.#transport.release();
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

  /** Finds out what still waits. */
  #look(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    // 0 and null: the stream is at its end, so nothing waits.
    const room = this.#controller.desiredSize || ROOM;
    if (room === ROOM) {
      waiting.length = this.#bufferedBytes = 0;
      return;
    }
    const taken = waiting.length - (ROOM - room);
    for (let i = 0; i < taken; i++) this.#bufferedBytes -= waiting.shift()!;
  }

  /** The engine has taken a piece, or waits for one. */
  #pull(): Promise<void> | undefined {
    this.#activity?.touch();
    this.#transport.update();
    const empty = this.bufferedBytes === 0;
    if (empty && this.#aborted) this.#break();
    if (!empty || this.#activity !== null) return undefined;
    return new Promise((resolve) => (this.#askAgain = resolve));
  }

  /** Has the stream ask after each piece. */
  #ask(): void {
    this.#askAgain?.();
    this.#askAgain = null;
  }

  #break(): void {
    this.#controller.error(new Error("the response was cut short"));
  }

  #cancel(): void {
    this.#written -= this.#bufferedBytes;
    this.#bufferedBytes = 0;
    this.#waiting = [];
    this.#over = true;
    this.#transport.release();
    this.#onCancel();
  }
}

/** The messages that an app sends on one WebSocket. */

import { DONE } from "../timers.ts";
import { byteLength } from "../../http/headers.ts";
import type { Timer } from "../../std/timer.ts";
import {
  type Buffer,
  TransportState,
  type Watermarks,
} from "../response/transport_state.ts";

/** Sends messages, and makes the app wait while too many bytes are buffered. */
export class WebSocketOutbox implements Buffer {
  readonly transport: TransportState;
  /** Bytes of the messages sent, where they are counted. */
  sent = 0;
  #socket: WebSocket | null = null;
  /**
   * Upper bound of the bytes that the engine buffers. Reading `bufferedAmount`
   * takes as long as a send, so it is read only when this bound reaches the high
   * watermark. The bound starts there, so that the first message takes that
   * branch: taken later for the first time, it would deoptimise the code that V8
   * has compiled by then (bench/PROFILE.md).
   */
  #maxBuffered: number;
  readonly #high: number;
  readonly #counts: boolean;
  readonly #drainPoller: DrainPoller;

  /** @param counts Whether the number of bytes sent is needed. */
  constructor(marks: Watermarks, counts: boolean) {
    this.#high = marks.high;
    this.#counts = counts;
    this.#maxBuffered = marks.high;
    this.transport = new TransportState(this, marks);
    this.#drainPoller = new DrainPoller(this.transport);
  }

  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Messages go to `socket`. */
  open(socket: WebSocket): void {
    this.#socket = socket;
  }

  /** Sends one message; resolves when the next may come. */
  send(message: string | Uint8Array): Promise<void> {
    // The engine copies the message.
    this.#socket?.send(message as Uint8Array<ArrayBuffer>);
    if (this.#counts) this.sent += byteLength(message);
    // A UTF-16 code unit becomes at most three bytes.
    this.#maxBuffered += 3 * message.length;
    if (this.#maxBuffered < this.#high) return DONE;
    const { bufferedBytes, transport } = this;
    transport.update();
    if (!transport.full) {
      this.#maxBuffered = bufferedBytes;
      return DONE;
    }
    this.#drainPoller.start();
    return transport.drained();
  }

  /** The connection has ended: drops later messages, and resolves all waits. */
  end(): void {
    this.#socket = null;
    this.#drainPoller.stop();
    this.transport.release();
  }
}

/** Milliseconds between two checks of a full buffer. */
const POLL_INTERVAL_MS = 10;

/** Polls a buffer until it has drained, because the engine has no event for it. */
class DrainPoller {
  readonly #transport: TransportState;
  #timer: Timer | undefined;

  constructor(transport: TransportState) {
    this.#transport = transport;
  }

  /** Polls until the buffer has drained. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.#transport.update();
      if (!this.#transport.full) this.stop();
    }, POLL_INTERVAL_MS);
  }

  /** Stops polling. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

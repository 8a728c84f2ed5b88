/**
 * What goes out on one WebSocket.
 *
 * @module
 */

import { DONE } from "../timers.ts";
import { byteLength } from "../../http/headers.ts";
import type { Timer } from "../../std/timer.ts";
import {
  type Buffer,
  TransportState,
  type Watermarks,
} from "../response/transport_state.ts";

/** Sends messages, and has the app wait while too many bytes do. */
export class WebSocketOutbox implements Buffer {
  readonly transport: TransportState;
  /** Bytes of the messages sent, where they are counted. */
  sent = 0;
  #socket: WebSocket | null = null;
  /**
   * Upper bound of the bytes that wait to be sent. It stands in for the exact
   * number, because asking the engine takes as long as sending. It starts at
   * the high watermark, so that the first message asks: the code for that would
   * otherwise run for the first time after hundreds of messages, and have the
   * code compiled without it thrown away (bench/PROFILE.md).
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
    // The engine copies what it is given.
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

  /** Nothing can be sent any more, and nobody waits. */
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

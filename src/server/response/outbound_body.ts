/** A response body on its way out, with backpressure. */

import {
  type PendingRead,
  publicRead,
  type ReadTaker,
  takeReads,
} from "../../engine/stream.ts";
import { FRAME, type Http2Stream } from "../http2_connection.ts";
import { DONE, type IdleTimer } from "../timers.ts";
import {
  afterEnd,
  type Buffer,
  type TransportState,
} from "./transport_state.ts";

/** A body that is on its way out, whoever wrote it. */
export interface OutgoingBody extends Buffer {
  /** Notified of each chunk. */
  writes: IdleTimer | null;
  /** Bytes that the engine took, or will take. */
  readonly written: number;
  /** Changes whenever the engine takes something. */
  readonly taken: number;
  /** The engine has all that there is, and waits for more. */
  readonly awaited: boolean;
  /** The body is whole. */
  end(): void;
  /** Leaves the body unfinished, after what there is of it. */
  abort(): void;
  /** Leaves it unfinished, and drops what waits. */
  drop(): void;
}

/**
 * Bytes that the engine gets at a time by HTTP/1.1: of more it sends a part, and
 * the rest takes it as long again.
 */
const MAX_CHUNK = 64 * 1024;

/**
 * A body that the app writes and the engine reads: the source of a stream,
 * which calls `start`, `pull` and `cancel`. A write waits while more than the
 * high mark is in the buffer (PAGI.md 3.1, last row).
 */
export class OutboundBody
  implements OutgoingBody, ReadTaker, UnderlyingDefaultSource<Uint8Array> {
  // Together, as objects lie in memory: what each chunk of a stream needs.
  /** How the stream ends once its buffer is empty; null while it goes on. */
  #ending: "close" | "error" | null = null;
  /** Notified of each chunk that is written … */
  writes: IdleTimer | null = null;
  /** … and of each that the engine has written. */
  readonly #activity: IdleTimer | null;
  #written = 0;
  /** The engine, while it waits for a chunk. */
  #read: PendingRead | null = null;
  /** The chunks that wait for the engine. */
  #waiting: Queue<Uint8Array> | null = null;
  /** How many chunks the engine has taken. */
  #taken = 0;

  /** Who asked for more before it had that, as the engine does not. */
  #laterReads: PendingRead[] | null = null;
  #bufferedBytes = 0;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly #http2: Http2Stream | null;
  readonly stream: ReadableStream<Uint8Array>;
  readonly #transport: TransportState;
  readonly #onCancel: () => void;

  /**
   * @param transport Watches this buffer.
   * @param onCancel Called when the engine reads no more.
   * @param activity Notified of each chunk that the engine has written.
   * @param http2 The HTTP/2 stream that it leaves by, if it does.
   */
  constructor(
    transport: TransportState,
    onCancel: () => void,
    activity: IdleTimer | null = null,
    http2: Http2Stream | null = null,
  ) {
    this.#transport = transport;
    this.#onCancel = onCancel;
    this.#activity = activity;
    this.#http2 = http2;
    this.stream = new ReadableStream<Uint8Array>(this, { highWaterMark: 0 });
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Bytes that the engine took, or will take. */
  get written(): number {
    return this.#written;
  }

  /** Changes whenever the engine takes something. */
  get taken(): number {
    return this.#taken;
  }

  /** The engine has all that was written, and waits for more. */
  get awaited(): boolean {
    return this.#read !== null;
  }

  /** True when nothing more can be written. */
  get over(): boolean {
    return this.#ending !== null;
  }

  /** Takes a chunk; resolves when the next one may come. */
  write(chunk: Uint8Array): Promise<void> {
    const { byteLength } = chunk;
    if (this.#ending !== null) return afterEnd();
    if (byteLength === 0) return DONE;
    this.writes?.touch();
    this.#written += byteLength;
    const read = this.#read;
    const most = this.#http2 === null ? MAX_CHUNK : FRAME;
    if (read !== null) {
      this.#read = this.#laterReads?.shift() ?? null;
      if (byteLength <= most) {
        this.#taken++;
        read.chunkSteps(chunk);
        return DONE;
      }
    }
    const waiting = this.#waiting ??= new Queue();
    if (byteLength <= most) waiting.push(chunk);
    else {
      for (let at = 0; at < byteLength; at += most) {
        waiting.push(chunk.subarray(at, at + most));
      }
    }
    this.#wait(byteLength);
    if (read !== null) this.take(read);
    const transport = this.#transport;
    transport.update();
    return transport.full ? transport.drained() : DONE;
  }

  /** The body is complete. */
  end(): void {
    this.#endWith("close");
  }

  /** Nobody will read this body. */
  discard(): void {
    this.#ending = "close";
  }

  /**
   * The body stays unfinished: after what is written already, the connection
   * closes without a terminator.
   */
  abort(): void {
    this.#endWith("error");
  }

  #endWith(ending: "close" | "error"): void {
    const isFirst = this.#ending === null;
    if (isFirst || ending === "error") this.#ending = ending;
    if (!isFirst) return;
    if (this.#bufferedBytes === 0) this.#finish();
    this.#transport.release();
  }

  /** The body stays unfinished, and what waits for the engine is dropped. */
  drop(): void {
    this.#forgetWaiting();
    if (this.over) this.#fail();
    else this.abort();
  }

  /** The stream comes into being. */
  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    takeReads(controller, this);
  }

  /** The engine waits, and has another way to say so. */
  pull(): Promise<void> {
    return new Promise((resolve) =>
      this.take(publicRead(this.#controller, resolve))
    );
  }

  /** The engine reads no more. */
  cancel(): void {
    this.#forgetWaiting();
    this.#ending = "close";
    this.#endReads((read) => read.closeSteps());
    this.#transport.release();
    this.#onCancel();
  }

  /** The engine has written all that it took, and waits for a chunk. */
  take(read: PendingRead): void {
    this.#activity?.touch();
    const chunk = this.#waiting?.shift();
    if (chunk === undefined) {
      if (this.#read === null) this.#read = read;
      else (this.#laterReads ??= []).push(read);
      return;
    }
    this.#taken++;
    this.#wait(-chunk.byteLength);
    const isLast = this.over && this.#bufferedBytes === 0;
    read.chunkSteps(chunk);
    if (isLast) this.#finish();
    this.#transport.update();
  }

  /** So many bytes more wait. */
  #wait(bytes: number): void {
    this.#bufferedBytes += bytes;
    const http2 = this.#http2;
    if (http2?.connection?.addWaiting(bytes, this.#bufferedBytes)) {
      http2.dropShared("too many bytes wait for it");
    }
  }

  #forgetWaiting(): void {
    this.#written -= this.#bufferedBytes;
    this.#wait(-this.#bufferedBytes);
    this.#waiting = null;
  }

  #fail(): void {
    const error = new Error("the response was cut short");
    this.#controller.error(error);
    this.#endReads((read) => read.errorSteps(error));
  }

  /** Nothing waits, and nothing more will come. */
  #finish(): void {
    if (this.#ending === "error") return this.#fail();
    this.#controller.close();
    this.#endReads((read) => read.closeSteps());
  }

  #endReads(end: (read: PendingRead) => void): void {
    const reads = this.#laterReads ?? [];
    if (this.#read !== null) reads.unshift(this.#read);
    this.#read = this.#laterReads = null;
    reads.forEach(end);
  }
}

/**
 * First in, first out. Unlike the `shift` of a long array, taking an item
 * takes no longer for more that wait.
 */
export class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #taken = 0;

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#taken;
  }

  /** Adds an item behind the others. */
  push(item: Item): void {
    this.#items.push(item);
  }

  /** Takes the first item; undefined when none waits. */
  shift(): Item | undefined {
    const items = this.#items;
    if (this.#taken === items.length) return undefined;
    const item = items[this.#taken];
    items[this.#taken++] = undefined;
    // What was taken goes once there is no more to move than that.
    if (2 * this.#taken >= items.length) {
      this.#items = items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }
}

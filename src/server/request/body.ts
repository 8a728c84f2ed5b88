/**
 * A request body: read in parts, with a limit of size and a timeout between two
 * parts.
 */

import { isClientGone } from "../../engine/error_text.ts";
import { byteLength } from "../../http/headers.ts";
import { limitsMayRise } from "../../pagi/body_limit.ts";
import type { DisconnectReason, Flag } from "../../pagi/types.ts";
import type { DeadlineSet } from "../../std/timer.ts";
import type { IdleTimer } from "../timers.ts";
import { Refusal } from "../response/plain_answer.ts";

const EMPTY = new Uint8Array(0);
/** Bytes that the engine reads at most at a time. */
const BUFFER_BYTES = 64 * 1024;
/** Parts of up to so many bytes are copied, so that the buffer can be reused. */
const SMALL_PART = 8 * 1024;

/** A part of a request body, as `receive()` gives it. */
interface BodyPart {
  readonly body: Uint8Array;
  readonly more: Flag;
}

/** A body that cannot be read to its end: refused where no response has started. */
export class BodyFailure extends Refusal {
  override readonly name = "BodyFailure";

  constructor(
    status: number,
    readonly reason: DisconnectReason,
    message: string,
    limit: string | null = null,
  ) {
    super(status, message, [], limit);
  }
}

/**
 * Refuses a body of which `size` bytes were announced or have come.
 *
 * @param maxSize Bytes; 0 means no limit.
 * @throws {BodyFailure} When that is too large (413).
 */
export function assertBodySize(size: number, maxSize: number): void {
  if (maxSize === 0 || size <= maxSize) return;
  throw new BodyFailure(
    413,
    "body_too_large",
    "The request body is too large.",
    `--max-body-size is ${maxSize}`,
  );
}

/** A result of a read; `value` is undefined at the end, or after `cancel`. */
interface ReadResult {
  readonly done: boolean;
  readonly value?: Uint8Array;
}

/**
 * Reads a stream. A stream of bytes, as the engine's are, is read into a buffer
 * that is used again; otherwise the engine allocates 64 KiB for each read, and
 * 300 clients that send a byte per second cause garbage collections of 20 ms.
 */
class StreamReader {
  readonly #reader: ReadableStreamBYOBReader | ReadableStreamDefaultReader;
  #buffer: ArrayBuffer | null = null;

  constructor(stream: ReadableStream<Uint8Array>) {
    try {
      this.#reader = stream.getReader({ mode: "byob" });
    } catch {
      // Not a stream of bytes: its chunks exist already.
      this.#reader = stream.getReader();
    }
  }

  async read(): Promise<ReadResult> {
    if (this.#reader instanceof ReadableStreamDefaultReader) {
      return await this.#reader.read();
    }
    const view = new Uint8Array(this.#buffer ?? new ArrayBuffer(BUFFER_BYTES));
    this.#buffer = null;
    const { done, value } = await this.#reader.read(view);
    if (done || value.length > SMALL_PART) return { done, value };
    this.#buffer = value.buffer;
    return { done, value: value.slice() };
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** The body of one request. */
export class RequestBody {
  #reader: StreamReader | null = null;
  #received = 0;
  #waiting = false;
  #done = false;

  /**
   * @param open Returns the body, some bodies as a whole; called by the first
   * read.
   * @param maxSize Bytes; 0 means no limit.
   * @param stalls Bounds the pause between two parts.
   * @param activity Notified of each part.
   */
  constructor(
    readonly open: () => Uint8Array | ReadableStream<Uint8Array> | null,
    readonly contentLength: number | null,
    readonly maxSize: number,
    readonly stalls: DeadlineSet,
    readonly activity: IdleTimer | null,
  ) {}

  /** True when there is nothing left to read. */
  get done(): boolean {
    return this.#done;
  }

  /** True while a read waits for the client. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** Bytes that have arrived so far. */
  get received(): number {
    return this.#received;
  }

  /**
   * The next part; the last one has `more` 0 (PAGI.md 3.3). Null when nothing
   * is left to come: after the last part, or after `cancel`.
   *
   * @throws {BodyFailure} When it is too large (413), stalls (408), breaks
   * (400) or the client leaves.
   */
  async read(): Promise<BodyPart | null> {
    if (this.#done) return null;
    if (this.#reader === null) {
      if (limitsMayRise()) this.#count(0, this.contentLength ?? 0);
      const source = this.contentLength === 0 ? null : this.open();
      if (source === null) return this.#last(EMPTY);
      if (source instanceof Uint8Array) {
        this.activity?.touch();
        this.#count(source.byteLength);
        this.#expectWhole();
        return this.#last(source);
      }
      this.#reader = new StreamReader(source);
    }
    let part = await this.#next(this.#reader);
    while (!part.done && part.value!.byteLength === 0) {
      part = await this.#next(this.#reader);
    }
    // Another read that was under way got the end.
    if (this.#done) return null;
    if (part.done) {
      this.#expectWhole();
      return this.#last(EMPTY);
    }
    const body = part.value!;
    this.#count(body.byteLength);
    return this.#received === this.contentLength
      ? this.#last(body)
      : { body, more: 1 };
  }

  /**
   * Counts a body that a fetch handler has read as a whole.
   *
   * @throws {BodyFailure} As `read` does.
   */
  takeWhole(body: string | Uint8Array): void {
    this.activity?.touch();
    // A text of the announced length in units has as many bytes: it cannot have
    // fewer, and the engine accepts no more than announced.
    const { length } = body;
    this.#count(length === this.contentLength ? length : byteLength(body));
    this.#expectWhole();
    this.#done = true;
  }

  /**
   * Stops reading; the engine discards what still comes. Without this a body
   * that was read in part keeps its connection from ending.
   */
  cancel(): void {
    if (this.#done) return;
    this.#done = true;
    this.#reader?.cancel().catch(() => {});
  }

  #count(bytes: number, announced = 0): void {
    this.#received += bytes;
    try {
      assertBodySize(Math.max(this.#received, announced), this.maxSize);
    } catch (failure) {
      this.cancel();
      throw failure;
    }
  }

  /**
   * Throws if fewer bytes came than announced. When the client resets an HTTP/2
   * stream with CANCEL or NO_ERROR, the engine reports the end of the body, so
   * only the announced length shows that it is incomplete.
   */
  #expectWhole(): void {
    if (this.contentLength === null) return;
    if (this.#received >= this.contentLength) return;
    this.cancel();
    throw endedEarly();
  }

  #last(body: Uint8Array): BodyPart {
    // The engine keeps a body until it is read to its end or cancelled.
    this.cancel();
    return { body, more: 0 };
  }

  async #next(reader: StreamReader): Promise<ReadResult> {
    let isStalled = false;
    const wait = this.stalls.add(() => {
      isStalled = true;
      this.cancel();
    });
    this.#waiting = true;
    try {
      const part = await reader.read();
      this.activity?.touch();
      if (isStalled) {
        throw stalled(`--timeout is ${this.stalls.milliseconds / 1000}`);
      }
      return part;
    } catch (error) {
      if (error instanceof BodyFailure) throw error;
      this.#done = true;
      throw readFailure(error);
    } finally {
      this.#waiting = false;
      this.stalls.cancel(wait);
    }
  }
}

/** A body stopped arriving for too long; `limit` is for the log. */
export function stalled(limit: string | null = null): BodyFailure {
  return new BodyFailure(
    408,
    "client_timeout",
    "The request body stopped arriving.",
    limit,
  );
}

/** The client closed its side, or the connection, in the middle of a body. */
export function endedEarly(): BodyFailure {
  return new BodyFailure(
    400,
    "client_closed",
    "The request body ended early.",
  );
}

/** Only the engine's error text distinguishes a client that left from a broken body. */
function readFailure(error: unknown): BodyFailure {
  return isClientGone(error) ? endedEarly() : new BodyFailure(
    400,
    "protocol_error",
    "The request body could not be read.",
  );
}

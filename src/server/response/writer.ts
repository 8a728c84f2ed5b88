/**
 * One HTTP response, from its start event to its last byte.
 *
 * @module
 */

import { engineResponse, type Payload } from "../../engine/response.ts";
import { byteLength, exceeds } from "../../http/byte_length.ts";
import { isEventStream } from "../../http/content_type.ts";
import { fieldValue } from "../../http/headers.ts";
import type { HttpSendEvent } from "../../pagi/http_events.ts";
import type { FileHandle, HeaderList } from "../../pagi/types.ts";
import {
  FILE_DESCRIPTORS,
  heldDescriptors,
} from "../../system/descriptor_budget.ts";
import { UNSEEN } from "../exchange.ts";
import type { ResponseExchange } from "../response_exchange.ts";
import {
  closeHandle,
  endsByItself,
  type FilePart,
  openFile,
  partOf,
  readPieces,
  skipTo,
} from "./file_body.ts";
import {
  announcedLength,
  endToEnd,
  hasBody,
  ownBytes,
  removeLength,
  wholePayload,
  withAdded,
  wrongLength,
} from "./headers.ts";
import { OutboundBody } from "./outbound_body.ts";
import { afterEnd, type Buffer, TransportState } from "./transport_state.ts";

const DONE: Promise<void> = Promise.resolve();
const NO_FIELDS: HeaderList = [];

/** The engine writes a body of so many bytes together with its head. */
const MOST_AT_ONCE = 8192;

function isShort(payload: Payload | null): boolean {
  return !(payload instanceof ReadableStream) &&
    (payload === null || !exceeds(payload, MOST_AT_ONCE));
}

type Event<T extends string> = Extract<HttpSendEvent, { type: T }>;
/** The head of a response. */
export type StartEvent = Event<"http.response.start">;
/** A piece of its body. */
export type BodyEvent = Event<"http.response.body">;

/**
 * Writes a response as PAGI.md 3.3 has it. The head waits for the first
 * piece of the body: a reply in two events leaves in one piece.
 */
export class ResponseWriter implements Buffer {
  status: number | null = null;
  bodyBytes = 0;
  readonly transport: TransportState;
  readonly #exchange: ResponseExchange;
  #headers: HeaderList = NO_FIELDS;
  #wantsTrailers = false;
  #body: OutboundBody | null = null;
  /** Bytes of the body by its `content-length`; null where it has no body. */
  #announced: number | null = null;
  #sendingFile = false;
  #phase: "idle" | "started" | "open" | "trailers" | "complete" = "idle";

  constructor(exchange: ResponseExchange) {
    this.#exchange = exchange;
    this.transport = new TransportState(this, exchange.worker.marks);
  }

  get started(): boolean {
    return this.#phase !== "idle";
  }

  get complete(): boolean {
    return this.#phase === "complete";
  }

  get bufferedBytes(): number {
    return this.#body?.bufferedBytes ?? 0;
  }

  /** See {@linkcode Exchange.taken}. */
  get taken(): number | null {
    const body = this.#body;
    if (body === null) return UNSEEN;
    return body.awaited ? null : body.taken;
  }

  /** Takes the head; ignored after the first. */
  start(event: StartEvent): void {
    if (this.started) return;
    const { status, headers, trailers } = event;
    this.begin(status, endToEnd(headers ?? []), Boolean(trailers));
  }

  /** Takes a head that has been checked, and says what the server lets say. */
  begin(status: number, headers: HeaderList, trailers = false): void {
    const announced = announcedLength(headers);
    const isBare = this.#exchange.head.method === "HEAD" || !hasBody(status);
    this.#announced = isBare ? null : announced;
    this.bodyBytes = 0;
    this.status = status;
    this.#headers = withAdded(headers, this.#exchange.listener.addedHeaders);
    this.#wantsTrailers = trailers;
    if (
      (this.#exchange.isLast || this.#exchange.isLeaving) &&
      !this.#headers.some(([name]) => name === "connection")
    ) {
      this.#headers.push(["connection", "close"]);
    }
    this.#phase = "started";
    this.#exchange.state.start();
  }

  /** Takes a piece of the body; resolves when the next one may come. */
  body(event: BodyEvent): Promise<void> {
    if (this.#phase !== "started" && this.#phase !== "open") return afterEnd();
    // A file completes the body: what comes beside it comes after the end.
    if (this.#sendingFile) return DONE;
    if ("file" in event && event.file != null) {
      const { file, offset, length } = event;
      return this.#alone(this.#file(file, offset ?? 0, length ?? null));
    }
    if ("fh" in event && event.fh != null) {
      const { fh, offset, length, close } = event;
      const from = offset ?? null;
      return this.#alone(
        close
          ? this.#given(fh, from, length ?? null)
          : this.#handle(fh, from, length ?? null),
      );
    }
    const { body, more } = event as { body?: Uint8Array | string; more?: 0 };
    if (!more && this.#phase === "started" && !this.#wantsTrailers) {
      this.whole(body ?? null);
      return DONE;
    }
    const bytes = body == null || body.length === 0 ? null : ownBytes(body);
    if (bytes !== null && this.#announced !== null) {
      const sent = (this.#body?.written ?? 0) + bytes.length;
      if (sent > this.#announced) {
        this.#wrongLength(sent);
        return DONE;
      }
    }
    const out = this.open();
    const written = bytes === null ? DONE : out.write(bytes);
    if (!more) this.end();
    return written;
  }

  /**
   * Ends a message with trailers, whether they came or not: they cannot reach
   * the wire (PAGI.md 9).
   */
  endTrailers(): void {
    if (this.#phase === "trailers") this.#finishBody();
  }

  /** The body is complete; with trailers announced the message is not. */
  end(): void {
    if (this.#phase !== "open") return;
    if (this.#wantsTrailers) this.#phase = "trailers";
    else this.#finishBody();
  }

  /** Sends head and body in one piece. */
  whole(body: Uint8Array | string | null): void {
    const { head, countsBytes, connection } = this.#exchange;
    let payload: Payload | null = null;
    if (head.method === "HEAD") {
      payload = this.#headOnly(body);
    } else if (hasBody(this.status!)) {
      const announced = this.#announced;
      const counted = announced !== null || countsBytes;
      if (body !== null && body.length > 0) {
        payload = wholePayload(body, counted);
      }
      // Counting takes time, which only the log and a check are worth.
      if (counted) this.bodyBytes = byteLength(payload ?? "");
      if (announced !== null) {
        if (this.bodyBytes !== announced) {
          return this.#wrongLength(this.bodyBytes);
        }
        // By HTTP/2 the engine would not say it, nor of no body at all.
        if (!head.http2 && payload !== null) removeLength(this.#headers);
      }
      if (payload !== null && connection?.wantsPieces(payload.length)) {
        return this.#inPieces(payload);
      }
    }
    this.#complete();
    if (this.#exchange.isLeaving && isShort(payload)) {
      this.#exchange.finishBehind();
    }
    this.#handOff(payload);
    this.#exchange.endResponse();
  }

  #inPieces(body: string | Uint8Array): void {
    this.open().write(typeof body === "string" ? ownBytes(body) : body);
    this.end();
  }

  /** Drops what waits for a client that takes nothing. */
  drop(): void {
    this.#body?.drop();
    this.bodyBytes = this.#sent;
  }

  /** Cuts the response short: no terminator, the connection closes. */
  abort(): void {
    if (this.complete) return;
    if (!this.#exchange.handedOff) this.open();
    this.#phase = "complete";
    this.#body?.abort();
    this.transport.release();
    this.#exchange.endConnection();
  }

  /** Opens the body, whatever its first piece: the head leaves now. */
  open(): OutboundBody {
    if (this.#body !== null) return this.#body;
    const exchange = this.#exchange;
    const streams = this.#isEventStream;
    if (streams) exchange.unboundActivity();
    const body = this.#body = new OutboundBody(
      this.transport,
      () => this.#cancelled(),
      exchange.activity,
      exchange.connection === null ? null : exchange,
    );
    this.#phase = "open";
    const isHead = exchange.head.method === "HEAD";
    if (isHead || !hasBody(this.status!)) {
      // The app writes on; nobody reads.
      body.discard();
      this.#handOff(isHead ? this.#headOnly(null) : null);
      exchange.endResponse();
    } else {
      this.#deliver(body.stream);
      if (streams) exchange.streamEvents(body);
    }
    return body;
  }

  /** True of an event stream without an end of its own, whatever events sent it. */
  get #isEventStream(): boolean {
    return isEventStream(fieldValue(this.#headers, "content-type") ?? "") &&
      announcedLength(this.#headers) === null;
  }

  #deliver(stream: ReadableStream<Uint8Array>): void {
    const exchange = this.#exchange;
    this.#handOff(stream as ReadableStream<Uint8Array<ArrayBuffer>>);
    const over = () => {
      this.bodyBytes = this.#sent;
      exchange.leaveEngine();
    };
    exchange.completed.then(over, () => {
      exchange.disconnect("client_closed");
      over();
    });
  }

  #handOff(payload: Payload | null): void {
    // 205 has no framing here: only the connection's end ends it (RFC 9112, 6.3).
    if (this.status === 205 || this.#exchange.isLast) {
      this.#exchange.endConnection();
    }
    const response = engineResponse(payload, this.status!, this.#headers);
    // A stream would keep them as long as it lasts.
    this.#headers = NO_FIELDS;
    this.#exchange.handOff(response);
  }

  /**
   * What answers HEAD: no body, with the length that GET would have. Given a
   * body, the engine would send it by HTTP/2.
   */
  #headOnly(body: Uint8Array | string | null): ReadableStream<never> | null {
    if (!hasBody(this.status!) || announcedLength(this.#headers) !== null) {
      return null;
    }
    // Nothing is known of what GET would send; the engine would say that it
    // is 0 bytes.
    if (body === null || body.length === 0) return ReadableStream.from([]);
    this.#headers.push(["content-length", String(byteLength(body))]);
    return null;
  }

  /** Bytes of the body that the engine took, or will take. */
  get #sent(): number {
    const taken = this.#body?.written ?? this.bodyBytes;
    return Math.min(taken, this.#announced ?? taken);
  }

  /** The engine reads no more: all that was announced is sent, or nobody is there. */
  #cancelled(): void {
    if (this.#sent !== this.#announced) {
      this.#exchange.disconnect("client_closed");
    }
  }

  /** What is sent while `work` goes on is ignored. */
  async #alone(work: Promise<void>): Promise<void> {
    this.#sendingFile = true;
    try {
      await work;
    } finally {
      this.#sendingFile = false;
    }
  }

  async #file(
    path: string,
    offset: number,
    length: number | null,
  ): Promise<void> {
    using _held = heldDescriptors(FILE_DESCRIPTORS);
    const file = await openFile(path);
    await this.#given(file, offset, length);
  }

  /** Sends a handle that is the server's to close. */
  async #given(
    handle: FileHandle,
    offset: number | null,
    length: number | null,
  ): Promise<void> {
    try {
      const part = handle instanceof Deno.FsFile
        ? await partOf(handle, offset, length)
        : null;
      if (part === null) await this.#handle(handle, offset, length);
      else if (this.#canBeNative(part)) await this.#native(part);
      else await this.#handle(handle, null, part.bytes);
    } finally {
      closeHandle(handle);
    }
  }

  /**
   * Tells whether the engine may read a file by itself, of which nothing is
   * heard until its end. By HTTP/1.1 the connection tells whether the client
   * takes it, by HTTP/2 nothing would.
   */
  #canBeNative({ bytes, rest }: FilePart): boolean {
    const { activity, head } = this.#exchange;
    return activity === null && !head.http2 && this.#phase === "started" &&
      head.method !== "HEAD" && hasBody(this.status!) &&
      endsByItself(this.#announced, bytes, rest);
  }

  async #native({ file, bytes }: FilePart): Promise<void> {
    this.#phase = "open";
    this.bodyBytes = bytes;
    this.#deliver(file.readable);
    await this.#exchange.completed.catch(() => {});
    this.end();
  }

  async #handle(
    handle: FileHandle,
    offset: number | null,
    length: number | null,
  ): Promise<void> {
    if (offset !== null) await skipTo(handle, offset);
    // The body opens with the first piece: a handle that cannot be read
    // leaves everything as it was.
    // A file may have grown since its length was announced.
    const most = Math.min(length ?? Infinity, this.#announced ?? Infinity);
    await readPieces(handle, most, async (piece) => {
      const body = this.open();
      await body.write(piece);
      return !body.over;
    });
    this.open();
    this.end();
  }

  #finishBody(): void {
    if (this.#sent < (this.#announced ?? 0)) {
      return this.#wrongLength(this.#sent);
    }
    this.#complete();
    this.#body?.end();
  }

  /**
   * The body is not as long as announced. That is never mended in silence: a
   * client would take a part for the whole.
   */
  #wrongLength(sent: number): void {
    this.#exchange.refuseResponse(wrongLength(sent, this.#announced!));
  }

  #complete(): void {
    this.#phase = "complete";
    this.#exchange.state.completeResponse();
    this.#exchange.responseOver();
  }
}

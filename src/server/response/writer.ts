/** One HTTP response, from its start event to its last byte. */

import {
  bodyOf,
  engineResponse,
  fieldsOf,
  type Payload,
  shownFields,
} from "../../engine/response.ts";
import {
  byteLength,
  fieldValue,
  hasBody,
  hasLength,
  isEventStream,
} from "../../http/headers.ts";
import type { HttpSendEvent } from "../../pagi/http_events.ts";
import type { DisconnectReason, HeaderList } from "../../pagi/types.ts";
import type { ListenerContext } from "../context.ts";
import type { Http2Stream } from "../http2_connection.ts";
import { UNSEEN } from "../in_flight.ts";
import { DONE, type IdleTimer } from "../timers.ts";
import { type FilePart, writeFile, writeHandle } from "./file_body.ts";
import {
  announcedLength,
  isHopByHop,
  isShort,
  lastingBytes,
  removeContentLength,
  stripHopByHop,
  toPayload,
  withDefaultHeaders,
  wrongLength,
} from "./headers.ts";
import type { ResponseLife } from "./life.ts";
import { OutboundBody, type OutgoingBody } from "./outbound_body.ts";
import { PassedBody } from "./passed_body.ts";
import { afterEnd, type Buffer, TransportState } from "./transport_state.ts";

const NO_FIELDS: HeaderList = [];

type Event<T extends string> = Extract<HttpSendEvent, { type: T }>;
/** The head of a response. */
export type StartEvent = Event<"http.response.start">;
/** A chunk of its body. */
export type BodyEvent = Event<"http.response.body">;

/** What a writer needs from its exchange. */
export interface ResponseSink {
  /** The request's method: the response to HEAD has no body. */
  readonly method: string;
  /** The HTTP/2 stream that carries the response; null for HTTP/1.1. */
  readonly http2: Http2Stream | null;
  readonly listener: ListenerContext;
  readonly life: ResponseLife;
  /** True when `bodyBytes` is needed. */
  readonly countsBytes: boolean;
  /** True when `sent` is needed before the end. */
  readonly showsProgress: boolean;
  /** The response has to have `connection: close`. */
  readonly closesConnection: boolean;
  /** Notified of each read and write; null without an idle timeout. */
  readonly activity: IdleTimer | null;
  /**
   * Passes the engine a response with a complete body.
   *
   * @param isShort Whether the engine writes head and body together.
   */
  deliver(response: Response, isShort: boolean): void;
  /**
   * Passes the engine a response whose body is a stream.
   *
   * @param onDone Called first when the engine has stopped reading.
   * @returns resolves when the engine has stopped reading
   */
  deliverStream(response: Response, onDone: () => void): Promise<void>;
  /** The body that has just begun is an endless event stream. */
  streamEvents(body: OutgoingBody): void;
  /** The client is gone. */
  disconnect(reason: DisconnectReason): void;
  /** Cuts the response off, because the app's body has failed. */
  breakOffFor(error: unknown): void;
  /** The app's response is wrong: 500 if its head was not sent yet. */
  refuse(fault: string): void;
}

/**
 * Writes a response as PAGI.md 3.3 has it. The head waits for the first chunk
 * of the body, so that a response of two events is sent in one piece.
 */
export class ResponseWriter implements Buffer {
  status: number | null = null;
  bodyBytes = 0;
  readonly transport: TransportState;
  readonly #sink: ResponseSink;
  #headers: HeaderList = NO_FIELDS;
  #wantsTrailers = false;
  #body: OutgoingBody | null = null;
  /** The same body, if a fetch handler made it; otherwise null. */
  #passed: PassedBody | null = null;
  /** The same body, if the app sends it by events; otherwise null. */
  #out: OutboundBody | null = null;
  /** Bytes of the body by its `content-length`; null where it has no body. */
  announced: number | null = null;
  #sendingFile = false;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
    this.transport = new TransportState(this, sink.listener.worker.marks);
  }

  get bufferedBytes(): number {
    return this.#body?.bufferedBytes ?? 0;
  }

  /** See {@linkcode InFlightRequest.taken}. */
  get taken(): number | null {
    const body = this.#body;
    if (body === null) return UNSEEN;
    return body.awaited ? null : body.taken;
  }

  /** Takes the head; ignored after the first. */
  start(event: StartEvent): void {
    if (this.#sink.life.started) return;
    const { status, headers, trailers } = event;
    this.begin(status, stripHopByHop(headers ?? []), Boolean(trailers));
  }

  /** Takes a checked head, and adds the server's own fields. */
  begin(status: number, headers: HeaderList, trailers = false): void {
    const { method, listener, closesConnection, life } = this.#sink;
    const announced = announcedLength(headers);
    if (announced !== null && !hasLength(status)) removeContentLength(headers);
    const isBare = method === "HEAD" || !hasBody(status);
    this.announced = isBare ? null : announced;
    this.bodyBytes = 0;
    this.status = status;
    this.#headers = withDefaultHeaders(headers, listener.addedHeaders);
    this.#wantsTrailers = trailers;
    if (
      closesConnection &&
      !this.#headers.some(([name]) => name === "connection")
    ) {
      this.#headers.push(["connection", "close"]);
    }
    life.advance("started");
  }

  /** Takes a chunk of the body; resolves when the next one may come. */
  body(event: BodyEvent): Promise<void> {
    const { progress } = this.#sink.life;
    if (progress !== "started" && progress !== "streaming") return afterEnd();
    // A file completes the body, so an event beside it comes after the end.
    if (this.#sendingFile) return DONE;
    if ("file" in event && event.file != null) {
      return this.#alone(writeFile(this, event.file, event));
    }
    if ("fh" in event && event.fh != null) {
      return this.#alone(writeHandle(this, event.fh, event));
    }
    const { body, more } = event as { body?: Uint8Array | string; more?: 0 };
    if (!more && progress === "started" && !this.#wantsTrailers) {
      this.sendComplete(body ?? null);
      return DONE;
    }
    const bytes = body == null || body.length === 0 ? null : lastingBytes(body);
    if (bytes !== null && this.announced !== null) {
      const sent = (this.#out?.written ?? 0) + bytes.length;
      if (sent > this.announced) {
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
    if (this.#sink.life.progress === "trailers") this.#finishBody();
  }

  /** The body is complete; with trailers announced the message is not. */
  end(): void {
    const { life } = this.#sink;
    if (life.progress !== "streaming") return;
    if (this.#wantsTrailers) life.advance("trailers");
    else this.#finishBody();
  }

  /** Sends head and body together; `ready` is the response, if it exists already. */
  sendComplete(
    body: Uint8Array | string | null,
    ready: Response | null = null,
  ): void {
    const { method, http2, countsBytes, life } = this.#sink;
    let payload: Payload | null = null;
    if (method === "HEAD") {
      payload = this.#headOnly(body);
    } else if (hasBody(this.status!)) {
      const announced = this.announced;
      const counted = announced !== null || countsBytes;
      if (body !== null && body.length > 0) {
        payload = ready === null
          ? toPayload(body, counted)
          : body as string | Uint8Array<ArrayBuffer>;
      }
      // Counting takes time, so only the log and `content-length` cause it.
      if (counted) this.bodyBytes = byteLength(payload ?? "");
      if (announced !== null) {
        if (this.bodyBytes !== announced) {
          return this.#wrongLength(this.bodyBytes);
        }
        // The engine adds no `content-length` in HTTP/2 or without a body.
        if (http2 === null && payload !== null && ready === null) {
          removeContentLength(this.#headers);
        }
      }
      if (payload !== null && http2?.connection?.wantsStream(payload.length)) {
        return this.#asStream(payload);
      }
    }
    life.advance("complete");
    this.#sink.deliver(ready ?? this.#response(payload), isShort(body));
    life.release();
  }

  /**
   * Sends the response of a fetch handler: the same object, unless fields have to
   * be added or removed.
   */
  pass(response: Response): void {
    const { listener, closesConnection, method, http2 } = this.#sink;
    const fields = fieldsOf(response);
    const asIs = method !== "HEAD" && !closesConnection && http2 === null &&
      listener.addedHeaders === null &&
      !fields.some(([name]) => isHopByHop(name));
    this.begin(
      response.status,
      asIs ? fields : stripHopByHop(shownFields(response)),
    );
    const body = bodyOf(response);
    if (!(body instanceof ReadableStream)) {
      return this.sendComplete(body, asIs ? response : null);
    }
    if (method !== "HEAD") {
      return this.#passStream(body, asIs ? response : null);
    }
    body.cancel().catch(() => {});
    this.sendComplete(null);
  }

  #passStream(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    ready: Response | null,
  ): void {
    const { activity, http2, listener, showsProgress, life } = this.#sink;
    const announced = this.announced;
    const mustSee = activity || http2 || showsProgress ||
      listener.worker.accessLog?.usesBodyBytes && announced === null;
    const body = new PassedBody(this, stream, !!mustSee, announced, activity);
    this.#passed = this.#body = body;
    life.advance("streaming");
    const isEvents = this.#isEventStream;
    if (body.stream !== stream) ready = null;
    this.#sink.deliverStream(
      ready ?? this.#response(body.stream),
      () => this.passDone(),
    );
    this.#headers = NO_FIELDS;
    if (isEvents) this.#sink.streamEvents(body);
  }

  /** Takes over a stream that the engine reads already. */
  adopt(
    response: Response,
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  ): void {
    const { life } = this.#sink;
    this.begin(response.status, [...fieldsOf(response)]);
    const body = new PassedBody(this, stream, false, null, null);
    this.#passed = this.#body = body;
    life.advance("streaming");
    const isEvents = this.#isEventStream;
    this.#headers = NO_FIELDS;
    if (isEvents) this.#sink.streamEvents(body);
  }

  /** The engine reads no more of the body that was passed on. */
  passDone(): void {
    if (!this.#sink.life.complete) this.#passed!.done();
    this.bodyBytes = this.sent;
  }

  /** The engine has all of the body that was passed on. */
  passed(): void {
    if (this.#sink.life.progress !== "streaming") return;
    if (this.sent < (this.announced ?? 0)) this.#wrongLength(this.sent);
    else this.#sink.life.advance("complete");
  }

  passFailed(error: unknown): void {
    this.#sink.breakOffFor(error);
  }

  #asStream(body: string | Uint8Array): void {
    this.open().write(typeof body === "string" ? lastingBytes(body) : body);
    this.end();
  }

  /** Drops the buffered bytes of a client that reads nothing. */
  drop(): void {
    this.#body?.drop();
    this.bodyBytes = this.sent;
  }

  /** Cuts the response short: no terminator, the connection closes. */
  abort(): void {
    const { life } = this.#sink;
    // The head is sent nevertheless: it tells the client more than nothing.
    if (!life.responded) this.open();
    life.advance("aborted");
    this.#body?.abort();
    this.transport.release();
  }

  /**
   * Sends the head and opens the body.
   *
   * @param isEvents Whether the body is an endless event stream.
   */
  open(isEvents = this.#isEventStream): OutboundBody {
    if (this.#out !== null) return this.#out;
    const sink = this.#sink;
    const body = this.#body = this.#out = new OutboundBody(
      this.transport,
      () => this.cancelled(),
      // --request-timeout does not bound the pauses of an event stream.
      isEvents ? null : sink.activity,
      sink.http2,
    );
    sink.life.advance("streaming");
    const isHead = sink.method === "HEAD";
    if (isHead || !hasBody(this.status!)) {
      // The app may go on writing, but nobody reads it.
      body.discard();
      const payload = isHead ? this.#headOnly(null) : null;
      sink.deliver(this.#response(payload), false);
      sink.life.release();
    } else this.#deliver(body.stream);
    if (isEvents) sink.streamEvents(body);
    return body;
  }

  /** True if the body is an event stream without `content-length`, so endless. */
  get #isEventStream(): boolean {
    return isEventStream(fieldValue(this.#headers, "content-type") ?? "") &&
      announcedLength(this.#headers) === null;
  }

  #deliver(stream: ReadableStream<Uint8Array>): Promise<void> {
    return this.#sink.deliverStream(
      this.#response(stream as ReadableStream<Uint8Array<ArrayBuffer>>),
      () => this.bodyBytes = this.sent,
    );
  }

  #response(payload: Payload | null): Response {
    const response = engineResponse(payload, this.status!, this.#headers);
    // Otherwise they would stay in memory as long as a stream lasts.
    this.#headers = NO_FIELDS;
    return response;
  }

  /**
   * The payload of a response to HEAD: none, with the `content-length` that GET
   * would have. In HTTP/2 the engine would send a body.
   */
  #headOnly(body: Uint8Array | string | null): ReadableStream<never> | null {
    if (!hasBody(this.status!) || announcedLength(this.#headers) !== null) {
      return null;
    }
    // The length of the response to GET is unknown. Without a stream the engine
    // would announce 0 bytes.
    if (body === null || body.length === 0) return ReadableStream.from([]);
    this.#headers.push(["content-length", String(byteLength(body))]);
    return null;
  }

  /** Bytes of the body that the engine took, or will take. */
  get sent(): number {
    const taken = this.#body?.written ?? this.bodyBytes;
    return Math.min(taken, this.announced ?? taken);
  }

  /** The engine reads no more: all was sent, or the client has gone. */
  cancelled(): void {
    if (this.sent !== this.announced) {
      this.#sink.disconnect("client_closed");
    } else if (this.#out === null) this.passed();
  }

  /** Ignores the app's events until `work` is done. */
  async #alone(work: Promise<void>): Promise<void> {
    this.#sendingFile = true;
    try {
      await work;
    } finally {
      this.#sendingFile = false;
    }
  }

  /**
   * True if the engine may read a file by itself, up to the file's end or the
   * announced length. It reports nothing until then: the guard sees from an
   * HTTP/1.1 connection whether the client reads, but not from an HTTP/2 stream.
   */
  canBeNative({ bytes, rest }: FilePart): boolean {
    const { activity, http2, life, method, showsProgress } = this.#sink;
    return activity === null && http2 === null && !showsProgress &&
      life.progress === "started" &&
      method !== "HEAD" && hasBody(this.status!) &&
      bytes === (this.announced ?? rest);
  }

  /** Lets the engine read a file by itself; resolves when that has ended. */
  async writeNatively({ file, bytes }: FilePart): Promise<void> {
    this.#sink.life.advance("streaming");
    this.bodyBytes = bytes;
    await this.#deliver(file.readable);
    this.end();
  }

  #finishBody(): void {
    if (this.sent < (this.announced ?? 0)) return this.#wrongLength(this.sent);
    this.#sink.life.advance("complete");
    this.#body?.end();
  }

  /** Refuses a body of the wrong length: a client could take a part for the whole. */
  #wrongLength(sent: number): void {
    this.#sink.refuse(wrongLength(sent, this.announced!));
  }
}

/**
 * One HTTP response, from its start event to its last byte.
 *
 * @module
 */

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
  copyBytes,
  isHopByHop,
  isShort,
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

/** What a writer needs of the exchange that it answers. */
export interface ResponseSink {
  /** Of the request: HEAD gets no body. */
  readonly method: string;
  /** The stream that the response leaves by; null for HTTP/1.1. */
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
   * Gives the engine a response whose body is whole.
   *
   * @param isShort Whether the engine writes head and body at once.
   */
  deliver(response: Response, isShort: boolean): void;
  /**
   * Gives the engine a response whose body it reads by itself.
   *
   * @param onDone Called first when it reads no more.
   * @returns resolves when it reads no more
   */
  deliverStream(response: Response, onDone: () => void): Promise<void>;
  /** The body that has just begun is an event stream without an end. */
  streamEvents(body: OutgoingBody): void;
  /** The client is gone. */
  disconnect(reason: DisconnectReason): void;
  /** The body that the app gave has failed: its response is cut off. */
  breakOffFor(error: unknown): void;
  /** The app's response is wrong: 500 where its head has not left yet. */
  refuse(fault: string): void;
}

/**
 * Writes a response as PAGI.md 3.3 has it. The head waits for the first chunk
 * of the body: a response in two events leaves at once.
 */
export class ResponseWriter implements Buffer {
  status: number | null = null;
  bodyBytes = 0;
  readonly transport: TransportState;
  readonly #sink: ResponseSink;
  #headers: HeaderList = NO_FIELDS;
  #wantsTrailers = false;
  #body: OutgoingBody | null = null;
  /** The same, where the app gave it as a stream. */
  #passed: PassedBody | null = null;
  /** The same, where the app writes it. */
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
    // A file completes the body: what comes beside it comes after the end.
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
    const bytes = body == null || body.length === 0 ? null : copyBytes(body);
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

  /** Sends head and body at once: `ready` where they are made already. */
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
      // Counting takes time; it is done for the log and for `content-length` only.
      if (counted) this.bodyBytes = byteLength(payload ?? "");
      if (announced !== null) {
        if (this.bodyBytes !== announced) {
          return this.#wrongLength(this.bodyBytes);
        }
        // The engine does not add it by HTTP/2, nor where there is no body.
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
   * Takes a response as a fetch handler has made it for the engine. Nothing is
   * made anew unless there are fields to be added or left out.
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
    const body = new PassedBody(stream, !!mustSee, announced, activity);
    body.watch(this);
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
  adopt(response: Response, body: PassedBody): void {
    const { life } = this.#sink;
    this.begin(response.status, [...fieldsOf(response)]);
    body.watch(this);
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
    this.open().write(typeof body === "string" ? copyBytes(body) : body);
    this.end();
  }

  /** Drops what waits for a client that takes nothing. */
  drop(): void {
    this.#body?.drop();
    this.bodyBytes = this.sent;
  }

  /** Cuts the response short: no terminator, the connection closes. */
  abort(): void {
    const { life } = this.#sink;
    // The head leaves all the same: a client learns more of it than of nothing.
    if (!life.responded) this.open();
    life.advance("aborted");
    this.#body?.abort();
    this.transport.release();
  }

  /**
   * Opens the body, whatever its first chunk: the head leaves now.
   *
   * @param isEvents Whether it is an event stream without an end of its own.
   */
  open(isEvents = this.#isEventStream): OutboundBody {
    if (this.#out !== null) return this.#out;
    const sink = this.#sink;
    const body = this.#body = this.#out = new OutboundBody(
      this.transport,
      () => this.cancelled(),
      // Nothing but its own time limits bounds the silence of an event stream.
      isEvents ? null : sink.activity,
      sink.http2,
    );
    sink.life.advance("streaming");
    const isHead = sink.method === "HEAD";
    if (isHead || !hasBody(this.status!)) {
      // The app writes on; nobody reads.
      body.discard();
      const payload = isHead ? this.#headOnly(null) : null;
      sink.deliver(this.#response(payload), false);
      sink.life.release();
    } else this.#deliver(body.stream);
    if (isEvents) sink.streamEvents(body);
    return body;
  }

  /** True of an event stream without an end of its own, whatever events sent it. */
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
    // A stream would keep them as long as it lasts.
    this.#headers = NO_FIELDS;
    return response;
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

  /** What is sent while `work` goes on is ignored. */
  async #alone(work: Promise<void>): Promise<void> {
    this.#sendingFile = true;
    try {
      await work;
    } finally {
      this.#sendingFile = false;
    }
  }

  /**
   * Tells whether the engine may read a file by itself, to the file's end or to
   * the announced length; nothing is heard of it until then. By HTTP/1.1 the
   * connection tells whether the client takes it, by HTTP/2 nothing would.
   */
  canBeNative({ bytes, rest }: FilePart): boolean {
    const { activity, http2, life, method, showsProgress } = this.#sink;
    return activity === null && http2 === null && !showsProgress &&
      life.progress === "started" &&
      method !== "HEAD" && hasBody(this.status!) &&
      bytes === (this.announced ?? rest);
  }

  /** Has the engine read a file by itself; resolves when it is done. */
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

  /** Refuses a body that ends early: a client would take a part for the whole. */
  #wrongLength(sent: number): void {
    this.#sink.refuse(wrongLength(sent, this.announced!));
  }
}

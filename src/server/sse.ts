/**
 * One request for an event stream, and the stream: the scope, what the app
 * receives, what it sends.
 *
 * @module
 */

import { fieldValue } from "../http/headers.ts";
import { log } from "../log/log.ts";
import { checkSseEvent, type SseSendEvent } from "../pagi/sse_events.ts";
import { formatSseComment, formatSseEvent } from "../pagi/sse_format.ts";
import type {
  HeaderList,
  ReceiveEvent,
  Send,
  SendEvent,
  SseScope,
} from "../pagi/types.ts";
import { type Timer, timerDelay } from "../std/timer.ts";
import type { ListenerContext } from "./context.ts";
import { writeHttp } from "./http.ts";
import { BodyFailure } from "./request/body.ts";
import type { RequestHead } from "./request/head.ts";
import { endToEnd } from "./response/headers.ts";
import type { OutboundBody } from "./response/outbound_body.ts";
import { DeclinedResponse } from "./response/plain_answer.ts";
import { afterEnd } from "./response/transport_state.ts";
import { ResponseExchange } from "./response_exchange.ts";

const DONE: Promise<void> = Promise.resolve();
const ENCODER = new TextEncoder();
const NO_KEEPALIVE = { interval: 0, comment: "" };

/** Serves one event stream with the app. */
export function serveSse(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  head: RequestHead,
): Response | Promise<Response> {
  const exchange = new SseExchange(listener, request, info, head);
  exchange.startIdleTimer();
  return exchange.serve();
}

/** An exchange on an `sse` scope. */
class SseExchange extends ResponseExchange {
  /** What the app has made of the scope so far (PAGI.md 3.5). */
  phase: "idle" | "http" | "streaming" | "declining" | "closed" = "idle";
  #stream: OutboundBody | null = null;
  #keepAlive: { interval: number; comment: string } | null = null;
  #timer: Timer | undefined;
  #decline: DeclinedResponse | null = null;

  /** Starts the stream; its head leaves at once. */
  startStream(status: number, headers: HeaderList): void {
    this.phase = "streaming";
    const fields = withDefaults(headers);
    if (this.#keepsConnection) fields.push(["connection", "keep-alive"]);
    this.writer.begin(status, fields);
    this.#stream = this.writer.open(true);
    if (!this.life.over) this.#armKeepAlive();
  }

  /** The stream, once it has started. */
  get stream(): OutboundBody | null {
    return this.#stream;
  }

  /** Has a comment written every `interval` seconds; 0 stops it. */
  keepAlive(interval: number, comment: string): void {
    this.#keepAlive = { interval, comment };
    if (this.#stream !== null) this.#armKeepAlive();
  }

  /** Ends the stream; the reason stays here (PAGI.md 8, item 57). */
  closeStream(reason?: string | null): void {
    this.phase = "closed";
    if (reason) log.debug(`${this.describe()}: sse.close, ${reason}`);
    this.writer.end();
  }

  /** Closed before it started: the client gets the answer of a failed app. */
  closeUnstarted(reason?: string | null): void {
    this.phase = "closed";
    this.logError(
      `the app sent sse.close before sse.start${reason ? ` (${reason})` : ""}.`,
    );
    this.answerFailure();
  }

  /** True when the app answers with a decline. */
  get declined(): boolean {
    return this.#decline !== null;
  }

  /** Begins an answer other than a stream. */
  decline(status: number, headers: HeaderList): void {
    this.phase = "declining";
    this.#decline = new DeclinedResponse(status, headers);
  }

  /** Gathers the body of that answer, and sends it when it is whole. */
  declineBody(body: Uint8Array | string | null, more: boolean): void {
    const decline = this.#decline;
    if (decline === null || this.life.started) return;
    if (body !== null) decline.add(body);
    if (more) return;
    const whole = decline.body();
    this.writer.begin(decline.status, decline.headers(whole.length));
    this.writer.whole(whole);
    this.endConnection();
  }

  protected override get disconnectEvent(): ReceiveEvent {
    return { type: "sse.disconnect", reason: this.life.reason ?? "" };
  }

  override responseOver(): void {
    clearInterval(this.#timer);
    super.responseOver();
  }

  protected override callApp(): Promise<void> {
    const scheme = this.secure ? "https" : "http";
    const { transport } = this.writer;
    // PAGI.md 2, 3.1.
    const scope = this.netScope("sse", scheme, transport) as SseScope;
    scope.method = this.head.method;
    return this.worker.app(
      scope,
      () => receiveSse(this),
      sseSend(this),
    );
  }

  protected override async settled(result: unknown): Promise<void> {
    if (this.phase === "streaming") this.writer.end();
    await super.settled(result);
  }

  /** HTTP/2 has no such field, and a client may not want it. */
  get #keepsConnection(): boolean {
    const wish = this.header("connection") ?? "";
    return !this.head.http2 && !/\bclose\b/i.test(wish);
  }

  #armKeepAlive(): void {
    clearInterval(this.#timer);
    const { interval, comment } = this.#keepAlive ?? NO_KEEPALIVE;
    if (interval === 0) return;
    const text = ENCODER.encode(formatSseComment(comment));
    this.#timer = setInterval(() => {
      // A client that takes nothing needs no more to take.
      if (!this.writer.transport.full) this.#stream!.write(text);
    }, timerDelay(interval));
  }
}

/** `sse.start` adds what is lacking (PAGI.md 3.5); the engine adds `date`. */
function withDefaults(headers: HeaderList): HeaderList {
  const all = endToEnd(headers);
  if (fieldValue(headers, "content-type") === null) {
    all.push(["content-type", "text/event-stream"]);
  }
  if (fieldValue(headers, "cache-control") === null) {
    all.push(["cache-control", "no-cache"]);
  }
  return all;
}

/** The next event: the request body, then the disconnect (PAGI.md 3.5). */
async function receiveSse(exchange: SseExchange): Promise<ReceiveEvent> {
  if (!exchange.life.over && !exchange.body.done) {
    try {
      const part = await exchange.body.read();
      if (part !== null) {
        return { type: "sse.request", body: part.body, more: part.more };
      }
    } catch (error) {
      if (!(error instanceof BodyFailure)) throw error;
      exchange.failBody(error);
    }
  }
  // A declined stream has no disconnect (PAGI.md 8, item 58).
  return await (exchange.declined
    ? new Promise<ReceiveEvent>(() => {})
    : exchange.whenOver());
}

/** What the app sends its events with. */
function sseSend(exchange: SseExchange): Send {
  // At hand for the events of a running stream: with many streams, each
  // object on the way to theirs is one that the processor has to wait for.
  let stream: OutboundBody | null = null;
  return (event) => {
    if (stream !== null && !stream.over) {
      const bytes = encodedBefore(event);
      if (bytes !== null) return stream.write(bytes);
    }
    const taken = sendSse(exchange, event);
    stream = exchange.stream;
    return taken;
  };
}

/** Takes an event (PAGI.md 3.5, the table of events). */
function sendSse(exchange: SseExchange, event: SendEvent): Promise<void> {
  // Only `sse.close` outlives the client: its sends are mistakes for good.
  if (exchange.life.ended && exchange.phase !== "closed") return afterEnd();
  try {
    checkSseEvent(event);
    return act(exchange, event);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Does what a checked event says; what comes too early or twice does nothing. */
function act(exchange: SseExchange, event: SseSendEvent): Promise<void> {
  const { phase, writer } = exchange;
  const moment = wrongMoment(phase, event.type);
  if (moment !== null) {
    throw new TypeError(
      `${event.type} was sent ${moment}, where it has no meaning (PAGI.md 3.5).`,
    );
  }
  const idle = phase === "idle";
  const streaming = phase === "streaming";
  switch (event.type) {
    case "sse.start":
      if (idle) exchange.startStream(event.status ?? 200, event.headers ?? []);
      return DONE;
    case "sse.send":
      return streaming ? exchange.stream!.write(encodeSseEvent(event)) : DONE;
    case "sse.comment": {
      const { comment } = event;
      return streaming
        ? exchange.stream!.write(ENCODER.encode(formatSseComment(comment)))
        : DONE;
    }
    case "sse.keepalive":
      exchange.keepAlive(event.interval, event.comment ?? "");
      return DONE;
    case "sse.close":
      if (idle) exchange.closeUnstarted(event.reason);
      if (streaming) exchange.closeStream(event.reason);
      return DONE;
    case "sse.http.response.start":
      if (idle) exchange.decline(event.status, event.headers ?? []);
      return DONE;
    case "sse.http.response.body":
      if (!idle) exchange.declineBody(event.body ?? null, Boolean(event.more));
      return DONE;
    case "http.response.start":
      // An app that knows only HTTP answers (PAGI.md 3.5 [port]).
      if (idle) exchange.phase = "http";
      return streaming ? DONE : writeHttp(writer, event);
    case "http.response.body":
      return phase === "http" ? writeHttp(writer, event) : DONE;
    case "http.fullflush":
      return writeHttp(writer, event);
  }
}

/** After what an event is a mistake in this phase; null where it is none. */
function wrongMoment(
  phase: SseExchange["phase"],
  type: SseSendEvent["type"],
): string | null {
  switch (phase) {
    case "idle":
      return null;
    case "http":
      return type.startsWith("http.") ? null : "after http.response.start";
    case "streaming":
      return type.startsWith("sse.http.") ? "after sse.start" : null;
    case "declining":
      return type.startsWith("sse.http.")
        ? null
        : "after sse.http.response.start";
    case "closed":
      return type === "sse.close" ? null : "after sse.close";
  }
}

type Event = SseSendEvent & { type: "sse.send" };

/** The fields of the event encoded last, and its bytes. */
let last: Event = { type: "sse.send", data: "" };
let lastBytes: Uint8Array = ENCODER.encode(formatSseEvent(last));

/**
 * The bytes of an `sse.send` event, which has been checked. They must not be
 * changed.
 */
function encodeSseEvent(event: Event): Uint8Array {
  lastBytes = ENCODER.encode(formatSseEvent(event));
  const { data, event: name, id, retry } = event;
  // The app may change its own.
  last = { type: "sse.send", data, event: name, id, retry };
  return lastBytes;
}

/**
 * The bytes of an event that says the same as the one encoded last, and so
 * needs no check: one that goes to many clients is encoded once. Null for any
 * other.
 */
function encodedBefore(event: SendEvent): Uint8Array | null {
  if (event?.type !== "sse.send") return null;
  const { data, event: name, id, retry } = event;
  return data === last.data && name === last.event && id === last.id &&
      retry === last.retry
    ? lastBytes
    : null;
}

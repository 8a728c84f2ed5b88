/**
 * One request for an event stream, and the stream: the scope, what the app
 * receives, what it sends.
 */

import { DONE } from "./timers.ts";
import { fieldValue } from "../http/headers.ts";
import { log } from "../log/log.ts";
import {
  checkSseEvent,
  formatSseComment,
  formatSseEvent,
  type SseSendEvent,
} from "../pagi/sse_events.ts";
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
import { stripHopByHop } from "./response/headers.ts";
import type { OutboundBody } from "./response/outbound_body.ts";
import { DeclinedResponse } from "./response/plain_answer.ts";
import { afterEnd } from "./response/transport_state.ts";
import { ResponseExchange } from "./response_exchange.ts";

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
  /** How the app answers the scope so far (PAGI.md 3.5). */
  phase: "idle" | "http" | "streaming" | "declining" | "closed" = "idle";
  #stream: OutboundBody | null = null;
  #keepAlive: { interval: number; comment: string } | null = null;
  #timer: Timer | undefined;
  #decline: DeclinedResponse | null = null;

  /** Starts the stream and sends its head at once. */
  startStream(status: number, headers: HeaderList): void {
    this.phase = "streaming";
    const fields = withDefaults(headers);
    if (this.#keepsConnection) fields.push(["connection", "keep-alive"]);
    this.writer.begin(status, fields);
    this.#stream = this.writer.open(true);
    if (!this.life.over) this.#startKeepAlive();
  }

  /** The stream, once it has started. */
  get stream(): OutboundBody | null {
    return this.#stream;
  }

  /** Writes a comment every `interval` seconds; 0 stops that. */
  keepAlive(interval: number, comment: string): void {
    this.#keepAlive = { interval, comment };
    if (this.#stream !== null) this.#startKeepAlive();
  }

  /** Ends the stream; the reason goes to the log only (PAGI.md 8, item 57). */
  closeStream(reason?: string | null): void {
    this.phase = "closed";
    if (reason) log.debug(`${this.describe()}: sse.close, ${reason}`);
    this.writer.end();
  }

  /** Closed before it started: the client gets the response of a failed app. */
  closeUnstarted(reason?: string | null): void {
    this.phase = "closed";
    this.logError(
      `the app sent sse.close before sse.start${reason ? ` (${reason})` : ""}.`,
    );
    this.answerFailure();
  }

  /** True when the app has declined the stream. */
  get declined(): boolean {
    return this.#decline !== null;
  }

  /** Begins a response other than a stream. */
  decline(status: number, headers: HeaderList): void {
    this.phase = "declining";
    this.#decline = new DeclinedResponse(status, headers);
  }

  /** Collects the body of that response, and sends it when it is complete. */
  declineBody(body: Uint8Array | string | null, more: boolean): void {
    const decline = this.#decline;
    if (decline === null || this.life.started) return;
    if (body !== null) decline.add(body);
    if (more) return;
    const whole = decline.body();
    this.writer.begin(decline.status, decline.headers(whole.length));
    this.writer.sendComplete(whole);
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

  /** Whether to send `connection: keep-alive`, which HTTP/2 does not have. */
  get #keepsConnection(): boolean {
    const connection = this.header("connection") ?? "";
    return !this.head.http2 && !/\bclose\b/i.test(connection);
  }

  #startKeepAlive(): void {
    clearInterval(this.#timer);
    const { interval, comment } = this.#keepAlive ?? NO_KEEPALIVE;
    if (interval === 0) return;
    const text = ENCODER.encode(formatSseComment(comment));
    this.#timer = setInterval(() => {
      // A client that reads nothing needs no further comment.
      if (!this.writer.transport.full) this.#stream!.write(text);
    }, timerDelay(interval));
  }
}

/** The fields with the defaults of `sse.start` (PAGI.md 3.5). */
function withDefaults(headers: HeaderList): HeaderList {
  const all = stripHopByHop(headers);
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
    : exchange.receiveLast());
}

/** The `send` of an app. */
function sseSend(exchange: SseExchange): Send {
  // Cached for the events of a running stream: with many streams, each further
  // object that an event touches is a cache miss.
  let stream: OutboundBody | null = null;
  return (event) => {
    if (stream !== null && !stream.over) {
      const bytes = cachedBytes(event);
      if (bytes !== null) return stream.write(bytes);
    }
    const taken = sendSse(exchange, event);
    stream = exchange.stream;
    return taken;
  };
}

/** Takes an event (PAGI.md 3.5, the table of events). */
function sendSse(exchange: SseExchange, event: SendEvent): Promise<void> {
  // Sends do nothing once the client has left; after `sse.close` they are errors.
  if (exchange.life.ended && exchange.phase !== "closed") return afterEnd();
  try {
    checkSseEvent(event);
    return act(exchange, event);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Acts on a checked event; one that comes too early or twice does nothing. */
function act(exchange: SseExchange, event: SseSendEvent): Promise<void> {
  const { phase, writer } = exchange;
  const after = outOfOrder(phase, event.type);
  if (after !== null) {
    throw new TypeError(
      `${event.type} was sent after ${after}, where it has no meaning (PAGI.md 3.5).`,
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

/** The event after which this one is out of order; null if it is in order. */
function outOfOrder(
  phase: SseExchange["phase"],
  type: SseSendEvent["type"],
): string | null {
  switch (phase) {
    case "idle":
      return null;
    case "http":
      return type.startsWith("http.") ? null : "http.response.start";
    case "streaming":
      return type.startsWith("sse.http.") ? "sse.start" : null;
    case "declining":
      return type.startsWith("sse.http.") ? null : "sse.http.response.start";
    case "closed":
      return type === "sse.close" ? null : "sse.close";
  }
}

type Event = SseSendEvent & { type: "sse.send" };

/** The last event that was encoded, and its bytes. */
let lastEvent: Event = { type: "sse.send", data: "" };
let lastBytes: Uint8Array = ENCODER.encode(formatSseEvent(lastEvent));

/**
 * The bytes of an `sse.send` event, which has been checked. They must not be
 * changed.
 */
function encodeSseEvent(event: Event): Uint8Array {
  lastBytes = ENCODER.encode(formatSseEvent(event));
  const { data, event: name, id, retry } = event;
  // The app may change its own object later.
  lastEvent = { type: "sse.send", data, event: name, id, retry };
  return lastBytes;
}

/**
 * The bytes of an event that is equal to the last one, and so needs no check: an
 * event for many clients is encoded once. Null for any other.
 */
function cachedBytes(event: SendEvent): Uint8Array | null {
  if (event?.type !== "sse.send") return null;
  const { data, event: name, id, retry } = event;
  return data === lastEvent.data && name === lastEvent.event &&
      id === lastEvent.id && retry === lastEvent.retry
    ? lastBytes
    : null;
}

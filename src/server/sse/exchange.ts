/**
 * One request for an event stream, and the stream.
 *
 * @module
 */

import { type Timer, timerDelay } from "../../std/timer.ts";
import type { HeaderList, ReceiveEvent } from "../../pagi/types.ts";
import { fieldValue } from "../../http/headers.ts";
import { formatSseComment } from "../../pagi/sse_format.ts";
import { log } from "../../log/log.ts";
import type { ListenerContext } from "../context.ts";
import { DeclinedResponse } from "../response/plain_answer.ts";
import { endToEnd } from "../response/headers.ts";
import type { OutboundBody } from "../response/outbound_body.ts";
import type { RequestHead } from "../request/head.ts";
import { ResponseExchange } from "../response_exchange.ts";
import { receiveSse } from "./receive.ts";
import { sseScope } from "./scope.ts";
import { sseSend } from "./send.ts";

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
export class SseExchange extends ResponseExchange {
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
    return this.worker.app(
      sseScope(this),
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

/**
 * One HTTP request and its response: the scope, what the app receives, what it
 * sends.
 */

import { DONE } from "./timers.ts";
import { checkHttpEvent, type HttpSendEvent } from "../pagi/http_events.ts";
import type { ReadyAnswer } from "../pagi/ready_answers.ts";
import type { HttpScope, ReceiveEvent, SendEvent } from "../pagi/types.ts";
import type { ListenerContext } from "./context.ts";
import { BodyFailure } from "./request/body.ts";
import type { RequestHead } from "./request/head.ts";
import { afterEnd } from "./response/transport_state.ts";
import type { ResponseWriter } from "./response/writer.ts";
import { ResponseExchange } from "./response_exchange.ts";

const DISCONNECT: ReceiveEvent = Object.freeze({ type: "http.disconnect" });

/** Serves one HTTP request with the app. */
export function serveHttp(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  head: RequestHead,
): Response | Promise<Response> {
  const exchange = new HttpExchange(listener, request, info, head);
  exchange.startResponseTimer();
  exchange.startIdleTimer();
  return exchange.serve();
}

/**
 * Sends an answer that the app keeps ready, without calling it, where the engine
 * does not get it whole.
 */
export function serveReady(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  head: RequestHead,
  answer: ReadyAnswer,
): Response | Promise<Response> {
  const exchange = new ReadyExchange(listener, request, info, head);
  exchange.ready = answer;
  exchange.startIdleTimer();
  return exchange.serve();
}

/** An exchange on an `http` scope. */
class HttpExchange extends ResponseExchange {
  protected override callApp(): Promise<void> {
    return this.worker.app(
      httpScope(this),
      () => this.#receive(),
      (event) => this.#send(event),
    );
  }

  /** The next event (PAGI.md 3.3, the table of `receive()`). */
  async #receive(): Promise<ReceiveEvent> {
    const { body } = this;
    if (!this.life.over && !body.done) {
      try {
        this.stopResponseTimer();
        const part = await body.read();
        this.startResponseTimer();
        if (part !== null) {
          return { type: "http.request", body: part.body, more: part.more };
        }
      } catch (error) {
        if (!(error instanceof BodyFailure)) throw error;
        this.failBody(error);
      }
    }
    return await this.receiveLast();
  }

  /** Takes an event (PAGI.md 3.3, the table of events). */
  #send(event: SendEvent): Promise<void> {
    if (this.life.ended) return afterEnd();
    try {
      checkHttpEvent(event);
      return writeHttp(this.writer, event);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  protected override get disconnectEvent(): ReceiveEvent {
    return DISCONNECT;
  }
}

/** An exchange without the app. */
class ReadyExchange extends HttpExchange {
  ready!: ReadyAnswer;

  protected override callApp(): Promise<void> {
    const { status, sized, body } = this.ready;
    const type = "http.response.start";
    this.writer.start({ type, status, headers: [...sized] });
    return this.writer.body({ type: "http.response.body", body: body! });
  }
}

/** Describes the request to the app (PAGI.md 2, 3.1). */
export function httpScope(exchange: ResponseExchange): HttpScope {
  const scheme = exchange.secure ? "https" : "http";
  const { transport } = exchange.writer;
  const scope = exchange.netScope("http", scheme, transport) as HttpScope;
  scope.method = exchange.head.method;
  scope["pagi.connection"] = exchange.life;
  return scope;
}

/** Does what a checked event says; `sse` scopes take these events as well. */
export function writeHttp(
  writer: ResponseWriter,
  event: HttpSendEvent,
): Promise<void> {
  switch (event.type) {
    case "http.response.start":
      writer.start(event);
      return DONE;
    case "http.response.body":
      return writer.body(event);
    case "http.response.trailers":
      writer.endTrailers();
      return DONE;
    case "http.fullflush":
      throw new TypeError(
        "http.fullflush is not in scope.extensions, so it cannot be sent; every chunk leaves as soon as the client takes it (PAGI.md 3.3).",
      );
  }
}

/**
 * An exchange that takes a request body and gives a response.
 *
 * @module
 */

import type {
  DisconnectReason,
  HeaderList,
  ReceiveEvent,
} from "../pagi/types.ts";
import { log } from "../log/log.ts";
import type { ExpectedInput } from "../guard/client_watch.ts";
import { failureAnswer } from "./response/plain_answer.ts";
import type { Deadline } from "./timers.ts";
import { Exchange, type StopCause } from "./exchange.ts";
import { IdleTimer } from "./timers.ts";
import type { OutboundBody } from "./response/outbound_body.ts";
import { type BodyFailure, endedEarly, RequestBody } from "./request/body.ts";
import { ResponseWriter } from "./response/writer.ts";
import { afterEnd } from "./response/transport_state.ts";

/**
 * What may come of a chunked body before the next part of it (bytes): more
 * than a kernel holds back while this thread is busy.
 */
const MOST_UNTAKEN = 1 << 24;

/** What `http` and `sse` exchanges have in common (PAGI.md 3.1, 3.3). */
export abstract class ResponseExchange extends Exchange {
  readonly writer: ResponseWriter = new ResponseWriter(this);
  #body: RequestBody | null = null;
  #whenOver: Promise<ReceiveEvent> | null = null;
  #tellOver: ((event: ReceiveEvent) => void) | null = null;
  #start: Deadline | null = null;
  #activity: IdleTimer | null = null;
  /** The body of the response, where that is an event stream. */
  #events: OutboundBody | null = null;

  /** Bounds the time in which nothing is read or written, if that is bounded. */
  boundActivity(): void {
    const { requestTimeout } = this.worker.settings;
    if (requestTimeout === 0) return;
    this.#activity = new IdleTimer(
      requestTimeout,
      () => this.#inactive(requestTimeout),
      // The engine may be done with what the client has yet to take.
      () => this.handedOff ? this.connectionSilence()?.sent ?? null : null,
    );
  }

  /** From now on nothing need be read or written. */
  unboundActivity(): void {
    this.#activity?.end();
    this.#activity = null;
  }

  /** What is to be told of each read and each write, if anything. */
  get activity(): IdleTimer | null {
    return this.#activity;
  }

  /** The request's body; most requests have none that anybody asks for. */
  get body(): RequestBody {
    return this.#body ??= new RequestBody(
      this.request,
      this.head.contentLength,
      this.worker.settings.maxBodySize,
      this.worker.stalls,
      this.#activity,
    );
  }

  override get status(): number | null {
    return this.writer.status;
  }
  override get bodyBytes(): number {
    return this.writer.bodyBytes;
  }

  override get taken(): number | null {
    return this.handedOff && this.occupiesConnection ? this.writer.taken : null;
  }

  override get input(): ExpectedInput | null {
    if (this.over || !this.ownsTcp) return null;
    const body = this.#body;
    if (body?.waiting && body.contentLength === null && !this.handedOff) {
      // Trailers are no part that the app gets: the engine gathers them.
      const turn = 1 + body.received;
      return {
        allowed: MOST_UNTAKEN,
        turn,
        excess: "protocol_error",
        endIsSeen: false,
      };
    }
    const left = this.#bodyLeft;
    // Before there is a response the engine reads a body as the app does.
    const allowed = left === 0 || this.handedOff ? left : Infinity;
    return { allowed, turn: 0, excess: "queue_overflow", endIsSeen: false };
  }

  override get awaitsBody(): boolean {
    return !this.over && this.#bodyLeft > 0;
  }

  /** Bytes of the request body that may still come. */
  get #bodyLeft(): number {
    if (this.#body?.done) return 0;
    const { contentLength } = this.head;
    const chunked = this.header("transfer-encoding") !== null;
    const { maxBodySize } = this.worker.settings;
    const size = contentLength ?? (chunked ? maxBodySize || Infinity : 0);
    return size - (this.#body?.received ?? 0);
  }

  /** True when the only thing left to receive is the disconnect. */
  get over(): boolean {
    return this.state.ended || this.writer.complete;
  }

  /** What the app receives when nothing else is left to receive. */
  protected abstract get disconnectEvent(): ReceiveEvent;

  /**
   * Resolves to that event when the response is complete or the connection is
   * gone.
   */
  whenOver(): Promise<ReceiveEvent> {
    if (this.over) return afterEnd().then(() => this.disconnectEvent);
    return this.#whenOver ??= new Promise((resolve) => {
      this.#tellOver = resolve;
      this.watchClient();
    });
  }

  /**
   * The response has become an event stream: a stop ends it, and so does
   * `--sse-idle-timeout`; nothing else bounds its silence.
   */
  streamEvents(body: OutboundBody): void {
    if (this.#events !== null) return;
    this.#events = body;
    this.unboundActivity();
    const { draining, settings } = this.worker;
    if (draining !== null) return this.drain(draining);
    if (settings.sseIdleTimeout === 0) return;
    body.writes = new IdleTimer(
      settings.sseIdleTimeout,
      () => this.#endIdleEvents(),
    );
  }

  /** Nothing was sent for the time of `--sse-idle-timeout`. */
  #endIdleEvents(): void {
    log.debug(() => `${this.describe()}: nothing was sent for too long.`);
    const untaken = this.writer.bufferedBytes > 0;
    this.#endEvents("idle_timeout");
    // A client that takes nothing would not take the end either.
    if (untaken) this.dropConnection();
  }

  #endEvents(reason: DisconnectReason): void {
    this.state.fail(reason);
    this.writer.end();
    this.writer.endTrailers();
  }

  /** A running request may finish (PAGI.md 6, graceful stop). */
  override drain(_cause: StopCause): void {
    if (this.#events !== null && !this.over) {
      this.#endEvents("server_shutdown");
    }
  }

  /** The response is complete, or there will be none. */
  responseOver(): void {
    this.#events?.writes?.end();
    this.unboundStart();
    this.#body?.cancel();
    this.#tellOver?.(this.disconnectEvent);
  }

  /** Until the engine has all of it, the client may still stall. */
  override endResponse(): void {
    this.unboundActivity();
    super.endResponse();
  }

  override get isGiven(): boolean {
    return this.writer.complete && this.writer.bufferedBytes === 0;
  }

  override giveUp(): void {
    this.writer.drop();
    super.giveUp();
  }

  override disconnect(reason: DisconnectReason): void {
    if (this.state.ended) return;
    const { started } = this.writer;
    if (!started && reason === "client_closed" && this.#body?.waiting) {
      // It may have ended its side only, and read the answer.
      return this.failBody(endedEarly());
    }
    this.state.fail(reason);
    if (started) this.writer.abort();
    else this.abandon();
    this.responseOver();
  }

  /** The app broke its response off: what is open cannot be completed. */
  breakOff(how: string): void {
    this.logError(how);
    this.disconnect("server_error");
  }

  /** The app's response is wrong: 500 where its head has not left yet. */
  refuseResponse(how: string): void {
    if (this.handedOff) return this.breakOff(how);
    this.logError(how);
    this.answerFailure();
  }

  /** The request body cannot be read: says so where that is still possible. */
  failBody(failure: BodyFailure): void {
    const { status, message, reason, limit } = failure;
    const { started } = this.writer;
    const level = limit === null ? "info" : "warn";
    this.worker.seldom.say(level, `body ${status}`, () => {
      const how = started ? "broken off" : `refused with ${status}`;
      const why = limit === null ? "" : ` (${limit})`;
      const what = message.replace(/\.$/, "");
      return `${this.describe()} was ${how}: ${what}${why}.`;
    });
    if (started) this.disconnect(reason);
    else this.answer(status, message, reason);
  }

  /** Answers in the app's stead, and ends the connection. */
  protected answer(
    status: number,
    text: string,
    reason: DisconnectReason,
    more: HeaderList = [],
  ): void {
    this.writer.begin(status, [
      ["content-type", "text/plain; charset=utf-8"],
      ["cache-control", "no-store"],
      ["connection", "close"],
      ...more,
    ]);
    // First: the whole answer ends what the app waits for, with this reason.
    this.state.fail(reason);
    this.writer.whole(text + "\n");
    this.endConnection();
    this.responseOver();
  }

  /** Starts the time in which the app must start its response, if bounded. */
  boundStart(): void {
    const { starts } = this.worker;
    if (starts.milliseconds === 0 || this.over || this.writer.started) return;
    this.#start ??= starts.add(() => this.#startOverdue());
  }

  /** The time does not run while the app waits for the request body. */
  unboundStart(): void {
    this.worker.starts.cancel(this.#start);
    this.#start = null;
  }

  #startOverdue(): void {
    if (this.over || this.writer.started) return;
    const { milliseconds } = this.worker.starts;
    this.worker.seldom.say(
      "warn",
      "start",
      () =>
        `${this.describe()}: no response within ${
          milliseconds / 1000
        } s (--timeout).`,
    );
    this.answer(503, "The application took too long.", "client_timeout");
  }

  /** Nothing was read or written for the time of `--request-timeout`. */
  #inactive(seconds: number): void {
    this.worker.seldom.say(
      "warn",
      "activity",
      () =>
        `${this.describe()}: nothing was read or written for ${seconds} s (--request-timeout).`,
    );
    if (this.writer.started) {
      this.disconnect("client_timeout");
      this.dropConnection();
    } else if (this.#body?.waiting) {
      this.answer(
        408,
        "The request body stopped arriving.",
        "client_timeout",
      );
    } else {
      this.answer(503, "The application took too long.", "client_timeout");
    }
  }

  protected override settled(result: unknown): void | Promise<void> {
    if (this.state.ended) return;
    this.writer.endTrailers();
    if (this.writer.complete) return this.state.succeed();
    if (!this.writer.started) return this.#unanswered(result);
    this.breakOff("the app returned in the middle of its response.");
  }

  /** The app has resolved and answered nothing. */
  async #unanswered(result: unknown): Promise<void> {
    if (await this.clientHasLeft()) return this.disconnect("client_closed");
    if (this.state.ended) return;
    this.logError(
      result instanceof Response
        ? "the app returned a Response and sent nothing. Only fetch handlers give one, which are functions of one or two parameters, or { fetch }."
        : "the app returned without a response.",
    );
    this.answerFailure();
  }

  protected override failed(error: unknown): void {
    if (this.state.ended) {
      log.debug(`${this.describe()}: the app threw after the end.`, error);
      return;
    }
    this.logThrown(error);
    if (this.writer.complete) this.state.succeed();
    else if (this.writer.started) this.disconnect("server_error");
    else this.answerFailure(error);
  }

  /** Answers for an app that failed. */
  protected answerFailure(error?: unknown): void {
    const { status, text, headers } = failureAnswer(error);
    this.answer(status, text, "server_error", headers);
  }
}

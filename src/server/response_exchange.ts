/** An exchange that takes a request body and gives a response. */

import { bodyLimit } from "../pagi/body_limit.ts";
import type { DisconnectReason, ReceiveEvent } from "../pagi/types.ts";
import { bodyOf } from "../engine/request.ts";
import type { InputBudget } from "../guard/input_monitor.ts";
import { log, logLimit } from "../log/log.ts";
import { Exchange } from "./exchange.ts";
import type { Http2Stream } from "./http2_connection.ts";
import type { BodyProgress, StopCause } from "./in_flight.ts";
import {
  type BodyFailure,
  endedEarly,
  RequestBody,
  stalled,
} from "./request/body.ts";
import type { OutgoingBody } from "./response/outbound_body.ts";
import { failureAnswer, Refusal, TEXT } from "./response/plain_answer.ts";
import { afterEnd } from "./response/transport_state.ts";
import { type ResponseSink, ResponseWriter } from "./response/writer.ts";
import type { Deadline } from "../std/timer.ts";
import { IdleTimer } from "./timers.ts";

/**
 * Bytes of a chunked body that may arrive before its next part is complete: more
 * than the kernel buffers while this thread is busy.
 */
const MAX_UNTAKEN = 1 << 24;
const TOO_LATE = new Refusal(503, "The application took too long.");

/** What `http` and `sse` exchanges have in common (PAGI.md 3.1, 3.3). */
export abstract class ResponseExchange extends Exchange
  implements ResponseSink {
  readonly writer: ResponseWriter = new ResponseWriter(this);
  #body: RequestBody | null = null;
  #whenOver: Promise<ReceiveEvent> | null = null;
  #resolveOver: ((event: ReceiveEvent) => void) | null = null;
  /** Bounds the time to the start of the response. */
  #start: Deadline | null = null;
  /** Bounds the time in which nothing is read or written. */
  #activity: IdleTimer | null = null;
  /** The body of the response, where that is an event stream. */
  #events: OutgoingBody | null = null;

  /** What the app receives when nothing else is left to receive. */
  protected abstract get disconnectEvent(): ReceiveEvent;

  /** Starts the timer of `--request-timeout`, if that is set. */
  startIdleTimer(): void {
    const { requestTimeout } = this.worker.settings;
    if (requestTimeout === 0) return;
    this.#activity = new IdleTimer(
      requestTimeout,
      () => this.#inactive(requestTimeout),
      // Asked for, because the kernel may send after the engine has finished.
      () =>
        this.life.responded ? this.connectionIdleTimes()?.sent ?? null : null,
    );
  }

  /** Stops that timer: from now on the exchange may be idle. */
  protected stopIdleTimer(): void {
    this.#activity?.end();
    this.#activity = null;
  }

  get activity(): IdleTimer | null {
    return this.#activity;
  }

  get method(): string {
    return this.head.method;
  }

  get http2(): Http2Stream | null {
    return this.connection === null ? null : this;
  }

  get closesConnection(): boolean {
    return this.closeAfterResponse || this.isLeaving;
  }

  /** The request's body, made when it is first read: few apps read one. */
  get body(): RequestBody {
    return this.#body ??= new RequestBody(
      () => this.openBody(),
      this.head.contentLength,
      bodyLimit(this.life, this.worker.settings.maxBodySize),
      this.worker.stalls,
      this.#activity,
    );
  }

  /** The request's body as the engine has it. */
  protected openBody(): Uint8Array | ReadableStream<Uint8Array> | null {
    return bodyOf(this.request);
  }

  /** Drops the rest of the request's body. */
  protected cancelBody(): void {
    this.#body?.cancel();
  }

  override get status(): number | null {
    return this.writer.status;
  }
  override get bodyBytes(): number {
    return this.writer.bodyBytes;
  }

  override get received(): number {
    return this.#body?.received ?? 0;
  }

  override get taken(): number | null {
    return this.life.responded && !this.life.released
      ? this.writer.taken
      : null;
  }

  override get transfer(): BodyProgress | null {
    if (this.#events !== null) return null;
    if (this.life.progress === "streaming") {
      const { sent, bufferedBytes, announced } = this.writer;
      return { way: "sent", bytes: sent - bufferedBytes, total: announced };
    }
    const body = this.#body;
    if (body === null || this.life.started) return null;
    const { received: bytes, contentLength: total } = body;
    return { way: "received", bytes, total };
  }

  override get inputBudget(): InputBudget | null {
    const { over, responded } = this.life;
    if (over || !this.ownsTcp) return null;
    const body = this.#body;
    if (body?.waiting && body.contentLength === null && !responded) {
      // Trailers are not passed to the app, but the engine collects them.
      const epoch = 1 + body.received;
      return {
        allowed: MAX_UNTAKEN,
        epoch,
        overflowReason: "protocol_error",
        engineReportsEof: false,
      };
    }
    const left = this.#bodyLeft;
    // Before the response the engine reads no faster than the app.
    const allowed = left === 0 || responded ? left : Infinity;
    return {
      allowed,
      epoch: 0,
      overflowReason: "queue_overflow",
      engineReportsEof: false,
    };
  }

  override get awaitsBody(): boolean {
    return !this.life.over && this.#bodyLeft > 0;
  }

  /** Bytes of the request body that may still come. */
  get #bodyLeft(): number {
    if (this.#body?.done) return 0;
    const { contentLength } = this.head;
    const chunked = this.header("transfer-encoding") !== null;
    const limit = this.#body?.maxSize ?? this.worker.settings.maxBodySize;
    const size = contentLength ?? (chunked ? limit || Infinity : 0);
    return size - (this.#body?.received ?? 0);
  }

  /**
   * Resolves to that event when the response is complete or the connection is
   * gone.
   */
  whenOver(): Promise<ReceiveEvent> {
    if (this.life.over) return afterEnd().then(() => this.disconnectEvent);
    return this.#whenOver ??= new Promise((resolve) => {
      this.#resolveOver = resolve;
      this.watchClient();
    });
  }

  deliver(response: Response, isShort: boolean): void {
    if (isShort && this.isLeaving && this.ownsTcp) {
      this.worker.guard?.finishBehind(this);
    }
    // The engine does not frame a 205: only the close ends it (RFC 9112, 6.3).
    if (this.closeAfterResponse || this.status === 205) this.endConnection();
    this.respond(response);
  }

  deliverStream(response: Response, onDone: () => void): Promise<void> {
    // Read before the response is delivered: later it would never settle.
    const { completed } = this.info;
    this.deliver(response, false);
    const done = () => {
      onDone();
      this.leaveEngine();
    };
    return completed.then(done, () => {
      this.disconnect("client_closed");
      done();
    });
  }

  /** The engine has finished with a stream that this exchange took over. */
  streamDone(isSent: boolean): void {
    if (!isSent) this.disconnect("client_closed");
    this.writer.passDone();
    this.leaveEngine();
  }

  streamEvents(body: OutgoingBody): void {
    this.#events = body;
    this.stopIdleTimer();
    this.countStream();
    if (this.life.over) return;
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
    // A client that reads nothing would not read the end either.
    if (untaken) this.dropConnection();
  }

  #endEvents(reason: DisconnectReason): void {
    this.life.fail(reason);
    this.writer.end();
    this.writer.endTrailers();
  }

  /** A running request may finish (PAGI.md 6, graceful stop). */
  override drain(_cause: StopCause): void {
    if (this.#events !== null && !this.life.over) {
      this.#endEvents("server_shutdown");
    }
  }

  /** The next event of the scope's channels, or the disconnect. */
  receiveLast(): Promise<ReceiveEvent> {
    return this.life.over
      ? this.whenOver()
      : this.receiveFromChannels(() => this.whenOver());
  }

  override responseOver(): void {
    super.responseOver();
    this.#events?.writes?.end();
    this.stopResponseTimer();
    this.cancelBody();
    this.#resolveOver?.(this.disconnectEvent);
  }

  /** The client can stall until the engine has finished. */
  override released(): void {
    this.stopIdleTimer();
  }

  override get isGiven(): boolean {
    return this.life.complete && this.writer.bufferedBytes === 0;
  }

  override giveUp(): void {
    this.writer.drop();
    super.giveUp();
  }

  override disconnect(reason: DisconnectReason): void {
    const { complete, ended, started } = this.life;
    if (ended) return;
    if (!started && reason === "client_closed" && this.#body?.waiting) {
      // The client may have closed its sending side only, and read the answer.
      return this.failBody(endedEarly());
    }
    this.life.fail(reason);
    if (!started) this.abandon();
    else if (!complete) {
      this.writer.abort();
      this.endConnection();
    }
  }

  /** Cuts off a response that the app cannot complete. */
  breakOff(how: string): void {
    this.logError(how);
    this.disconnect("server_error");
  }

  breakOffFor(error: unknown): void {
    if (this.life.ended) return;
    this.logThrown(error);
    this.disconnect("server_error");
  }

  refuse(how: string): void {
    if (this.life.responded) return this.breakOff(how);
    this.logError(how);
    this.answerFailure();
  }

  /** The request body cannot be read: responds with the reason if nothing was sent. */
  failBody(failure: BodyFailure): void {
    const { ended, started } = this.life;
    if (ended) return;
    failure.log(
      () => this.describe(),
      started ? "broken off" : undefined,
    );
    if (started) this.disconnect(failure.reason);
    else this.answer(failure, failure.reason);
  }

  /** Responds in place of the app, and closes the connection. */
  protected answer(
    { status, message, headers }: Refusal,
    reason: DisconnectReason,
  ): void {
    this.writer.begin(status, [
      TEXT,
      ["cache-control", "no-store"],
      ["connection", "close"],
      ...headers,
    ]);
    this.life.fail(reason);
    this.writer.sendComplete(message + "\n");
    this.endConnection();
  }

  /** Starts the timeout for the start of the response, if there is one. */
  startResponseTimer(): void {
    const { starts } = this.worker;
    if (starts.milliseconds === 0 || this.life.over || this.life.started) {
      return;
    }
    this.#start ??= starts.add(() => this.#startOverdue());
  }

  /** Stops that timer, while the app waits for the request body. */
  stopResponseTimer(): void {
    this.worker.starts.cancel(this.#start);
    this.#start = null;
  }

  #startOverdue(): void {
    if (this.life.over || this.life.started) return;
    const { milliseconds } = this.worker.starts;
    logLimit(
      "warn",
      "start",
      () =>
        `${this.describe()}: no response within ${
          milliseconds / 1000
        } s (--timeout).`,
    );
    this.answer(TOO_LATE, "client_timeout");
  }

  /** Nothing was read or written for the time of `--request-timeout`. */
  #inactive(seconds: number): void {
    logLimit(
      "warn",
      "activity",
      () =>
        `${this.describe()}: nothing was read or written for ${seconds} s (--request-timeout).`,
    );
    if (this.life.started) {
      this.disconnect("client_timeout");
      this.dropConnection();
    } else {
      this.answer(this.#body?.waiting ? stalled() : TOO_LATE, "client_timeout");
    }
  }

  protected override settled(result: unknown): void | Promise<void> {
    const { life } = this;
    if (life.ended) return;
    this.writer.endTrailers();
    if (life.complete) return life.succeed();
    if (!life.started) return this.#unanswered(result);
    this.breakOff("the app returned in the middle of its response.");
  }

  /** The app has returned without a response. */
  async #unanswered(result: unknown): Promise<void> {
    if (await this.clientHasLeft()) return this.disconnect("client_closed");
    if (this.life.ended) return;
    this.logError(
      result instanceof Response
        ? "the app returned a Response and sent nothing. Only fetch handlers return one: functions of one or two parameters, or { fetch }."
        : "the app returned without a response.",
    );
    this.answerFailure();
  }

  protected override failed(error: unknown): void {
    if (this.life.complete) this.life.succeed();
    else if (this.life.started) this.disconnect("server_error");
    else this.answerFailure(error);
  }

  /** Responds with 500 for an app that failed. */
  protected answerFailure(error?: unknown): void {
    this.answer(failureAnswer(error), "server_error");
  }
}

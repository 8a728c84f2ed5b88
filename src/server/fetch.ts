/**
 * One request of a fetch handler: the engine's own request goes to the handler,
 * and its response to the engine.
 */

import {
  abortRequest,
  bodyOf,
  type BodyTaker,
  setUrl,
  takeBody,
} from "../engine/request.ts";
import { isPlain, isUsed } from "../engine/response.ts";
import { knowUpgrade } from "../engine/upgrade.ts";
import { log } from "../log/log.ts";
import type { InputBudget } from "../guard/input_monitor.ts";
import {
  checkResponse,
  type DirectHandler,
  type FetchInfo,
  type Upgrade,
  type Upgrading,
} from "../pagi/fetch.ts";
import type { DisconnectReason, ReceiveEvent } from "../pagi/types.ts";
import type { ListenerContext } from "./context.ts";
import type { StopCause } from "./in_flight.ts";
import { httpScope } from "./http.ts";
import { BodyFailure } from "./request/body.ts";
import type { RequestHead } from "./request/head.ts";
import { ResponseExchange } from "./response_exchange.ts";
import { HandedSocket, upgradeResponse } from "./websocket/handed_socket.ts";

/** Nobody receives it. */
const DISCONNECT: ReceiveEvent = Object.freeze({ type: "http.disconnect" });

/** Calls a handler with what the engine has; what it throws is a rejection. */
export function callHandler(
  { handler }: DirectHandler,
  request: Request,
  info: Deno.ServeHandlerInfo,
): unknown {
  try {
    const given: unknown = handler.fetch(request, info as FetchInfo);
    // By itself it would mean that the handler is yet to be called.
    return given === undefined ? Promise.resolve() : given;
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Serves one request with a fetch handler.
 *
 * @param given What the handler gave; undefined: it is yet to be called.
 * @param began When it was called (ms since 1970); 0 where that is now, or
 * nobody asks.
 */
export function serveFetch(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  head: RequestHead,
  direct: DirectHandler,
  given: unknown,
  began: number,
): Response | Promise<Response> {
  const exchange = new FetchExchange(
    listener,
    request,
    info,
    head,
    direct,
    given,
  );
  if (began !== 0) exchange.startedAt = began;
  if (!(given instanceof Response)) {
    exchange.startResponseTimer();
    exchange.startIdleTimer();
  }
  return exchange.serve();
}

/** The engine gives no body to the others. */
function mayHaveBody({ method, contentLength }: RequestHead): boolean {
  return method !== "GET" && method !== "HEAD" && contentLength !== 0;
}

/** An exchange with a fetch handler. */
export class FetchExchange extends ResponseExchange
  implements BodyTaker, Upgrading {
  readonly #direct: DirectHandler;
  /** What the handler gave when it was called; undefined: it is yet to be. */
  #given: unknown;
  #source: ReadableStream<Uint8Array> | null = null;
  #upgraded: Response | null = null;
  #socket: HandedSocket | null = null;

  constructor(
    listener: ListenerContext,
    request: Request,
    info: Deno.ServeHandlerInfo,
    head: RequestHead,
    direct: DirectHandler,
    given: unknown,
  ) {
    super(listener, request, info, head);
    this.#direct = direct;
    this.#given = given;
  }

  /** Takes over a response that the engine has, and sends from a stream. */
  takeOver(
    response: Response,
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  ): void {
    this.#given = undefined;
    this.worker.inFlight.add(this);
    this.life.respond();
    this.writer.adopt(response, stream);
    this.life.endApp();
  }

  protected override run(): void {
    const given = this.#given;
    if (!(given instanceof Response)) return super.run();
    this.#given = undefined;
    this.conclude(() => this.settled(given));
  }

  protected override callApp(): Promise<unknown> {
    const given = this.#given;
    this.#given = undefined;
    if (given !== undefined) return given as Promise<unknown>;
    const { handler } = this.#direct;
    return Promise.resolve(handler.fetch(this.#ownRequest(), this.#ownInfo()));
  }

  /** The engine's request, with what is known better. */
  #ownRequest(): Request {
    const { request, head, secure } = this;
    if (head.kind === "websocket") knowUpgrade(request, this);
    const scheme = secure ? "https" : "http";
    if (
      !request.url.startsWith(`${scheme}://`) || head.forwarded?.host
    ) {
      const host = this.header("host") ?? "localhost";
      const query = head.query !== "" || head.emptyQuery
        ? `?${head.query}`
        : "";
      setUrl(request, `${scheme}://${host}${head.rawPath}${query}`);
    }
    if (!mayHaveBody(head) || takeBody(request, this)) return request;
    const { body } = request;
    return body === null
      ? request
      : new Request(request, { body: this.replace(body) });
  }

  #ownInfo(): FetchInfo {
    const { client, info, listener } = this;
    if (listener.findClient === null || client === undefined) {
      return info as FetchInfo;
    }
    const [hostname, port] = client;
    return {
      remoteAddr: { transport: "tcp", hostname, port },
      get completed() {
        return info.completed;
      },
    };
  }

  // The request's body.

  takesWhole(body: string | Uint8Array): boolean {
    try {
      this.body.takeWhole(body);
      return true;
    } catch (error) {
      if (!(error instanceof BodyFailure)) throw error;
      this.failBody(error);
      return false;
    }
  }

  replace(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    this.#source = stream;
    return new ReadableStream({
      type: "bytes",
      pull: (controller) => this.#pull(controller),
      cancel: () => this.body.cancel(),
    });
  }

  async #pull(controller: ReadableByteStreamController): Promise<void> {
    try {
      this.stopResponseTimer();
      const part = await this.body.read();
      this.startResponseTimer();
      if (part === null) throw new TypeError("The request has ended.");
      if (part.body.byteLength > 0) {
        controller.enqueue(part.body as Uint8Array<ArrayBuffer>);
      }
      if (part.more) return;
      controller.close();
      controller.byobRequest?.respond(0);
    } catch (error) {
      if (error instanceof BodyFailure) this.failBody(error);
      controller.error(error);
    }
  }

  protected override openBody():
    | Uint8Array
    | ReadableStream<Uint8Array>
    | null {
    return this.#source ?? bodyOf(this.request);
  }

  /** A handler may go on reading after its response, as on `Deno.serve`. */
  protected override cancelBody(): void {
    if (this.#source === null) super.cancelBody();
  }

  // The response.

  protected override settled(result: unknown): void {
    if (this.#upgraded !== null) return this.respondUpgrade(result);
    if (this.life.responded || this.life.ended) {
      if (result instanceof Response) {
        result.body?.cancel(this.life.reason).catch(() => {});
      }
      return;
    }
    try {
      if (!isPlain(result)) checkResponse(result, isUsed);
      this.writer.pass(result);
    } catch (error) {
      this.threw(error);
    }
  }

  protected override threw(error: unknown): void | Promise<void> {
    if (this.#upgraded !== null) {
      this.logThrown(error);
      this.#socket?.close(1011);
      return this.respondUpgrade(this.#upgraded);
    }
    // Giving up because the client left is no fault of the app.
    if (
      error instanceof DOMException && error.name === "AbortError" &&
      this.request.signal.aborted
    ) return this.disconnect("client_closed");
    return super.threw(error);
  }

  protected override answerFailure(error?: unknown): void {
    const { errorPage } = this.#direct;
    if (errorPage === null || error === undefined) {
      return super.answerFailure(error);
    }
    errorPage(error, httpScope(this)).then(
      (page) => {
        if (!this.life.responded && !this.life.ended) this.writer.pass(page);
      },
      (failure) => {
        log.error("The error page could not be made.", failure);
        if (!this.life.responded) super.answerFailure(error);
      },
    );
  }

  override responseOver(): void {
    super.responseOver();
    if (this.life.complete) this.life.succeed();
    else if (this.#socket === null) abortRequest(this.request);
  }

  protected override get disconnectEvent(): ReceiveEvent {
    return DISCONNECT;
  }

  // The WebSocket that may become of it.

  upgrade(options: Deno.UpgradeWebSocketOptions): Upgrade {
    const upgrade = this.listener.upgrade(this.request, options);
    this.stopResponseTimer();
    this.stopIdleTimer();
    this.#upgraded = upgrade.response;
    this.#socket = new HandedSocket(this, upgrade.socket);
    return upgrade;
  }

  respondUpgrade(given: unknown): void {
    const own = this.#upgraded;
    if (own === null || this.life.responded) return;
    this.life.advance("started");
    this.respond(upgradeResponse(this, own, given));
  }

  override get status(): number | null {
    if (this.#socket === null) return super.status;
    return this.life.responded ? 101 : null;
  }

  override get bodyBytes(): number {
    return this.#socket?.sent ?? super.bodyBytes;
  }

  override get taken(): number | null {
    return this.#socket === null ? super.taken : null;
  }

  override get inputBudget(): InputBudget | null {
    if (this.#socket === null) return super.inputBudget;
    return this.ownsTcp ? this.#socket.inputBudget : null;
  }

  override get awaitsBody(): boolean {
    return this.#socket === null && super.awaitsBody;
  }

  override drain(cause: StopCause): void {
    if (this.#socket === null) super.drain(cause);
    else this.#socket.drain(cause);
  }

  override disconnect(reason: DisconnectReason): void {
    if (this.#socket === null) super.disconnect(reason);
    else this.#socket.drop(reason);
  }
}

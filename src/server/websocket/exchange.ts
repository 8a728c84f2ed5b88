/** One WebSocket, from the request that asks for it to its end. */

import { type Timer, unref } from "../../std/timer.ts";
import {
  setUpgrading,
  type Upgrade,
  type Upgrading,
} from "../../pagi/fetch.ts";
import type {
  DisconnectReason,
  HeaderList,
  WebSocketScope,
} from "../../pagi/types.ts";
import { exceeds, hasBody } from "../../http/headers.ts";
import type { ScopeChannels } from "../../channels/scope_channels.ts";
import { log, logLimit } from "../../log/log.ts";
import { awaitClose, KeepAlive, ReadPause } from "../../engine/websocket.ts";
import type { InputBudget } from "../../guard/input_monitor.ts";
import type { ListenerContext } from "../context.ts";
import { stripHopByHop, withDefaultHeaders } from "../response/headers.ts";
import {
  DeclinedResponse,
  failureAnswer,
  Refusal,
} from "../response/plain_answer.ts";
import { Exchange } from "../exchange.ts";
import type { StopCause } from "../in_flight.ts";
import type { RequestHead } from "../request/head.ts";
import { DONE, type IdleTimer } from "../timers.ts";
import {
  CLIENT_CLOSED,
  CLOSE_WAIT_MS,
  CLOSED_EARLY,
  type CloseInfo,
  closeInfoOfClose,
  closeInfoOfError,
  GOING_AWAY,
  QUEUE_FULL,
  SERVICE_RESTART,
  SHUTDOWN,
  TOO_LARGE,
} from "./close_info.ts";
import { HandedSocket, idleTimer, upgradeResponse } from "./handed_socket.ts";
import { WebSocketOutbox } from "./outbox.ts";
import { WebSocketInbox } from "./inbox.ts";
import { sendWebSocket, type WebSocketActions } from "./send.ts";

/**
 * Fields of the handshake that are the engine's to answer: a second value would
 * make the client give up (RFC 6455, 4.1). The subprotocol is named by the
 * event.
 */
const HANDSHAKE_FIELD =
  /^(upgrade|sec-websocket-(accept|extensions|key|version))$/i;

/** Serves one WebSocket with the app. */
export function serveWebSocket(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  head: RequestHead,
): Response | Promise<Response> {
  const exchange = new WebSocketExchange(listener, request, info, head);
  exchange.watchClient();
  return exchange.serve();
}

/** An exchange on a `websocket` scope. */
class WebSocketExchange extends Exchange
  implements WebSocketActions, Upgrading {
  /** Where the connection stands (PAGI.md 3.4). */
  phase: "connecting" | "opening" | "open" | "closed" = "connecting";
  /** Resolves when an accepted WebSocket has opened, or cannot any more. */
  opened: Promise<void> = DONE;
  override status: number | null = null;
  readonly inbox: WebSocketInbox = new WebSocketInbox(
    this.worker.settings.maxReceiveQueue,
  );
  readonly outbox: WebSocketOutbox = new WebSocketOutbox(
    this.worker.marks,
    this.countsBytes,
  );
  #socket: WebSocket | null = null;
  #closeInfo: CloseInfo | null = null;
  #keepAlive: KeepAlive | null = null;
  #denial: DeclinedResponse | null = null;
  #closeTimer: Timer | undefined;
  #idle: IdleTimer | null = null;
  readonly #maxSize = this.worker.settings.maxWsFrameSize;
  /** Null until the queue of messages is full for the first time. */
  #readPause: ReadPause | null = null;
  /** Whether the peer waits for the app, however slow that is. */
  #backpressure = false;
  /** Where a fetch handler has the socket: that, and its response. */
  #handed: HandedSocket | null = null;
  #upgraded: Response | null = null;

  override get inputBudget(): InputBudget | null {
    if (this.#handed !== null) {
      return this.ownsTcp ? this.#handed.inputBudget : null;
    }
    if (this.phase !== "open" || !this.ownsTcp) return null;
    // While reading is paused, only as much arrives as the system buffers.
    const allowed = this.#readPause?.paused ? Infinity : this.#maxSize;
    const epoch = this.inbox.received;
    return {
      allowed,
      epoch,
      overflowReason: "protocol_error",
      engineReportsEof: true,
    };
  }

  /** The subprotocols that the client offers, in one or several fields. */
  get subprotocols(): string[] {
    return this.head.headers
      .filter(([name]) => name === "sec-websocket-protocol")
      .flatMap(([, list]) => list.split(","))
      .map((name) => name.trim())
      .filter((name) => name !== "");
  }

  override get bodyBytes(): number {
    return this.#handed?.sent ?? this.outbox.sent;
  }

  /** Opens the WebSocket; resolves when messages can be sent. */
  accept(
    subprotocol: string | null,
    headers: HeaderList,
    backpressure: boolean,
  ): Promise<void> {
    this.#backpressure = backpressure;
    this.unwatchClient();
    const { socket, response } = this.listener.upgrade(this.request, {
      idleTimeout: 0,
    });
    const { addedHeaders } = this.listener;
    const own = stripHopByHop(headers)
      .filter(([name]) => !HANDSHAKE_FIELD.test(name));
    for (const [name, value] of withDefaultHeaders(own, addedHeaders)) {
      response.headers.append(name, value);
    }
    if (subprotocol !== null) {
      response.headers.set("sec-websocket-protocol", subprotocol);
    }
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.outbox.open(socket);
    this.phase = "opening";
    this.status = 101;
    this.life.advance("started");
    this.respond(response);
    // An object costs less to call than a function, which `onmessage` wraps.
    socket.addEventListener("message", this as EventListenerObject);
    socket.addEventListener("close", ({ code, reason }) => {
      this.#closed(closeInfoOfClose(code, reason));
    });
    this.opened = new Promise((resolve) => {
      socket.addEventListener("open", () => {
        if (this.phase === "opening") {
          this.phase = "open";
          this.#idle = idleTimer(this);
        } else socket.close(GOING_AWAY);
        const { draining } = this.worker;
        if (draining !== null) this.drain(draining);
        resolve();
      });
      socket.addEventListener("error", (event) => {
        const ending = closeInfoOfError((event as ErrorEvent).message);
        if (ending === TOO_LARGE) this.#tooLarge();
        this.#closed(ending);
        resolve();
      });
    });
    return this.opened;
  }

  /** Handles a message of the peer; called by the socket. */
  handleEvent({ data }: MessageEvent<string | ArrayBuffer>): void {
    if (this.phase !== "open") return;
    this.#idle?.touch();
    if (exceeds(data, this.#maxSize)) {
      this.#tooLarge();
      this.close(1009, "", TOO_LARGE);
    } else if (!this.inbox.push(data)) {
      this.#waitForApp();
    }
  }

  override channelEventCame(channels: ScopeChannels): void {
    this.inbox.channelEventCame(channels);
  }

  #tooLarge(): void {
    logLimit(
      "warn",
      "websocket 1009",
      () =>
        `${this.describe()} was closed with 1009: a message was too long (--max-ws-frame-size is ${this.#maxSize}).`,
    );
  }

  /** The queue is full: stops reading until the app has caught up. */
  #waitForApp(): void {
    const pause = this.#readPause ??= ReadPause.of(
      this.#socket!,
      this.#backpressure ? null : () => this.#overflow(),
    );
    if (pause?.pause()) this.inbox.waitFor(pause);
    else this.#overflow();
  }

  #overflow(): void {
    const { settings } = this.worker;
    logLimit(
      "warn",
      "websocket 1008",
      () =>
        `${this.describe()} was closed with 1008: too many messages waited for the app (--max-receive-queue is ${settings.maxReceiveQueue}).`,
    );
    this.inbox.overflow();
    this.close(1008, "queue overflow", QUEUE_FULL);
  }

  /** Sends one message; resolves when the next may come. */
  write(message: string | Uint8Array): Promise<void> {
    this.#idle?.touch();
    return this.outbox.send(message);
  }

  /**
   * Starts the closing handshake; later messages are not sent. The app learns of
   * `ending` at once, or without one of the peer's answer.
   */
  close(code: number, reason: string, ending: CloseInfo | null = null): void {
    if (this.phase !== "open") return;
    this.phase = "closed";
    this.#idle?.end();
    if (ending !== null) {
      this.#closeInfo ??= ending;
      this.inbox.end(ending);
    }
    this.#socket!.close(code, reason);
    awaitClose(this.#socket!);
    // Otherwise the peer's answer would stay unread.
    this.#readPause?.resume();
    this.#closeTimer = unref(setTimeout(() => {
      this.dropConnection();
      this.#closed(CLIENT_CLOSED);
    }, CLOSE_WAIT_MS));
  }

  /** Pings the peer at an interval; both in seconds (PAGI.md 3.4). */
  keepAlive(interval: number, timeout: number): void {
    this.#keepAlive ??= KeepAlive.of(
      this.#socket!,
      () => {
        // A pong may wait behind messages.
        if (this.#readPause?.paused) return;
        this.disconnect("keepalive_timeout");
      },
    );
    if (this.#keepAlive === null) {
      log.warn(
        "This version of Deno does not let a server send pings, so websocket.keepalive is ignored.",
      );
    } else this.#keepAlive.set(interval, timeout);
  }

  /** Refuses the handshake with 403 (PAGI.md 8, item 62). */
  forbid(): void {
    this.#deny(DeclinedResponse.of(new Refusal(403, "Forbidden")));
    this.inbox.end(CLOSED_EARLY);
  }

  /** Begins a denial response of the app. */
  beginDenial(status: number, headers: HeaderList): void {
    this.#denial ??= new DeclinedResponse(status, headers);
  }

  /** Collects its body, and sends it when it is complete. */
  denialBody(body: Uint8Array | string | null, more: boolean): void {
    if (this.#denial === null) return;
    if (body !== null) this.#denial.add(body);
    if (!more) this.#deny(this.#denial);
  }

  /** Upgrades for a fetch handler, which gets the socket. */
  upgrade(options: Deno.UpgradeWebSocketOptions): Upgrade {
    this.unwatchClient();
    const upgrade = this.listener.upgrade(this.request, options);
    this.phase = "closed";
    this.#upgraded = upgrade.response;
    this.#handed = new HandedSocket(this, upgrade.socket);
    return upgrade;
  }

  respondUpgrade(given: unknown): void {
    if (this.#upgraded === null || this.life.responded) return;
    this.status = 101;
    this.life.advance("started");
    this.respond(upgradeResponse(this, this.#upgraded, given));
  }

  override drain(cause: StopCause): void {
    this.#handed?.drain(cause);
    if (this.phase !== "open") return;
    this.life.fail("server_shutdown");
    this.close(
      cause === "replaced" ? SERVICE_RESTART : GOING_AWAY,
      "",
      SHUTDOWN,
    );
  }

  override disconnect(reason: DisconnectReason): void {
    if (this.#handed !== null) return this.#handed.drop(reason);
    if (!this.life.fail(reason)) return;
    this.#closeInfo = { code: 1006, reason };
    this.inbox.end(this.#closeInfo);
    if (this.life.responded) {
      if (!this.dropConnection()) this.#socket?.close(GOING_AWAY);
      this.#closed(this.#closeInfo);
    } else {
      this.phase = "closed";
      this.abandon();
    }
  }

  protected override callApp(): Promise<void> {
    const { inbox } = this;
    // PAGI.md 2, 3.1.
    const scope = this.netScope(
      "websocket",
      this.secure ? "wss" : "ws",
      this.outbox.transport,
    ) as WebSocketScope;
    scope.subprotocols = this.subprotocols;
    scope.extensions = this.listener.webSocketExtensions;
    setUpgrading(scope, this);
    return this.worker.app(
      scope,
      () => inbox.receive(),
      (event) => sendWebSocket(this, event),
    );
  }

  protected override async settled(): Promise<void> {
    this.respondUpgrade(this.#upgraded);
    await this.opened;
    if (this.phase === "open") this.close(1000, "");
    else if (!this.life.responded) {
      this.logError("the app returned without accepting the WebSocket.");
      this.#fail();
    }
  }

  protected override threw(error: unknown): void | Promise<void> {
    if (this.#handed === null) return super.threw(error);
    this.logThrown(error);
    this.#handed.close(1011);
    this.respondUpgrade(this.#upgraded);
  }

  protected override async failed(error: unknown): Promise<void> {
    await this.opened;
    if (this.phase === "open") this.close(1011, "");
    else if (!this.life.responded) this.#fail(error);
  }

  /** The connection has ended; a close info set before takes precedence. */
  #closed(ending: CloseInfo): void {
    if (this.#socket === null) return;
    this.#socket = null;
    this.phase = "closed";
    this.#readPause?.resume();
    clearTimeout(this.#closeTimer);
    this.#idle?.end();
    this.#keepAlive?.end();
    this.inbox.end(this.#closeInfo ?? ending);
    this.life.fail("client_closed");
    this.outbox.end();
    this.life.release();
  }

  #deny(denial: DeclinedResponse): void {
    const { status } = denial;
    const body = denial.body();
    const fault = denial.fault(body.length);
    if (fault !== null) {
      this.logError(fault);
      return this.#fail();
    }
    const empty = !hasBody(status);
    this.phase = "closed";
    this.status = status;
    this.outbox.sent = empty ? 0 : body.length;
    this.life.advance("started");
    this.respond(
      new Response(empty ? null : body, {
        status,
        headers: withDefaultHeaders(
          denial.headers(body.length),
          this.listener.addedHeaders,
        ),
      }),
    );
    this.endConnection();
    this.life.release();
  }

  #fail(error?: unknown): void {
    this.#deny(DeclinedResponse.of(failureAnswer(error)));
    this.life.fail("server_error");
  }
}

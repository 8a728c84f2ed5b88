/**
 * One WebSocket, from the request that asks for it to its end.
 *
 * @module
 */

import { type Timer, unref } from "../../std/timer.ts";
import type { DisconnectReason, HeaderList } from "../../pagi/types.ts";
import { clipCloseReason } from "../../pagi/close_codes.ts";
import { log } from "../../log/log.ts";
import type { ListenerContext } from "../context.ts";
import { copyOf, declineHead, joinPieces } from "../declined_response.ts";
import { Exchange } from "../exchange.ts";
import type { RequestHead } from "../request_head.ts";
import { type Buffer, TransportState } from "../transport_state.ts";
import { CLIENT_CLOSED, type Ending, endingOf } from "./ending.ts";
import { keepAlive } from "./keep_alive.ts";
import { WebSocketInbox } from "./receive.ts";
import { webSocketScope } from "./scope.ts";
import { sendWebSocket } from "./send.ts";

const DONE: Promise<void> = Promise.resolve();
/** How often a full send buffer is looked at, in milliseconds. */
const DRAIN_LOOK_MS = 10;
/** How long a peer may take to answer a Close, in milliseconds. */
const CLOSE_WAIT_MS = 5000;

/** Serves one WebSocket with the app. */
export function serveWebSocket(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  head: RequestHead,
): Response | Promise<Response> {
  const exchange = new WebSocketExchange(listener, request, info, head);
  exchange.watchClient();
  exchange.run(() =>
    exchange.worker.app(
      webSocketScope(exchange),
      () => exchange.inbox.receive(),
      (event) => sendWebSocket(exchange, event),
    )
  );
  return exchange.response();
}

/** An exchange on a `websocket` scope. */
export class WebSocketExchange extends Exchange implements Buffer {
  /** Where the connection stands (PAGI.md 3.4). */
  phase: "connecting" | "open" | "closed" = "connecting";
  override status: number | null = null;
  override bodyBytes = 0;
  readonly inbox: WebSocketInbox = new WebSocketInbox();
  readonly transport: TransportState;
  #socket: WebSocket | null = null;
  #ending: Ending | null = null;
  #denial: { status: number; headers: HeaderList } | null = null;
  #pieces: (Uint8Array | string)[] = [];
  #timer: Timer | undefined;

  constructor(
    listener: ListenerContext,
    request: Request,
    info: Deno.ServeHandlerInfo,
    head: RequestHead,
  ) {
    super(listener, request, info, head);
    this.transport = new TransportState(this, this.worker.marks);
  }

  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Opens the WebSocket; resolves when messages can be sent. */
  accept(subprotocol: string | null, headers: HeaderList): Promise<void> {
    if (this.handedOff) return DONE;
    this.unwatchClient();
    const { socket, response } = Deno.upgradeWebSocket(this.request, {
      idleTimeout: 0,
    });
    for (const [name, value] of headers) response.headers.append(name, value);
    if (subprotocol !== null) {
      response.headers.set("sec-websocket-protocol", subprotocol);
    }
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.status = 101;
    this.handOff(response);
    return new Promise((resolve) => {
      socket.onopen = () => {
        if (this.phase === "connecting") this.phase = "open";
        if (this.worker.draining) this.drain();
        resolve();
      };
      socket.onmessage = (event) => this.#take(event.data);
      socket.onerror = (event) => {
        this.#ending ??= endingOf((event as ErrorEvent).message);
        this.#closed(CLIENT_CLOSED);
        resolve();
      };
      socket.onclose = (event) => {
        this.#closed({ code: event.code || 1006, reason: event.reason });
      };
    });
  }

  /** Sends one message; resolves when the next may come. */
  write(message: string | Uint8Array): Promise<void> {
    const socket = this.#socket!;
    // The engine copies what it is given.
    socket.send(message as Uint8Array<ArrayBuffer>);
    this.bodyBytes += message.length;
    this.transport.update();
    if (!this.transport.full) return DONE;
    this.#lookForDrain();
    return this.transport.drained();
  }

  /** Starts the closing handshake; what follows is not sent. */
  close(code: number, reason: string, ending: Ending | null = null): void {
    if (this.phase !== "open") return;
    this.phase = "closed";
    this.#ending ??= ending;
    this.#socket!.close(code, clipCloseReason(reason));
    this.transport.release();
    this.#timer = unref(setTimeout(() => {
      this.dropConnection();
      this.#closed(CLIENT_CLOSED);
    }, CLOSE_WAIT_MS));
  }

  /** Has the peer pinged (PAGI.md 3.4). */
  keepAlive(interval: number, timeout: number): void {
    if (!keepAlive(this.#socket!, interval, timeout)) {
      log.warn(
        "This Deno lets no server ping: websocket.keepalive is ignored.",
      );
    }
  }

  /** Refuses the handshake in the shortest way (PAGI.md 8, item 62). */
  forbid(): void {
    this.#deny(403, [["content-type", "text/plain; charset=utf-8"]], [
      "Forbidden\n",
    ]);
  }

  /** Begins a refusal of the app's own. */
  beginDenial(status: number, headers: HeaderList): void {
    this.#denial ??= { status, headers };
  }

  /** Gathers its body, and sends it when it is whole. */
  denialBody(body: Uint8Array | string | null, more: boolean): void {
    if (this.#denial === null || this.handedOff) return;
    // The app may use its buffer again.
    if (body !== null) this.#pieces.push(copyOf(body));
    if (more) return;
    const { status, headers } = this.#denial;
    this.#deny(status, headers, this.#pieces);
  }

  override drain(): void {
    if (this.phase === "open") {
      this.state.fail("server_shutdown");
      const ending = { code: 1006, reason: "server_shutdown" };
      this.close(1001, "", ending);
      this.inbox.end(ending.code, ending.reason);
    }
  }

  override disconnect(reason: DisconnectReason): void {
    if (!this.state.fail(reason)) return;
    this.inbox.end(1006, reason);
    if (this.handedOff) {
      this.#ending = { code: 1006, reason };
      this.dropConnection();
      this.#closed(this.#ending);
    } else {
      this.phase = "closed";
      this.abandon();
    }
  }

  protected override settled(): void {
    if (this.phase === "open") this.close(1000, "");
    else if (!this.handedOff) {
      this.logError("the app returned without accepting the WebSocket.");
      this.#fail();
    }
  }

  protected override failed(error: unknown): void {
    if (this.state.ended) {
      log.debug(`${this.describe()}: the app threw after the end. ${error}`);
      return;
    }
    this.logError("the app threw.", error);
    if (this.phase === "open") this.close(1011, "");
    else if (!this.handedOff) this.#fail();
  }

  #take(data: string | ArrayBuffer): void {
    if (this.phase !== "open") return;
    const { maxWsFrameSize, maxReceiveQueue } = this.worker.settings;
    if (exceeds(data, maxWsFrameSize)) {
      return this.close(1009, "", { code: 1009, reason: "protocol_error" });
    }
    if (this.inbox.length >= maxReceiveQueue) {
      return this.close(1008, "queue overflow", {
        code: 1008,
        reason: "queue_overflow",
      });
    }
    this.inbox.push(
      typeof data === "string"
        ? { type: "websocket.receive", text: data }
        : { type: "websocket.receive", bytes: new Uint8Array(data) },
    );
  }

  /** The connection is at its end; what was foreseen goes before `ending`. */
  #closed(ending: Ending): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    clearTimeout(this.#timer);
    this.phase = "closed";
    const { code, reason } = this.#ending ?? ending;
    this.inbox.end(code, reason);
    this.state.fail("client_closed");
    this.transport.release();
    this.endResponse();
  }

  #deny(
    status: number,
    headers: HeaderList,
    pieces: readonly (Uint8Array | string)[],
  ): void {
    const body = joinPieces(pieces);
    const empty = status === 204 || status === 205 || status === 304;
    this.phase = "closed";
    this.status = status;
    this.bodyBytes = empty ? 0 : body.byteLength;
    this.handOff(
      new Response(empty ? null : body, {
        status,
        headers: declineHead(status, headers, body.byteLength),
      }),
    );
    this.endConnection();
    this.endResponse();
  }

  #fail(): void {
    this.#deny(500, [["content-type", "text/plain; charset=utf-8"]], [
      "Internal Server Error\n",
    ]);
    this.state.fail("server_error");
  }

  #lookForDrain(): void {
    const timer = setInterval(() => {
      this.transport.update();
      if (!this.transport.full || this.phase === "closed") clearInterval(timer);
    }, DRAIN_LOOK_MS);
  }
}

/** A message's size counts in bytes of UTF-8. */
function exceeds(data: string | ArrayBuffer, limit: number): boolean {
  if (typeof data !== "string") return data.byteLength > limit;
  if (data.length > limit) return true;
  return data.length * 3 > limit &&
    new TextEncoder().encode(data).byteLength > limit;
}

/** What an app sends for one WebSocket. */

import { DONE } from "../timers.ts";
import type { HeaderList, SendEvent } from "../../pagi/types.ts";
import {
  checkSubprotocol,
  checkWebSocketEvent,
  messageOf,
  type WebSocketSendEvent,
} from "../../pagi/websocket_events.ts";
import { afterEnd } from "../response/transport_state.ts";

/** What the events of an app do to its WebSocket. */
export interface WebSocketActions {
  /** Where the connection stands (PAGI.md 3.4). */
  readonly phase: "connecting" | "opening" | "open" | "closed";
  /** Resolves when an accepted WebSocket has opened, or cannot any more. */
  readonly opened: Promise<void>;
  /** What the client offers. */
  readonly subprotocols: string[];
  /** Opens the WebSocket; resolves when messages can be sent. */
  accept(
    subprotocol: string | null,
    headers: HeaderList,
    backpressure: boolean,
  ): Promise<void>;
  /** Sends one message; resolves when the next may come. */
  write(message: string | Uint8Array): Promise<void>;
  /** Starts the closing handshake; later messages are not sent. */
  close(code: number, reason: string): void;
  /** Pings the peer at an interval; both in seconds. */
  keepAlive(interval: number, timeout: number): void;
  /** Refuses the handshake with 403. */
  forbid(): void;
  /** Begins a denial response of the app … */
  beginDenial(status: number, headers: HeaderList): void;
  /** … and collects its body, which is sent when it is complete. */
  denialBody(body: Uint8Array | string | null, more: boolean): void;
}

/** Takes an event (PAGI.md 3.4, the table of events). */
export function sendWebSocket(
  exchange: WebSocketActions,
  event: SendEvent,
): Promise<void> {
  if (exchange.phase === "closed") return afterEnd();
  try {
    if (exchange.phase === "open") {
      const message = messageOf(event);
      if (message !== null) return exchange.write(message);
    }
    checkWebSocketEvent(event);
    switch (exchange.phase) {
      case "connecting":
        return beforeAccept(exchange, event);
      case "opening":
        // The app has not waited for accept, so this does.
        return exchange.opened.then(() => sendWebSocket(exchange, event));
      case "open":
        return whileOpen(exchange, event);
    }
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Acts on any event but a message, which was sent before. */
function whileOpen(
  exchange: WebSocketActions,
  event: WebSocketSendEvent,
): Promise<void> {
  switch (event.type) {
    case "websocket.close":
      exchange.close(event.code ?? 1000, event.reason ?? "");
      return DONE;
    case "websocket.keepalive":
      exchange.keepAlive(event.interval, event.timeout ?? 0);
      return DONE;
    default:
      return DONE;
  }
}

function beforeAccept(
  exchange: WebSocketActions,
  event: WebSocketSendEvent,
): Promise<void> {
  switch (event.type) {
    case "websocket.accept":
      if (event.subprotocol != null || event.headers != null) {
        checkSubprotocol(event, exchange.subprotocols);
      }
      return exchange.accept(
        event.subprotocol ?? null,
        event.headers ?? [],
        Boolean(event.backpressure),
      );
    case "websocket.close":
      exchange.forbid();
      return DONE;
    case "websocket.http.response.start":
      exchange.beginDenial(event.status, event.headers ?? []);
      return DONE;
    case "websocket.http.response.body":
      exchange.denialBody(event.body ?? null, Boolean(event.more));
      return DONE;
    default:
      return DONE;
  }
}

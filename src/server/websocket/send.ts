/**
 * What an app sends for one WebSocket.
 *
 * @module
 */

import type { SendEvent } from "../../pagi/types.ts";
import {
  checkSubprotocol,
  checkWebSocketEvent,
  messageOf,
  type WebSocketSendEvent,
} from "../../pagi/websocket_events.ts";
import { afterEnd } from "../response/transport_state.ts";
import type { WebSocketExchange } from "./exchange.ts";
import { subprotocols } from "./scope.ts";

const DONE: Promise<void> = Promise.resolve();

/** Takes an event (PAGI.md 3.4, the table of events). */
export function sendWebSocket(
  exchange: WebSocketExchange,
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

/** Does what any event says but a message, which has gone already. */
function whileOpen(
  exchange: WebSocketExchange,
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
  exchange: WebSocketExchange,
  event: WebSocketSendEvent,
): Promise<void> {
  switch (event.type) {
    case "websocket.accept":
      if (event.subprotocol != null || event.headers != null) {
        checkSubprotocol(event, subprotocols(exchange.head.headers));
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

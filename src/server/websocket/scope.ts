/**
 * The scope of one WebSocket.
 *
 * @module
 */

import type { HeaderList, WebSocketScope } from "../../pagi/types.ts";
import type { WebSocketExchange } from "./exchange.ts";

/** Describes the connection to the app (PAGI.md 2, 3.1). */
export function webSocketScope(exchange: WebSocketExchange): WebSocketScope {
  const scope = exchange.netScope(
    "websocket",
    exchange.secure ? "wss" : "ws",
    exchange.outbox.transport,
  ) as WebSocketScope;
  scope.subprotocols = subprotocols(exchange.head.headers);
  scope.extensions = exchange.listener.webSocketExtensions;
  return scope;
}

/** What `sec-websocket-protocol` offers; several fields count as one list. */
export function subprotocols(headers: HeaderList): string[] {
  return headers
    .filter(([name]) => name === "sec-websocket-protocol")
    .flatMap(([, list]) => list.split(","))
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/**
 * The scope of one WebSocket.
 *
 * @module
 */

import type { WebSocketScope } from "../../pagi/types.ts";
import { netScope } from "../net_scope.ts";
import type { WebSocketExchange } from "./exchange.ts";

/** Describes the connection to the app (PAGI.md 2, 3.1). */
export function webSocketScope(exchange: WebSocketExchange): WebSocketScope {
  const scope = netScope(exchange) as WebSocketScope;
  scope.type = "websocket";
  scope.scheme = exchange.listener.secure ? "wss" : "ws";
  scope.subprotocols = subprotocols(exchange.header("sec-websocket-protocol"));
  scope.extensions = exchange.listener.webSocketExtensions;
  scope["pagi.transport"] = exchange.transport;
  return scope;
}

function subprotocols(list: string | null): string[] {
  if (list === null) return [];
  return list.split(",").map((name) => name.trim()).filter((name) =>
    name !== ""
  );
}

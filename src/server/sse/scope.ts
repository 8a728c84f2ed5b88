/**
 * The scope of one event stream.
 *
 * @module
 */

import type { SseScope } from "../../pagi/types.ts";
import { netScope } from "../net_scope.ts";
import type { SseExchange } from "./exchange.ts";

/** Describes the request to the app (PAGI.md 2, 3.1). */
export function sseScope(exchange: SseExchange): SseScope {
  const scope = netScope(exchange) as SseScope;
  scope.type = "sse";
  scope.method = exchange.head.method;
  scope.scheme = exchange.secure ? "https" : "http";
  scope["pagi.transport"] = exchange.writer.transport;
  return scope;
}

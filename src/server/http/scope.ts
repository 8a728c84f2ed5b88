/**
 * The scope of one HTTP request.
 *
 * @module
 */

import type { HttpScope } from "../../pagi/types.ts";
import { netScope } from "../net_scope.ts";
import type { HttpExchange } from "./exchange.ts";

/** Describes the request to the app (PAGI.md 2, 3.1). */
export function httpScope(exchange: HttpExchange): HttpScope {
  const scope = netScope(exchange) as HttpScope;
  scope.type = "http";
  scope.method = exchange.head.method;
  scope.scheme = exchange.secure ? "https" : "http";
  scope["pagi.connection"] = exchange.state;
  scope["pagi.transport"] = exchange.writer.transport;
  return scope;
}

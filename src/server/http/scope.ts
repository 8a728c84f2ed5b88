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
  const scheme = exchange.secure ? "https" : "http";
  const { transport } = exchange.writer;
  const scope = netScope(exchange, "http", scheme, transport) as HttpScope;
  scope.method = exchange.head.method;
  scope["pagi.connection"] = exchange.state;
  return scope;
}

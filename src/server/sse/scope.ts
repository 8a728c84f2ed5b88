/**
 * The scope of one event stream.
 *
 * @module
 */

import type { SseScope } from "../../pagi/types.ts";
import type { SseExchange } from "./exchange.ts";

/** Describes the request to the app (PAGI.md 2, 3.1). */
export function sseScope(exchange: SseExchange): SseScope {
  const scheme = exchange.secure ? "https" : "http";
  const { transport } = exchange.writer;
  const scope = exchange.netScope("sse", scheme, transport) as SseScope;
  scope.method = exchange.head.method;
  return scope;
}

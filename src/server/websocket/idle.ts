/**
 * WebSockets on which nothing happens.
 *
 * @module
 */

import { IdleTimer } from "../timers.ts";
import type { WebSocketExchange } from "./exchange.ts";

/**
 * Ends a WebSocket on which nothing is received or sent for the time of
 * `--ws-idle-timeout` (PAGI.md 3.4, the table of endings); null where that is
 * not bounded. It is to be told of messages; of pings and pongs the engine
 * does not tell, but the connection does.
 */
export function boundIdle(exchange: WebSocketExchange): IdleTimer | null {
  const { wsIdleTimeout } = exchange.worker.settings;
  if (wsIdleTimeout === 0) return null;
  return new IdleTimer(
    wsIdleTimeout,
    () => exchange.disconnect("idle_timeout"),
    () => {
      const silence = exchange.connectionSilence();
      return silence && Math.min(silence.sent, silence.received);
    },
  );
}

/**
 * What an app receives of one event stream's request.
 *
 * @module
 */

import type { ReceiveEvent } from "../../pagi/types.ts";
import { BodyFailure } from "../request/body.ts";
import type { SseExchange } from "./exchange.ts";

/** The next event: the request body, then the disconnect (PAGI.md 3.5). */
export function receiveSse(exchange: SseExchange): Promise<ReceiveEvent> {
  return exchange.life.over || exchange.body.done
    ? receiveEnd(exchange)
    : receivePart(exchange);
}

async function receivePart(exchange: SseExchange): Promise<ReceiveEvent> {
  try {
    const part = await exchange.body.read();
    if (part !== null) {
      return { type: "sse.request", body: part.body, more: part.more };
    }
  } catch (error) {
    if (!(error instanceof BodyFailure)) throw error;
    exchange.failBody(error);
  }
  return receiveEnd(exchange);
}

function receiveEnd(exchange: SseExchange): Promise<ReceiveEvent> {
  // A declined stream has no disconnect (PAGI.md 8, item 58).
  if (exchange.declined) return new Promise(() => {});
  return exchange.whenOver();
}

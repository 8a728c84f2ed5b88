/**
 * What an app receives of one event stream's request.
 *
 * @module
 */

import type { ReceiveEvent } from "../../pagi/types.ts";
import { BodyFailure } from "../request_body.ts";
import type { SseExchange } from "./exchange.ts";

/** The next event: the request body, then the disconnect (PAGI.md 3.5). */
export async function receiveSse(
  exchange: SseExchange,
): Promise<ReceiveEvent> {
  const { body } = exchange;
  if (!exchange.over && !body.done) {
    try {
      const part = await body.read();
      if (part !== null) {
        return { type: "sse.request", body: part.body, more: part.more };
      }
    } catch (error) {
      if (!(error instanceof BodyFailure)) throw error;
      exchange.failBody(error);
    }
  }
  // A declined stream has no disconnect (PAGI.md 8, item 58).
  if (exchange.declined) return new Promise(() => {});
  await exchange.whenOver();
  return {
    type: "sse.disconnect",
    reason: exchange.state.reason ?? "",
  };
}

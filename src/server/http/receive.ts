/**
 * What an app receives of one HTTP request.
 *
 * @module
 */

import type { ReceiveEvent } from "../../pagi/types.ts";
import { BodyFailure } from "../request_body.ts";
import type { HttpExchange } from "./exchange.ts";

/** The next event (PAGI.md 3.3, the table of `receive()`). */
export async function receiveHttp(
  exchange: HttpExchange,
): Promise<ReceiveEvent> {
  const { body } = exchange;
  if (!exchange.over && !body.done) {
    try {
      exchange.unboundStart();
      const part = await body.read();
      exchange.boundStart();
      if (part !== null) {
        return { type: "http.request", body: part.body, more: part.more };
      }
    } catch (error) {
      if (!(error instanceof BodyFailure)) throw error;
      exchange.failBody(error);
    }
  }
  return await exchange.whenOver();
}

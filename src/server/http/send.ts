/**
 * What an app sends for one HTTP request.
 *
 * @module
 */

import type { SendEvent } from "../../pagi/types.ts";
import { checkHttpEvent, type HttpSendEvent } from "../../pagi/http_events.ts";
import type { ResponseWriter } from "../response_writer.ts";
import { afterEnd } from "../transport_state.ts";
import type { HttpExchange } from "./exchange.ts";

const DONE: Promise<void> = Promise.resolve();

/** Takes an event (PAGI.md 3.3, the table of events). */
export function sendHttp(
  exchange: HttpExchange,
  event: SendEvent,
): Promise<void> {
  if (exchange.state.ended) return afterEnd();
  try {
    checkHttpEvent(event);
    return writeHttp(exchange.writer, event);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Does what a checked event says; `sse` scopes take these events as well. */
export function writeHttp(
  writer: ResponseWriter,
  event: HttpSendEvent,
): Promise<void> {
  switch (event.type) {
    case "http.response.start":
      writer.start(event);
      return DONE;
    case "http.response.body":
      return writer.body(event);
    case "http.response.trailers":
      writer.endTrailers();
      return DONE;
    case "http.fullflush":
      throw new TypeError(
        "http.fullflush is not in scope.extensions, so it cannot be sent; every piece leaves as soon as the client takes it (PAGI.md 3.3).",
      );
  }
}

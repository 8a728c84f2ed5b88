/**
 * What an app sends for one event stream.
 *
 * @module
 */

import type { Send, SendEvent } from "../../pagi/types.ts";
import { checkSseEvent, type SseSendEvent } from "../../pagi/sse_events.ts";
import { formatSseComment } from "../../pagi/sse_format.ts";
import { writeHttp } from "../http.ts";
import type { OutboundBody } from "../response/outbound_body.ts";
import { afterEnd } from "../response/transport_state.ts";
import { encodedBefore, encodeSseEvent } from "./encode_event.ts";
import type { SseExchange } from "./exchange.ts";

const DONE: Promise<void> = Promise.resolve();
const ENCODER = new TextEncoder();

/** What the app sends its events with. */
export function sseSend(exchange: SseExchange): Send {
  // At hand for the events of a running stream: with many streams, each
  // object on the way to theirs is one that the processor has to wait for.
  let stream: OutboundBody | null = null;
  return (event) => {
    if (stream !== null && !stream.over) {
      const bytes = encodedBefore(event);
      if (bytes !== null) return stream.write(bytes);
    }
    const taken = sendSse(exchange, event);
    stream = exchange.stream;
    return taken;
  };
}

/** Takes an event (PAGI.md 3.5, the table of events). */
function sendSse(exchange: SseExchange, event: SendEvent): Promise<void> {
  // Only `sse.close` outlives the client: its sends are mistakes for good.
  if (exchange.life.ended && exchange.phase !== "closed") return afterEnd();
  try {
    checkSseEvent(event);
    return act(exchange, event);
  } catch (error) {
    return Promise.reject(error);
  }
}

function act(exchange: SseExchange, event: SseSendEvent): Promise<void> {
  switch (exchange.phase) {
    case "idle":
      return beforeStart(exchange, event);
    case "http":
      return answering(exchange, event);
    case "streaming":
      return streaming(exchange, event);
    case "declining":
      return declining(exchange, event);
    case "closed":
      if (event.type === "sse.close") return DONE;
      throw wrongMoment(event, "after sse.close");
  }
}

function beforeStart(
  exchange: SseExchange,
  event: SseSendEvent,
): Promise<void> {
  switch (event.type) {
    case "sse.start":
      exchange.startStream(event.status ?? 200, event.headers ?? []);
      return DONE;
    case "sse.keepalive":
      exchange.keepAlive(event.interval, event.comment ?? "");
      return DONE;
    case "sse.close":
      exchange.closeUnstarted(event.reason);
      return DONE;
    case "sse.http.response.start":
      exchange.decline(event.status, event.headers ?? []);
      return DONE;
    case "http.response.start":
      exchange.phase = "http";
      return writeHttp(exchange.writer, event);
    case "http.fullflush":
      return writeHttp(exchange.writer, event);
    default:
      return DONE;
  }
}

/** An app that knows only HTTP answers (PAGI.md 3.5 [port]). */
function answering(
  exchange: SseExchange,
  event: SseSendEvent,
): Promise<void> {
  switch (event.type) {
    case "http.response.start":
    case "http.response.body":
    case "http.fullflush":
      return writeHttp(exchange.writer, event);
    default:
      throw wrongMoment(event, "after http.response.start");
  }
}

function streaming(
  exchange: SseExchange,
  event: SseSendEvent,
): Promise<void> {
  switch (event.type) {
    case "sse.send":
      return exchange.stream!.write(encodeSseEvent(event));
    case "sse.comment":
      return exchange.stream!.write(
        ENCODER.encode(formatSseComment(event.comment)),
      );
    case "sse.keepalive":
      exchange.keepAlive(event.interval, event.comment ?? "");
      return DONE;
    case "sse.close":
      exchange.closeStream(event.reason);
      return DONE;
    case "sse.http.response.start":
    case "sse.http.response.body":
      throw wrongMoment(event, "after sse.start");
    case "http.fullflush":
      return writeHttp(exchange.writer, event);
    default:
      return DONE;
  }
}

function declining(
  exchange: SseExchange,
  event: SseSendEvent,
): Promise<void> {
  switch (event.type) {
    case "sse.http.response.start":
      return DONE;
    case "sse.http.response.body":
      exchange.declineBody(event.body ?? null, Boolean(event.more));
      return DONE;
    default:
      throw wrongMoment(event, "after sse.http.response.start");
  }
}

function wrongMoment(event: SseSendEvent, moment: string): TypeError {
  return new TypeError(
    `${event.type} was sent ${moment}, where it has no meaning (PAGI.md 3.5).`,
  );
}

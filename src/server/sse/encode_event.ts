/**
 * Events as bytes.
 *
 * @module
 */

import type { SseSendEvent } from "../../pagi/sse_events.ts";
import { formatSseEvent } from "../../pagi/sse_format.ts";

type Event = SseSendEvent & { type: "sse.send" };

const ENCODER = new TextEncoder();
/** The fields of the event encoded last, and its bytes. */
let last: Event = { type: "sse.send", data: "" };
let lastBytes: Uint8Array = ENCODER.encode(formatSseEvent(last));

/**
 * The bytes of an `sse.send` event, which has been checked. They must not be
 * changed: an event that goes to many clients is encoded once.
 */
export function encodeSseEvent(event: Event): Uint8Array {
  const { data, event: name, id, retry } = event;
  if (
    data !== last.data || name !== last.event || id !== last.id ||
    retry !== last.retry
  ) {
    lastBytes = ENCODER.encode(formatSseEvent(event));
    // The app may change its own.
    last = { type: "sse.send", data, event: name, id, retry };
  }
  return lastBytes;
}

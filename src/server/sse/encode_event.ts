/**
 * Events as bytes.
 *
 * @module
 */

import type { SendEvent } from "../../pagi/types.ts";
import type { SseSendEvent } from "../../pagi/sse_events.ts";
import { formatSseEvent } from "../../pagi/sse_format.ts";

type Event = SseSendEvent & { type: "sse.send" };

const ENCODER = new TextEncoder();
/** The fields of the event encoded last, and its bytes. */
let last: Event = { type: "sse.send", data: "" };
let lastBytes: Uint8Array = ENCODER.encode(formatSseEvent(last));

/**
 * The bytes of an `sse.send` event, which has been checked. They must not be
 * changed.
 */
export function encodeSseEvent(event: Event): Uint8Array {
  lastBytes = ENCODER.encode(formatSseEvent(event));
  const { data, event: name, id, retry } = event;
  // The app may change its own.
  last = { type: "sse.send", data, event: name, id, retry };
  return lastBytes;
}

/**
 * The bytes of an event that says the same as the one encoded last, and so
 * needs no check: one that goes to many clients is encoded once. Null for any
 * other.
 */
export function encodedBefore(event: SendEvent): Uint8Array | null {
  if (event?.type !== "sse.send") return null;
  const { data, event: name, id, retry } = event;
  return data === last.data && name === last.event && id === last.id &&
      retry === last.retry
    ? lastBytes
    : null;
}

/** Checks of the events of event streams, and their format (PAGI.md 4.2). */

import {
  checkCount,
  checkEvent,
  checkHead,
  checkHeaders,
  checkOptionalString,
  checkPlainBody,
  checkSeconds,
  checkStatus,
  checkString,
  eventChecks,
  fieldError,
} from "./event_checks.ts";
import type { EventOf, UncheckedEvent } from "./event_checks.ts";
import { checkHttpEvent } from "./http_events.ts";

const LINE_BREAK = /\r\n|\n|\r/;

/** The text of an `sse.send` event, which has been checked. */
export function formatSseEvent(
  event: SseSendEvent & { type: "sse.send" },
): string {
  const { data, event: name, id, retry } = event;
  let text = name ? `event: ${name}\n` : "";
  for (const line of data.split(LINE_BREAK)) text += `data: ${line}\n`;
  if (id) text += `id: ${id}\n`;
  if (retry != null) text += `retry: ${retry}\n`;
  return text + "\n";
}

/** The text of a comment: a line gains a colon unless it starts with one. */
export function formatSseComment(comment: string): string {
  let text = "";
  for (const line of comment.split(LINE_BREAK)) {
    text += line.startsWith(":") ? `${line}\n` : `:${line}\n`;
  }
  return text + "\n";
}

/** What an `sse` scope takes; plain HTTP answers it too (PAGI.md 3.5). */
export type SseSendEvent = EventOf<
  | "sse.start"
  | "sse.send"
  | "sse.comment"
  | "sse.keepalive"
  | "sse.close"
  | "sse.http.response.start"
  | "sse.http.response.body"
  | "http.response.start"
  | "http.response.body"
  | "http.fullflush"
>;

const checks = eventChecks<SseSendEvent>({
  "sse.start": checkStart,
  "sse.send": checkSend,
  "sse.comment": (event) => checkString(event, "comment"),
  "sse.keepalive": checkKeepalive,
  "sse.close": (event) => checkOptionalString(event, "reason"),
  "sse.http.response.start": checkHead,
  "sse.http.response.body": checkPlainBody,
  "http.response.start": checkHttpEvent,
  "http.response.body": checkHttpEvent,
  "http.fullflush": checkHttpEvent,
});

/**
 * Checks an event sent in an `sse` scope (PAGI.md 3.1, 3.2, 3.5).
 *
 * @throws {TypeError} When the scope takes no such event, or a field is
 * missing or wrong.
 */
export function checkSseEvent(event: unknown): asserts event is SseSendEvent {
  checkEvent(event, "sse", checks);
}

function checkStart(event: UncheckedEvent): void {
  if (event.status != null) checkStatus(event);
  checkHeaders(event);
}

function checkSend(event: UncheckedEvent): void {
  checkString(event, "data");
  checkLine(event, "event");
  checkLine(event, "id");
  checkCount(event, "retry");
}

/** An optional string that becomes one line of the stream. */
function checkLine(event: UncheckedEvent, field: string): void {
  const value = event[field];
  if (value == null) return;
  if (typeof value === "string" && !/[\r\n]/.test(value)) return;
  throw fieldError(
    event,
    field,
    `${field} must be a string without CR and LF (PAGI.md 3.2)`,
  );
}

function checkKeepalive(event: UncheckedEvent): void {
  checkSeconds(event, "interval");
  checkOptionalString(event, "comment");
}

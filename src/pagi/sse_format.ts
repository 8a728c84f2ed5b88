/**
 * The wire form of event streams (PAGI.md 3.5; HTML standard, "Server-sent
 * events").
 *
 * @module
 */

import type { SseSendEvent } from "./sse_events.ts";

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

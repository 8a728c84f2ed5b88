/**
 * What an app may send in an `http` scope.
 *
 * As in all checks of this folder, whether a valid event comes at the right moment
 * is for the server to say, and extra fields are ignored. A check is no copy:
 * an app that changes an event after `send` has returned can still break it.
 */

import {
  checkBody,
  checkCount,
  checkEvent,
  checkFlag,
  checkHead,
  checkHeaders,
  checkNothing,
  checkOptionalString,
  eventChecks,
  fieldError,
} from "./event_checks.ts";
import type { EventOf, UncheckedEvent } from "./event_checks.ts";

/** What an `http` scope takes. */
export type HttpSendEvent = EventOf<
  | "http.response.start"
  | "http.response.body"
  | "http.response.trailers"
  | "http.fullflush"
>;

const checks = eventChecks<HttpSendEvent>({
  "http.response.start": checkStart,
  "http.response.body": checkResponseBody,
  "http.response.trailers": checkHeaders,
  "http.fullflush": checkNothing,
});

/**
 * Checks an event sent in an `http` scope (PAGI.md 3.1, 3.2).
 *
 * @throws {TypeError} When the scope takes no such event, or a field is
 * missing or wrong.
 */
export function checkHttpEvent(event: unknown): asserts event is HttpSendEvent {
  checkEvent(event, "http", checks);
}

function checkStart(event: UncheckedEvent): void {
  checkHead(event);
  checkFlag(event, "trailers", event.trailers);
}

function checkResponseBody(event: UncheckedEvent): void {
  const { body, file, fh, more, close } = event;
  checkFlag(event, "more", more);
  checkFlag(event, "close", close);
  if (file == null && fh == null) return checkBody(event);
  if (body != null || file != null && fh != null) {
    throw new TypeError(
      "http.response.body was sent with more than one of body, file and fh; it takes one of them (PAGI.md 3.2).",
    );
  }
  checkOptionalString(event, "file");
  if (fh != null && !isFileHandle(fh)) {
    throw fieldError(
      event,
      "fh",
      "fh must be an open file with a method read, and seek if it has one (PAGI.md 2)",
    );
  }
  checkCount(event, "offset");
  checkCount(event, "length");
}

function isFileHandle(value: unknown): boolean {
  if (typeof value !== "object") return false;
  const { read, seek, close } = value as UncheckedEvent;
  return typeof read === "function" &&
    (seek == null || typeof seek === "function") &&
    (close == null || typeof close === "function");
}

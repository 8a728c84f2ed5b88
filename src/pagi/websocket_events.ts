/** Checks of the events of WebSockets, and their close codes (PAGI.md 4.3). */

import { exceeds } from "../http/headers.ts";
import {
  checkEvent,
  checkFlag,
  checkHead,
  checkHeaders,
  checkPlainBody,
  checkSeconds,
  describeValue,
  eventChecks,
  fieldError,
} from "./event_checks.ts";
import type { EventOf, UncheckedEvent } from "./event_checks.ts";

/** The longest close reason, in bytes of UTF-8 (RFC 6455, section 5.5). */
const MAX_CLOSE_REASON_BYTES = 123;

/**
 * Whether `code` may be sent in a Close frame, by either side:
 * 1000–1003, 1007–1014 and 3000–4999 (PAGI.md 3.4). 1012 to 1014 were assigned
 * after RFC 6455, in the IANA registry of close codes: service restart, try
 * again later, bad gateway. The others are unassigned,
 * or, like 1005 and 1006, mean an end without a Close frame.
 */
export function isCloseCode(code: number): boolean {
  return Number.isInteger(code) &&
    (code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 ||
      code >= 3000 && code <= 4999);
}

/** Whether `reason` fits in a Close frame. */
export function isCloseReason(reason: string): boolean {
  return !exceeds(reason, MAX_CLOSE_REASON_BYTES);
}

/** What a `websocket` scope takes. */
export type WebSocketSendEvent = EventOf<
  | "websocket.accept"
  | "websocket.send"
  | "websocket.close"
  | "websocket.keepalive"
  | "websocket.http.response.start"
  | "websocket.http.response.body"
>;

const checks = eventChecks<WebSocketSendEvent>({
  "websocket.accept": checkAccept,
  "websocket.send": checkSend,
  "websocket.close": checkClose,
  "websocket.keepalive": checkKeepalive,
  "websocket.http.response.start": checkHead,
  "websocket.http.response.body": checkPlainBody,
});

/**
 * Checks an event sent in a `websocket` scope (PAGI.md 3.1, 3.2, 3.4).
 *
 * @throws {TypeError} When the scope takes no such event, or a field is
 * missing or wrong.
 */
export function checkWebSocketEvent(
  event: unknown,
): asserts event is WebSocketSendEvent {
  checkEvent(event, "websocket", checks);
}

function checkAccept(event: UncheckedEvent): void {
  checkHeaders(event);
  checkFlag(event, "backpressure", event.backpressure);
  const { subprotocol } = event;
  if (subprotocol == null) return;
  if (typeof subprotocol === "string" && /^[\w.-]+$/.test(subprotocol)) return;
  throw fieldError(
    event,
    "subprotocol",
    "subprotocol must be letters, digits, _, - and . (PAGI.md 3.2)",
  );
}

/**
 * Checks that the subprotocols of a `websocket.accept` were offered: a client
 * fails the connection otherwise, after the app has taken it for open.
 *
 * @param offered What the client names in `sec-websocket-protocol`.
 * @throws {TypeError} When another one is chosen, in the event or its headers.
 */
export function checkSubprotocol(
  { subprotocol, headers }: EventOf<"websocket.accept">,
  offered: readonly string[],
): void {
  const chosen = (headers ?? [])
    .filter(([name]) => name.toLowerCase() === "sec-websocket-protocol")
    .map(([, value]) => value.trim());
  if (subprotocol != null) chosen.push(subprotocol);
  const foreign = chosen.find((name) => !offered.includes(name));
  if (foreign === undefined) return;
  const list = offered.map(describeValue).join(", ") || "none";
  throw new TypeError(
    `websocket.accept was sent with subprotocol ${
      describeValue(foreign)
    }, and the client offered ${list}; it must be one of scope.subprotocols (RFC 6455, section 4.1).`,
  );
}

/**
 * The message of a correct `websocket.send`, which needs no other check; null
 * for all other events.
 */
export function messageOf(event: unknown): string | Uint8Array | null {
  const { type, text, bytes } = event as UncheckedEvent ?? {};
  if (type !== "websocket.send") return null;
  if (bytes == null) return typeof text === "string" ? text : null;
  return text == null && bytes instanceof Uint8Array ? bytes : null;
}

function checkSend(event: UncheckedEvent): void {
  if (messageOf(event) !== null) return;
  const { text, bytes } = event;
  throw new TypeError(
    `websocket.send was sent with text ${describeValue(text)} and bytes ${
      describeValue(bytes)
    }; it takes either text, a string, or bytes, a Uint8Array (PAGI.md 3.2).`,
  );
}

function checkClose(event: UncheckedEvent): void {
  const { code, reason } = event;
  // The engine would put any number on the wire.
  if (code != null && !isCloseCode(code as number)) {
    throw fieldError(
      event,
      "code",
      "code must be an integer from 1000 to 1003, 1007 to 1014 or 3000 to 4999 (PAGI.md 3.4)",
    );
  }
  if (reason == null) return;
  if (typeof reason === "string" && isCloseReason(reason)) return;
  throw fieldError(
    event,
    "reason",
    "reason must be a string of at most 123 bytes in UTF-8 (RFC 6455, section 5.5)",
  );
}

function checkKeepalive(event: UncheckedEvent): void {
  checkSeconds(event, "interval");
  if (event.timeout != null) checkSeconds(event, "timeout");
}

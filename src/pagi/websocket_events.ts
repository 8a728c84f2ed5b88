/**
 * What an app may send in a `websocket` scope.
 *
 * @module
 */

import {
  checkFlag,
  checkHead,
  checkHeaders,
  checkPlainBody,
  checkSeconds,
  fieldError,
  shown,
} from "./event_fields.ts";
import type { UncheckedEvent } from "./event_fields.ts";
import { checkEvent, eventChecks } from "./event_checks.ts";
import type { EventOf } from "./event_checks.ts";
import { isCloseCode, isCloseReason } from "./close_codes.ts";

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
  const list = offered.map(shown).join(", ") || "none";
  throw new TypeError(
    `websocket.accept was sent with subprotocol ${
      shown(foreign)
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
    `websocket.send was sent with text ${shown(text)} and bytes ${
      shown(bytes)
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

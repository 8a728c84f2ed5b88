/**
 * Parts of the checks of events: the fields that several types of event share.
 */

import { isSafeFieldValue, isToken } from "../http/headers.ts";
import { memo } from "../http/memo.ts";
import type { SendEvent } from "./types.ts";

/** An event before its fields have been checked. */
export type UncheckedEvent = Readonly<Record<string, unknown>>;

/** The error for `field` of `event`; `rule` says what is allowed and where. */
export function fieldError(
  event: UncheckedEvent,
  field: string,
  rule: string,
): TypeError {
  const value = event[field];
  const sent = value == null
    ? `without ${field}`
    : `with ${field} ${describeValue(value)}`;
  return new TypeError(`${event.type} was sent ${sent}; ${rule}.`);
}

/** Any value in a few words of plain ASCII, for an error message. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.slice(0, 60)).replace(/[^ -~]/g, escaped) +
        (value.length > 60 ? "..." : "");
    case "object":
    case "function":
    case "symbol":
      return value === null
        ? "null"
        : Object.prototype.toString.call(value).replace(/[^ -~]/g, escaped);
    default:
      return String(value);
  }
}

function escaped(unit: string): string {
  return "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0");
}

/** Checks the required `status` and the `headers` of a start event. */
export function checkHead(event: UncheckedEvent): void {
  checkStatus(event);
  checkHeaders(event);
}

/** Checks the required `status`: 200 to 599 (PAGI.md 3.1). */
export function checkStatus(event: UncheckedEvent): void {
  const { status } = event;
  if (
    typeof status === "number" && Number.isInteger(status) &&
    status >= 200 && status <= 599
  ) return;
  throw fieldError(
    event,
    "status",
    "status must be an integer from 200 to 599 (PAGI.md 3.1)",
  );
}

/** Apps repeat a few short names and values. */
const isName = memo(isToken);
const isValue = memo(isSafeFieldValue);

/** Checks `headers`: pairs of a token and a safe value (PAGI.md 3.1). */
export function checkHeaders(event: UncheckedEvent): void {
  const { headers } = event;
  if (headers == null) return;
  if (!Array.isArray(headers)) {
    throw fieldError(
      event,
      "headers",
      "headers must be an array of [name, value] pairs (PAGI.md 2)",
    );
  }
  for (let i = 0; i < headers.length; i++) {
    const pair: unknown = headers[i];
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw headerError(
        event,
        i,
        pair,
        "a header must be an array of a name and a value (PAGI.md 2)",
      );
    }
    if (typeof pair[0] !== "string" || !isName(pair[0])) {
      throw headerError(
        event,
        i,
        pair[0],
        "a header name must be a token: letters, digits and !#$%&'*+-.^_`|~ (PAGI.md 3.1)",
      );
    }
    if (typeof pair[1] !== "string" || !isValue(pair[1])) {
      throw headerError(
        event,
        i,
        pair[1],
        "a header value must be a string without control characters and without code units above 0xFF (PAGI.md 3.1)",
      );
    }
  }
}

function headerError(
  event: UncheckedEvent,
  index: number,
  value: unknown,
  rule: string,
): TypeError {
  return new TypeError(
    `${event.type} was sent with ${
      describeValue(value)
    } in headers[${index}]; ${rule}.`,
  );
}

/**
 * Checks an optional flag: 0, 1, false or true.
 *
 * @param value What the field holds: to read a field by a name that varies
 *   takes longer.
 */
export function checkFlag(
  event: UncheckedEvent,
  field: string,
  value: unknown,
): void {
  if (
    value == null || value === 0 || value === 1 || typeof value === "boolean"
  ) return;
  throw fieldError(
    event,
    field,
    `${field} must be 0, 1, false or true (PAGI.md 3.2)`,
  );
}

/** Checks an optional `body`: bytes, or a string to be sent as UTF-8. */
export function checkBody(event: UncheckedEvent): void {
  const { body } = event;
  if (body == null || typeof body === "string" || body instanceof Uint8Array) {
    return;
  }
  throw fieldError(
    event,
    "body",
    "body must be a Uint8Array or a string (PAGI.md 3.2)",
  );
}

/** Checks the body of a denial or a decline, which takes no file. */
export function checkPlainBody(event: UncheckedEvent): void {
  checkBody(event);
  checkFlag(event, "more", event.more);
  if (event.file == null && event.fh == null) return;
  throw new TypeError(
    `${event.type} was sent with a file or fh; it takes a body only (PAGI.md 3.2).`,
  );
}

/** Checks a field that must be there and be a string. */
export function checkString(event: UncheckedEvent, field: string): void {
  if (typeof event[field] === "string") return;
  throw fieldError(event, field, `${field} must be a string (PAGI.md 3.2)`);
}

/** Checks an optional string. */
export function checkOptionalString(
  event: UncheckedEvent,
  field: string,
): void {
  if (event[field] != null) checkString(event, field);
}

/** Checks an optional count (of bytes, of milliseconds): an integer from 0. */
export function checkCount(event: UncheckedEvent, field: string): void {
  const value = event[field];
  if (
    value == null ||
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0
  ) {
    return;
  }
  throw fieldError(
    event,
    field,
    `${field} must be an integer from 0 (PAGI.md 3.2)`,
  );
}

/** Checks a required number of seconds, fractions allowed. */
export function checkSeconds(event: UncheckedEvent, field: string): void {
  const value = event[field];
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return;
  throw fieldError(
    event,
    field,
    `${field} must be a number of seconds from 0 (PAGI.md 3.2)`,
  );
}

/** The events of the given types. */
export type EventOf<Type extends SendEvent["type"]> = SendEvent & {
  type: Type;
};

/** Throws a `TypeError` when a field of the event breaks the protocol. */
type EventCheck = (event: UncheckedEvent) => void;

/** The check for each type of event that a scope takes. */
type EventChecks = ReadonlyMap<unknown, EventCheck>;

/** The checks of a scope that takes `Event`; the types make sure of them all. */
export function eventChecks<Event extends SendEvent>(
  checks: Record<Event["type"], EventCheck>,
): EventChecks {
  return new Map<unknown, EventCheck>(Object.entries(checks));
}

/** For an event that has nothing but its type. */
export function checkNothing(): void {}

/**
 * Checks an event that was sent in a scope of type `scope`.
 *
 * @throws {TypeError} When it is no event, or none that the scope takes, or a
 * field is missing or wrong (PAGI.md 3.1).
 */
export function checkEvent(
  event: unknown,
  scope: string,
  checks: EventChecks,
): void {
  if (typeof event !== "object" || event === null) {
    throw new TypeError(
      `send was given ${
        describeValue(event)
      }; an event must be an object with a type (PAGI.md 3.1).`,
    );
  }
  const { type } = event as UncheckedEvent;
  const check = checks.get(type);
  if (check === undefined) throw foreignType(type, scope, checks);
  check(event as UncheckedEvent);
}

function foreignType(
  type: unknown,
  scope: string,
  checks: EventChecks,
): TypeError {
  const sent = type == null
    ? "without a type"
    : `of type ${describeValue(type)}`;
  const known = [...checks.keys()].join(", ");
  return new TypeError(
    `An event ${sent} was sent in a scope of type ${scope}, which takes ${known} (PAGI.md 3.1).`,
  );
}

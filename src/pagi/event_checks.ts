/**
 * What one kind of scope takes: a table of event types and their checks.
 *
 * @module
 */

import { shown } from "./event_fields.ts";
import type { UncheckedEvent } from "./event_fields.ts";
import type { SendEvent } from "./types.ts";

/** The events of the given types. */
export type EventOf<Type extends SendEvent["type"]> = SendEvent & {
  type: Type;
};

/** Throws a `TypeError` when a field of the event breaks the protocol. */
export type EventCheck = (event: UncheckedEvent) => void;

/** The check for each type of event that a scope takes. */
export type EventChecks = ReadonlyMap<unknown, EventCheck>;

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
        shown(event)
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
  const sent = type == null ? "without a type" : `of type ${shown(type)}`;
  const known = [...checks.keys()].join(", ");
  return new TypeError(
    `An event ${sent} was sent in a scope of type ${scope}, which takes ${known} (PAGI.md 3.1).`,
  );
}

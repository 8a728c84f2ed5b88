/** What an app may send in a `lifespan` scope. */

import {
  checkEvent,
  checkNothing,
  checkOptionalString,
  eventChecks,
} from "./event_checks.ts";
import type { EventOf, UncheckedEvent } from "./event_checks.ts";

/** What a `lifespan` scope takes. */
export type LifespanSendEvent = EventOf<
  | "lifespan.startup.complete"
  | "lifespan.startup.failed"
  | "lifespan.shutdown.complete"
  | "lifespan.shutdown.failed"
>;

const checks = eventChecks<LifespanSendEvent>({
  "lifespan.startup.complete": checkNothing,
  "lifespan.startup.failed": checkFailed,
  "lifespan.shutdown.complete": checkNothing,
  "lifespan.shutdown.failed": checkFailed,
});

/**
 * Checks an event sent in a `lifespan` scope (PAGI.md 3.1, 3.2).
 *
 * @throws {TypeError} When the scope takes no such event, or a field is
 * missing or wrong.
 */
export function checkLifespanEvent(
  event: unknown,
): asserts event is LifespanSendEvent {
  checkEvent(event, "lifespan", checks);
}

function checkFailed(event: UncheckedEvent): void {
  checkOptionalString(event, "message");
}

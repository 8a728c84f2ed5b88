/**
 * Advice on the names of header fields.
 *
 * @module
 */

import { log } from "../log/log.ts";
import { shown } from "../pagi/event_fields.ts";
import type { SendEvent } from "../pagi/types.ts";

/** An app that makes names up is not answered for ever. */
const MAX_NAMES = 100;

/**
 * Warns once of each name that an app sends with upper-case letters. That is
 * no mistake, but apps receive lower case, and so does HTTP/2 send.
 */
export class HeaderAdvice {
  readonly #told = new Set<string>();

  /** Looks at an event that has been checked. */
  look(event: SendEvent): void {
    if (!("headers" in event)) return;
    for (const [name] of event.headers ?? []) {
      if (name === name.toLowerCase()) continue;
      if (this.#told.has(name) || this.#told.size >= MAX_NAMES) continue;
      this.#told.add(name);
      log.warn(
        `${event.type} was sent with a header field ${
          shown(name)
        }; write names in lower case, as apps receive them (PAGI.md 3.1).`,
      );
    }
  }
}

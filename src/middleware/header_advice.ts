/**
 * Advice on header fields that are no mistakes, but not what they seem.
 *
 * @module
 */

import { log } from "../log/log.ts";
import { shown } from "../pagi/event_fields.ts";
import type { SendEvent } from "../pagi/types.ts";

const DROPPED = ["transfer-encoding", "connection", "keep-alive"];
/** An app that makes names up is not answered for ever. */
const MAX_NAMES = 100;

/** Warns once of each odd name of a response's header fields. */
export class HeaderAdvice {
  readonly #told = new Set<string>();

  /** Looks at an event that has been checked. */
  look(event: SendEvent): void {
    if (!("headers" in event)) return;
    for (const [name] of event.headers ?? []) {
      const lower = name.toLowerCase();
      if (DROPPED.includes(lower)) {
        this.#tell(name, "the server leaves it out: it is its own to say", 3.3);
      } else if (name !== lower) {
        this.#tell(name, "write it in lower case, as apps receive names", 7);
      }
    }
  }

  #tell(name: string, advice: string, section: number): void {
    if (this.#told.has(name) || this.#told.size >= MAX_NAMES) return;
    this.#told.add(name);
    log.warn(
      `The app sent a header field ${
        shown(name)
      }; ${advice} (PAGI.md ${section}).`,
    );
  }
}

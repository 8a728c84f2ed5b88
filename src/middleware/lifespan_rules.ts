/**
 * The rules of the `lifespan` scope.
 *
 * @module
 */

import { checkLifespanEvent } from "../pagi/lifespan_events.ts";
import type { ReceiveEvent } from "../pagi/types.ts";
import { LintError } from "./lint_error.ts";
import { Rules } from "./rules.ts";

const SECTION = "PAGI.md 5";

interface LifespanState {
  readonly startup: boolean;
  readonly shutdown: boolean;
}

/** Follows the start and stop of an app: one answer to each, in its time. */
export class LifespanRules extends Rules<LifespanState> {
  #stopping = false;

  constructor() {
    super({ startup: false, shutdown: false });
  }

  /** True once the app has said how its start went. */
  get answeredStartup(): boolean {
    return this.state.startup;
  }

  override received(event: ReceiveEvent): void {
    if (event.type === "lifespan.shutdown") this.#stopping = true;
  }

  protected override after(event: unknown): LifespanState {
    checkLifespanEvent(event);
    const { type } = event;
    const step = type.startsWith("lifespan.startup.") ? "startup" : "shutdown";
    if (this.state[step]) {
      throw new LintError(
        `${type} was sent after another answer to lifespan.${step}`,
        "each is answered once",
        SECTION,
      );
    }
    if (step === "shutdown" && !this.#stopping) {
      throw new LintError(
        `${type} was sent before lifespan.shutdown was received`,
        "it answers that event",
        SECTION,
      );
    }
    return { ...this.state, [step]: true };
  }

  override unfinished(): LintError | null {
    if (!this.#stopping || this.state.shutdown) return null;
    return new LintError(
      "The app returned after lifespan.shutdown without an answer",
      "it must send lifespan.shutdown.complete or lifespan.shutdown.failed",
      SECTION,
    );
  }
}

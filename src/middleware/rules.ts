/**
 * What the protocol's rules for one kind of scope have in common.
 *
 * @module
 */

import type { ReceiveEvent } from "../pagi/types.ts";
import type { LintError } from "./lint_error.ts";

/** Follows one scope: where it stands, and what may be sent there. */
export abstract class Rules<State> {
  #state: State;

  constructor(initial: State) {
    this.#state = initial;
  }

  /** Where the scope stands. */
  protected get state(): State {
    return this.#state;
  }

  /**
   * Moves on by an event that the app sends.
   *
   * @returns Moves back, for an event that the server rejects (PAGI.md 3.1).
   * @throws {TypeError} When it is no event of the scope, or a wrong one.
   * @throws {LintError} When it comes at the wrong moment.
   */
  take(event: unknown): () => void {
    const before = this.#state;
    const after = this.#state = this.after(event);
    return () => {
      if (this.#state === after) this.#state = before;
    };
  }

  /** The state that `event` leads to. */
  protected abstract after(event: unknown): State;

  /** Takes note of what the app has received. */
  received(_event: ReceiveEvent): void {}

  /** What an app that returns now has left undone. */
  unfinished(): LintError | null {
    return null;
  }
}

/**
 * The rules of the `http` scope.
 *
 * @module
 */

import { checkHttpEvent } from "../pagi/http_events.ts";
import { LintError } from "./lint_error.ts";
import {
  continueResponse,
  type ResponseState,
  startResponse,
  unfinishedResponse,
  UNSTARTED,
} from "./response_rules.ts";
import { Rules } from "./rules.ts";

const SECTION = "PAGI.md 3.3";

/** Follows one HTTP request (PAGI.md 3.3, the table of events). */
export class HttpRules extends Rules<ResponseState> {
  readonly #method: string;

  constructor(method: string) {
    super(UNSTARTED);
    this.#method = method;
  }

  protected override after(event: unknown): ResponseState {
    checkHttpEvent(event);
    switch (event.type) {
      case "http.response.start":
        return startResponse(this.state, event, this.#method, SECTION);
      case "http.response.body":
        return continueResponse(this.state, event, SECTION);
      case "http.response.trailers":
        if (this.state.phase === "trailers") {
          return { ...this.state, phase: "complete" };
        }
        throw new LintError(
          "http.response.trailers was sent where none are due",
          "they follow the last body of a response that started with trailers: 1",
          SECTION,
        );
      case "http.fullflush":
        return this.state;
    }
  }

  override unfinished(): LintError | null {
    return unfinishedResponse(this.state, "http.response");
  }
}

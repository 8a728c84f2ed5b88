/**
 * The rules of the `sse` scope.
 *
 * @module
 */

import { checkSseEvent, type SseSendEvent } from "../pagi/sse_events.ts";
import { LintError } from "./lint_error.ts";
import {
  continueResponse,
  type ResponseState,
  startResponse,
  UNSTARTED,
} from "./response_rules.ts";
import { Rules } from "./rules.ts";

const SECTION = "PAGI.md 3.5";

interface SseState {
  readonly phase: "idle" | "streaming" | "answering" | "declining" | "closed";
  /** The answer or the decline. */
  readonly response: ResponseState;
}

/**
 * Follows one event stream, or what is sent in its stead (PAGI.md 3.5, the
 * table of events). What the server rejects is left to it.
 */
export class SseRules extends Rules<SseState> {
  readonly #method: string;

  constructor(method: string) {
    super({ phase: "idle", response: UNSTARTED });
    this.#method = method;
  }

  protected override after(event: unknown): SseState {
    checkSseEvent(event);
    const { phase, response } = this.state;
    switch (event.type) {
      case "sse.start":
        if (phase === "streaming") {
          throw misplaced(event, "twice", "a stream starts once");
        }
        return { phase: phase === "idle" ? "streaming" : phase, response };
      case "sse.send":
      case "sse.comment":
        if (phase !== "idle") return this.state;
        throw misplaced(
          event,
          "before sse.start",
          "a stream starts before its events",
        );
      case "sse.close":
        return { phase: "closed", response };
      case "sse.http.response.start":
      case "http.response.start":
        return this.#started(event);
      case "sse.http.response.body":
      case "http.response.body":
        return this.#continued(event);
      default:
        return this.state;
    }
  }

  #started(event: ResponseEvent<"start">): SseState {
    const { phase, response } = this.state;
    const own = phaseOf(event);
    if (phase !== "idle" && phase !== own) return this.#foreign(event);
    return {
      phase: own,
      response: startResponse(response, event, this.#method, SECTION),
    };
  }

  #continued(event: ResponseEvent<"body">): SseState {
    const { phase, response } = this.state;
    if (phase !== "idle" && phase !== phaseOf(event)) {
      return this.#foreign(event);
    }
    return { phase, response: continueResponse(response, event, SECTION) };
  }

  /** Of these the server ignores plain HTTP in a stream, and rejects the rest. */
  #foreign(event: SseSendEvent): SseState {
    if (this.state.phase !== "streaming" || event.type.startsWith("sse.")) {
      return this.state;
    }
    throw misplaced(
      event,
      "after sse.start",
      "a stream takes sse.send, sse.comment, sse.keepalive and sse.close",
    );
  }
}

type ResponseEvent<Part extends "start" | "body"> = Extract<
  SseSendEvent,
  { type: `${string}response.${Part}` }
>;

function phaseOf(event: SseSendEvent): "answering" | "declining" {
  return event.type.startsWith("sse.") ? "declining" : "answering";
}

function misplaced(
  event: SseSendEvent,
  moment: string,
  rule: string,
): LintError {
  return new LintError(`${event.type} was sent ${moment}`, rule, SECTION);
}

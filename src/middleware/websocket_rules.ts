/**
 * The rules of the `websocket` scope.
 *
 * @module
 */

import {
  checkWebSocketEvent,
  type WebSocketSendEvent,
} from "../pagi/websocket_events.ts";
import { LintError } from "./lint_error.ts";
import {
  continueResponse,
  type ResponseState,
  startResponse,
  UNSTARTED,
} from "./response_rules.ts";
import { Rules } from "./rules.ts";

const SECTION = "PAGI.md 3.4";

interface WebSocketState {
  readonly phase: "connecting" | "denying" | "open" | "closed";
  readonly denial: ResponseState;
}

/**
 * Follows one WebSocket (PAGI.md 3.4, the table of events). After a Close
 * nothing is misplaced: an app need not know who was first.
 */
export class WebSocketRules extends Rules<WebSocketState> {
  constructor() {
    super({ phase: "connecting", denial: UNSTARTED });
  }

  protected override after(event: unknown): WebSocketState {
    checkWebSocketEvent(event);
    switch (this.state.phase) {
      case "connecting":
        return this.#connecting(event);
      case "denying":
        return this.#denying(event);
      case "open":
        return this.#open(event);
      case "closed":
        return this.state;
    }
  }

  #connecting(event: WebSocketSendEvent): WebSocketState {
    const { denial } = this.state;
    switch (event.type) {
      case "websocket.accept":
        return { phase: "open", denial };
      case "websocket.close":
        return { phase: "closed", denial };
      case "websocket.http.response.start":
      case "websocket.http.response.body":
        return this.#denying(event);
      default:
        throw new LintError(
          `${event.type} was sent before websocket.accept`,
          "messages and pings need an open WebSocket",
          SECTION,
        );
    }
  }

  #denying(event: WebSocketSendEvent): WebSocketState {
    const { denial } = this.state;
    switch (event.type) {
      case "websocket.http.response.start":
        return {
          phase: "denying",
          denial: startResponse(denial, event, "GET", SECTION),
        };
      case "websocket.http.response.body":
        return {
          phase: "denying",
          denial: continueResponse(denial, event, SECTION),
        };
      default:
        if (denial.phase === "complete") return this.state;
        throw new LintError(
          `${event.type} was sent after websocket.http.response.start`,
          "a denial goes on with websocket.http.response.body",
          SECTION,
        );
    }
  }

  #open(event: WebSocketSendEvent): WebSocketState {
    const { denial } = this.state;
    switch (event.type) {
      case "websocket.send":
      case "websocket.keepalive":
        return this.state;
      case "websocket.close":
        return { phase: "closed", denial };
      default:
        throw new LintError(
          `${event.type} was sent after websocket.accept`,
          "a WebSocket is accepted or denied, and once",
          SECTION,
        );
    }
  }
}

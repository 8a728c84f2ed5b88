/**
 * The order of events of event streams, WebSockets and lifespans (PAGI.md 4.2
 * to 5).
 */

import { checkLifespanEvent } from "../pagi/lifespan_events.ts";
import { checkSseEvent, type SseSendEvent } from "../pagi/sse_events.ts";
import type { ReceiveEvent } from "../pagi/types.ts";
import {
  checkWebSocketEvent,
  type WebSocketSendEvent,
} from "../pagi/websocket_events.ts";
import {
  continueResponse,
  LintError,
  type ResponseState,
  Rules,
  startResponse,
  UNSTARTED,
} from "./response_rules.ts";

const SSE_SECTION = "PAGI.md 3.5";

interface SseState {
  readonly phase: "idle" | "streaming" | "answering" | "declining" | "closed";
  /** The plain response or the decline. */
  readonly response: ResponseState;
}

/**
 * The rules of one event stream, or of a response in its place (PAGI.md 3.5,
 * the table of events), except those that the server enforces itself.
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
      response: startResponse(response, event, this.#method, SSE_SECTION),
    };
  }

  #continued(event: ResponseEvent<"body">): SseState {
    const { phase, response } = this.state;
    if (phase !== "idle" && phase !== phaseOf(event)) {
      return this.#foreign(event);
    }
    return { phase, response: continueResponse(response, event, SSE_SECTION) };
  }

  /** The server ignores plain HTTP in a stream, and rejects the rest. */
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
  return new LintError(`${event.type} was sent ${moment}`, rule, SSE_SECTION);
}

const WEBSOCKET_SECTION = "PAGI.md 3.4";

interface WebSocketState {
  readonly phase: "connecting" | "denying" | "open" | "closed";
  readonly denial: ResponseState;
}

/**
 * The rules of one WebSocket (PAGI.md 3.4, the table of events). After a Close
 * nothing is a mistake: an app need not know which side closed first.
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
          WEBSOCKET_SECTION,
        );
    }
  }

  #denying(event: WebSocketSendEvent): WebSocketState {
    const { denial } = this.state;
    switch (event.type) {
      case "websocket.http.response.start":
        return {
          phase: "denying",
          denial: startResponse(denial, event, "GET", WEBSOCKET_SECTION),
        };
      case "websocket.http.response.body":
        return {
          phase: "denying",
          denial: continueResponse(denial, event, WEBSOCKET_SECTION),
        };
      default:
        if (denial.phase === "complete") return this.state;
        throw new LintError(
          `${event.type} was sent after websocket.http.response.start`,
          "a denial goes on with websocket.http.response.body",
          WEBSOCKET_SECTION,
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
          WEBSOCKET_SECTION,
        );
    }
  }
}

const LIFESPAN_SECTION = "PAGI.md 5";

interface LifespanState {
  readonly startup: boolean;
  readonly shutdown: boolean;
}

/** The rules of a lifespan: one answer each to startup and shutdown. */
export class LifespanRules extends Rules<LifespanState> {
  #stopping = false;

  constructor() {
    super({ startup: false, shutdown: false });
  }

  /** True once the app has answered the startup. */
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
        LIFESPAN_SECTION,
      );
    }
    if (step === "shutdown" && !this.#stopping) {
      throw new LintError(
        `${type} was sent before lifespan.shutdown was received`,
        "it answers that event",
        LIFESPAN_SECTION,
      );
    }
    return { ...this.state, [step]: true };
  }

  override unfinished(): LintError | null {
    if (!this.#stopping || this.state.shutdown) return null;
    return new LintError(
      "The app returned after lifespan.shutdown without an answer",
      "it must send lifespan.shutdown.complete or lifespan.shutdown.failed",
      LIFESPAN_SECTION,
    );
  }
}

/** Checks the events that apps send against the protocol. */

import { log } from "../log/log.ts";
import { describeValue } from "../pagi/event_checks.ts";
import { settledWithin } from "../std/timer.ts";
import type {
  PagiApp,
  Receive,
  ReceiveEvent,
  Scope,
  Send,
  SendEvent,
} from "../pagi/types.ts";
import {
  HeaderAdvice,
  HttpRules,
  LintError,
  type Rules,
  Sending,
} from "./response_rules.ts";
import { LifespanRules, SseRules, WebSocketRules } from "./stream_rules.ts";

/**
 * Checks a scope, which a middleware may have changed (PAGI.md 7).
 *
 * @throws {LintError} When something is missing or wrong.
 */
function checkScope(scope: Scope): void {
  const fields = scope as Readonly<Record<string, unknown>>;
  const types: readonly unknown[] = ["http", "sse", "websocket", "lifespan"];
  if (!types.includes(scope.type)) {
    throw broken("type", scope.type, `type must be ${types.join(", ")}`);
  }
  if (scope.type === "lifespan") return;
  const required = scope.type === "websocket"
    ? ["path", "scheme"]
    : ["method", "path", "scheme"];
  for (const field of required) {
    if (typeof fields[field] === "string") continue;
    throw broken(field, fields[field], `${field} must be a string`);
  }
  const { headers } = fields;
  if (!Array.isArray(headers)) {
    throw broken("headers", headers, "headers must be an array of pairs");
  }
  headers.forEach((pair: unknown, i) => {
    if (isPair(pair) && pair[0] === pair[0].toLowerCase()) return;
    throw broken(
      `headers[${i}]`,
      isPair(pair) ? pair[0] : pair,
      "a header must be an array of a lower-case name and a value",
    );
  });
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 &&
    value.every((part) => typeof part === "string");
}

function broken(field: string, value: unknown, rule: string): LintError {
  return new LintError(
    `The app was called with ${describeValue(value)} as scope.${field}`,
    rule,
    "PAGI.md 2",
  );
}

/** How long the engine may take to report a disconnect (ms). */
const DISCONNECT_MS = 10;
/** Limit for an app that ignores disconnects in an endless loop. */
const MAX_DISCONNECTS = 1000;

/**
 * Wraps an app so that breaking the order of events fails, even where a server
 * would ignore it: `send` rejects, or the app once it returns, with a
 * {@linkcode LintError}. A correct app sees no difference. After a disconnect
 * nothing is a mistake (PAGI.md 3.1).
 */
export function lint(app: PagiApp): PagiApp {
  const advice = new HeaderAdvice();
  return (scope, receive, send) =>
    new LintedScope(scope, receive, send, advice).run(app);
}

/** One call of the app. */
class LintedScope {
  readonly #scope: Scope;
  readonly #receive: Receive;
  readonly #send: Send;
  readonly #advice: HeaderAdvice;
  #rules: Rules<unknown> | null = null;
  /** Events whose `send` was not awaited or has not settled. */
  readonly #open = new Map<Sending, SendEvent>();
  /** The first mistake, for an app that ignores errors of `send`. */
  #mistake: LintError | null = null;
  /** The last error that was thrown to the app. */
  #lastError: Error | null = null;
  #returned = false;
  #disconnects = 0;
  /** The functions that the app calls; stacks of its mistakes begin there. */
  readonly #appReceive: Receive = () => this.#receiveEvent();
  readonly #appSend: Send = (event) => this.#sendEvent(event);

  constructor(
    scope: Scope,
    receive: Receive,
    send: Send,
    advice: HeaderAdvice,
  ) {
    this.#scope = scope;
    this.#receive = receive;
    this.#send = send;
    this.#advice = advice;
  }

  async run(app: PagiApp): Promise<void> {
    try {
      checkScope(this.#scope);
      this.#rules = rulesOf(this.#scope);
      await app(this.#scope, this.#appReceive, this.#appSend);
      this.#returned = true;
      await this.#checkReturn();
    } catch (error) {
      this.#logLifespanMistake(error);
      throw error;
    } finally {
      this.#returned = true;
    }
  }

  async #receiveEvent(): Promise<ReceiveEvent> {
    if (this.#disconnects >= MAX_DISCONNECTS) {
      throw this.#note(
        new LintError(
          `receive was called ${MAX_DISCONNECTS} times after the disconnect`,
          "it yields nothing else any more, so the app must return",
          "PAGI.md 3",
        ),
        this.#appReceive,
      );
    }
    const event = await this.#receive();
    if (event.type.endsWith(".disconnect")) this.#disconnects++;
    this.#rules?.received(event);
    return event;
  }

  #sendEvent(event: SendEvent): Promise<void> {
    let awaited = false, settled = false;
    const close = () => {
      if (awaited && settled) this.#open.delete(sending);
    };
    const settle = () => {
      settled = true;
      close();
    };
    const sending = new Sending((resolve, reject) => {
      this.#pass(event).finally(settle).then(resolve, reject);
    });
    sending.onAwaited = () => {
      awaited = true;
      close();
    };
    this.#open.set(sending, event);
    return sending;
  }

  async #pass(event: SendEvent): Promise<void> {
    let undo = () => {};
    try {
      undo = this.#check(event);
    } catch (error) {
      if (!await this.#clientLeft()) throw error;
    }
    try {
      await this.#send(event);
    } catch (error) {
      undo();
      throw error;
    }
  }

  /** Applies an event to the rules; returns how to undo that. */
  #check(event: SendEvent): () => void {
    try {
      if (this.#returned) {
        throw new LintError(
          `${event?.type} was sent after the app had returned`,
          "that ends the scope",
          "PAGI.md 1",
        );
      }
      const undo = this.#rules!.take(event);
      this.#advice.look(event);
      return undo;
    } catch (error) {
      throw this.#note(error as Error, this.#appSend);
    }
  }

  /** Gives an error the stack of the app's call, and remembers it. */
  #note(error: Error, called: Send | Receive): Error {
    Error.captureStackTrace(error, called);
    this.#lastError = error;
    if (error instanceof LintError) this.#mistake ??= error;
    return error;
  }

  async #checkReturn(): Promise<void> {
    const mistake = this.#mistake ?? this.#notAwaited() ??
      this.#rules!.unfinished();
    if (mistake !== null && !await this.#clientLeft()) throw mistake;
  }

  #notAwaited(): LintError | null {
    if (this.#open.size === 0) return null;
    const [event] = this.#open.values();
    return new LintError(
      `The app returned without having awaited send of ${String(event?.type)}`,
      "what is on its way then may be lost",
      "PAGI.md 1",
    );
  }

  /**
   * Whether the client has disconnected, or the server has closed the
   * connection. Only after a mistake: asking makes the server watch the client.
   */
  async #clientLeft(): Promise<boolean> {
    if (this.#disconnects > 0) return true;
    if (this.#scope.type !== "http") return false;
    const connection = this.#scope["pagi.connection"];
    if (connection === undefined) return false;
    if (connection.disconnectReason() === null) {
      await settledWithin(connection.disconnected, DISCONNECT_MS);
    }
    return connection.disconnectReason() !== null;
  }

  /** Servers take errors during startup for "has no lifespan". */
  #logLifespanMistake(error: unknown): void {
    if (!(this.#rules instanceof LifespanRules)) return;
    if (!(error instanceof LintError) && error !== this.#lastError) return;
    if (this.#rules.answeredStartup) return;
    log.error("The app's lifespan breaks the protocol.", error);
  }
}

function rulesOf(scope: Scope): Rules<unknown> {
  switch (scope.type) {
    case "http":
      return new HttpRules(scope.method);
    case "sse":
      return new SseRules(scope.method);
    case "websocket":
      return new WebSocketRules();
    case "lifespan":
      return new LifespanRules();
  }
}

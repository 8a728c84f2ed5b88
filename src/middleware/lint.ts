/**
 * Finds mistakes in apps: checks each event that they send against the
 * protocol.
 *
 * @module
 */

import { log } from "../log/log.ts";
import { describeValue } from "../pagi/event_checks.ts";
import type {
  PagiApp,
  PagiConnection,
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
  Sending,
} from "./response_rules.ts";
import type { Rules } from "./response_rules.ts";
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

/** The engine tells that a client has left some moments after it is asked. */
const LEAVING_MS = 10;
/** More disconnects than any app asks for that looks at what it receives. */
const MAX_DISCONNECTS = 1000;

/**
 * Wraps an app so that it fails where it breaks the order of events, although
 * a server would ignore that: `send` rejects, or the app does once it returns,
 * with a {@linkcode LintError}. A correct app sees no difference. After the
 * client has left nothing is a mistake (PAGI.md 3.1).
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
  /** What was sent and not awaited, or has not settled. */
  readonly #open = new Map<Sending, SendEvent>();
  /** The first mistake, for an app that does not hear of it in `send`. */
  #mistake: LintError | null = null;
  /** What the app heard last of the rules. */
  #heard: Error | null = null;
  #returned = false;
  #disconnects = 0;
  /** What the app calls; its stacks begin there. */
  readonly #taker: Receive = () => this.#take();
  readonly #giver: Send = (event) => this.#give(event);

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
      await app(this.#scope, this.#taker, this.#giver);
      this.#returned = true;
      await this.#checkReturn();
    } catch (error) {
      this.#tellOfLifespan(error);
      throw error;
    } finally {
      this.#returned = true;
    }
  }

  async #take(): Promise<ReceiveEvent> {
    if (this.#disconnects >= MAX_DISCONNECTS) {
      throw this.#note(
        new LintError(
          `receive was called ${MAX_DISCONNECTS} times after the disconnect`,
          "it yields nothing else any more, so the app must return",
          "PAGI.md 3",
        ),
        this.#taker,
      );
    }
    const event = await this.#receive();
    if (event.type.endsWith(".disconnect")) this.#disconnects++;
    this.#rules?.received(event);
    return event;
  }

  #give(event: SendEvent): Promise<void> {
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
      undo = this.#follow(event);
    } catch (error) {
      if (!await this.#leaves()) throw error;
    }
    try {
      await this.#send(event);
    } catch (error) {
      undo();
      throw error;
    }
  }

  /** Moves the rules on by an event; returns how to go back. */
  #follow(event: SendEvent): () => void {
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
      throw this.#note(error as Error, this.#giver);
    }
  }

  /** Shows where the app called, and remembers a mistake. */
  #note(error: Error, called: Send | Receive): Error {
    Error.captureStackTrace(error, called);
    this.#heard = error;
    if (error instanceof LintError) this.#mistake ??= error;
    return error;
  }

  async #checkReturn(): Promise<void> {
    const mistake = this.#mistake ?? this.#forgotten() ??
      this.#rules!.unfinished();
    if (mistake !== null && !await this.#leaves()) throw mistake;
  }

  #forgotten(): LintError | null {
    if (this.#open.size === 0) return null;
    const [event] = this.#open.values();
    return new LintError(
      `The app returned without having awaited send of ${String(event?.type)}`,
      "what is on its way then may be lost",
      "PAGI.md 1",
    );
  }

  /**
   * Tells whether the client has left, or the server has given it up. Asked
   * only after a mistake: asking makes the server watch the client.
   */
  async #leaves(): Promise<boolean> {
    if (this.#disconnects > 0) return true;
    const connection = this.#connection;
    if (connection === undefined) return false;
    if (connection.disconnectReason() !== null) return true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVING_MS);
    });
    await Promise.race([connection.disconnected, patience]);
    clearTimeout(timer);
    return connection.disconnectReason() !== null;
  }

  get #connection(): PagiConnection | undefined {
    return this.#scope.type === "http"
      ? this.#scope["pagi.connection"]
      : undefined;
  }

  /** A server takes what is thrown at the start for "has no lifespan". */
  #tellOfLifespan(error: unknown): void {
    if (!(this.#rules instanceof LifespanRules)) return;
    if (!(error instanceof LintError) && error !== this.#heard) return;
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

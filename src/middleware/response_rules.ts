/** The order of events of an HTTP response (PAGI.md 4.1). */

import { byteLength, fieldValue, hasBody } from "../http/headers.ts";
import { log } from "../log/log.ts";
import { describeValue } from "../pagi/event_checks.ts";
import { checkHttpEvent } from "../pagi/http_events.ts";
import type { HeaderList, ReceiveEvent, SendEvent } from "../pagi/types.ts";

/** A mistake that a server would tolerate silently. */
export class LintError extends Error {
  override readonly name = "LintError";

  /**
   * @param what What was sent or done.
   * @param rule What the protocol requires.
   * @param source The section with the rule: `PAGI.md 3.3`.
   */
  constructor(what: string, rule: string, source: string) {
    super(`${what}; ${rule} (${source}).`);
    // Frames of the lint itself do not help.
    this.stack = String(this);
  }
}

/** A promise that reports when it is awaited. */
export class Sending extends Promise<void> {
  /** Called by `then`. */
  onAwaited: (() => void) | null = null;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  override then<Value = void, Caught = never>(
    onFulfilled?: ((value: void) => Value | PromiseLike<Value>) | null,
    onRejected?: ((reason: unknown) => Caught | PromiseLike<Caught>) | null,
  ): Promise<Value | Caught> {
    this.onAwaited?.();
    return super.then(onFulfilled, onRejected);
  }
}

/** Follows the state of one scope, which decides what may be sent next. */
export abstract class Rules<State> {
  #state: State;

  constructor(initial: State) {
    this.#state = initial;
  }

  /** The state of the scope. */
  protected get state(): State {
    return this.#state;
  }

  /**
   * Applies an event that the app sends.
   *
   * @returns Undoes that, for an event that the server rejects (PAGI.md 3.1).
   * @throws {TypeError} When it is not a valid event of the scope.
   * @throws {LintError} When it is out of order.
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

  /** To be called with what the app receives. */
  received(_event: ReceiveEvent): void {}

  /** The mistake of an app that returns now. */
  unfinished(): LintError | null {
    return null;
  }
}

/** Maximum names to warn of: an app may generate names. */
const MAX_NAMES = 100;

/**
 * Warns once of each field name with upper-case letters. It is allowed, but
 * apps receive lower case, as HTTP/2 sends it.
 */
export class HeaderAdvice {
  readonly #warned = new Set<string>();

  /** @param event A valid event. */
  look(event: SendEvent): void {
    if (!("headers" in event)) return;
    for (const [name] of event.headers ?? []) {
      if (name === name.toLowerCase()) continue;
      if (this.#warned.has(name) || this.#warned.size >= MAX_NAMES) continue;
      this.#warned.add(name);
      log.warn(
        `${event.type} was sent with a header field ${
          describeValue(name)
        }; write names in lower case, as apps receive them (PAGI.md 3.1).`,
      );
    }
  }
}

/** The state of a response. */
export interface ResponseState {
  readonly phase: "unstarted" | "body" | "trailers" | "complete";
  readonly status: number;
  /** Bytes left of `content-length`; null without one. */
  readonly left: number | null;
  /** True when trailers were announced. */
  readonly trailers: boolean;
}
export const UNSTARTED: ResponseState = {
  phase: "unstarted",
  status: 0,
  left: null,
  trailers: false,
};

type StartEvent = Extract<SendEvent, { type: `${string}response.start` }>;
type BodyEvent = Extract<SendEvent, { type: `${string}response.body` }>;

/**
 * The state after a start.
 *
 * @param section The section of PAGI.md with the table of its events.
 */
export function startResponse(
  state: ResponseState,
  event: StartEvent,
  method: string,
  section: string,
): ResponseState {
  const { type, status, headers } = event;
  if (state.phase !== "unstarted") {
    throw new LintError(
      `${type} was sent with status ${status} after one with status ${state.status}`,
      "a response starts once",
      section,
    );
  }
  const left = announcedLength(type, headers ?? []);
  return {
    phase: "body",
    status,
    left: method === "HEAD" || status === 304 ? null : left,
    trailers: "trailers" in event && Boolean(event.trailers),
  };
}

/** The state after a chunk of the body. */
export function continueResponse(
  state: ResponseState,
  event: BodyEvent,
  section: string,
): ResponseState {
  const { type } = event;
  if (state.phase === "unstarted") {
    throw new LintError(
      `${type} was sent before ${type.replace(/body$/, "start")}`,
      "a response starts before its body",
      section,
    );
  }
  if (state.phase !== "body") {
    throw new LintError(
      `${type} was sent after the last one`,
      "the first without more (or with file or fh) completes the body",
      section,
    );
  }
  const isFile = "file" in event && event.file != null ||
    "fh" in event && event.fh != null;
  const last = isFile || !("more" in event && event.more);
  const left = isFile ? null : leftAfter(state, event, last);
  if (!last) return { ...state, left };
  return { ...state, left, phase: state.trailers ? "trailers" : "complete" };
}

/** The mistake of an app that returns before the end of its response. */
function unfinishedResponse(
  { phase }: ResponseState,
  name: string,
): LintError | null {
  const missing = {
    unstarted: `without ${name}.start`,
    body: `before the last ${name}.body, the one without more`,
    trailers: `without the ${name}.trailers that it announced`,
    complete: null,
  }[phase];
  if (missing === null) return null;
  return new LintError(
    `The app returned ${missing}`,
    "it must have sent a whole response by then, and have awaited each send",
    "PAGI.md 3.1",
  );
}

/** Bytes left of `content-length` after `event`. */
function leftAfter(
  { left, status }: ResponseState,
  event: BodyEvent,
  last: boolean,
): number | null {
  const body = "body" in event ? event.body : null;
  const size = body == null ? 0 : byteLength(body);
  const sent = `${event.type} was sent with ${bytes(size)}`;
  if (size > 0 && !hasBody(status)) {
    throw new LintError(
      sent,
      `a response with status ${status} has no body`,
      "RFC 9110, section 15",
    );
  }
  if (left === null) return null;
  if (size > left || last && size < left) {
    throw new LintError(
      `${sent}${last ? " as the last one" : ""}, and content-length left ${
        bytes(left)
      } to send`,
      "content-length must be the number of bytes in the body",
      "PAGI.md 2, RFC 9110, section 8.6",
    );
  }
  return left - size;
}

function bytes(count: number): string {
  return count === 1 ? "1 byte" : `${count} bytes`;
}

/** The value of `content-length`, or null. */
function announcedLength(type: string, headers: HeaderList): number | null {
  const value = fieldValue(headers, "content-length");
  if (value === null) return null;
  const others = headers.filter(([name]) =>
    name.toLowerCase() === "content-length"
  );
  if (others.length === 1 && /^\d+$/.test(value)) return Number(value);
  throw new LintError(
    `${type} was sent with content-length ${
      others.map(([, text]) => describeValue(text)).join(" and ")
    }`,
    "content-length must be one number of bytes",
    "PAGI.md 2, RFC 9110, section 8.6",
  );
}

const HTTP_SECTION = "PAGI.md 3.3";

/** The rules of one HTTP request (PAGI.md 3.3, the table of events). */
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
        return startResponse(this.state, event, this.#method, HTTP_SECTION);
      case "http.response.body":
        return continueResponse(this.state, event, HTTP_SECTION);
      case "http.response.trailers":
        if (this.state.phase === "trailers") {
          return { ...this.state, phase: "complete" };
        }
        throw new LintError(
          "http.response.trailers was sent where none are due",
          "they follow the last body of a response that started with trailers: 1",
          HTTP_SECTION,
        );
      case "http.fullflush":
        return this.state;
    }
  }

  override unfinished(): LintError | null {
    return unfinishedResponse(this.state, "http.response");
  }
}

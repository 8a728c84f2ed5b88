/**
 * What an app does with one scope, seen from outside.
 *
 * @module
 */

import type {
  PagiApp,
  Receive,
  Scope,
  Send,
  SendEvent,
} from "../pagi/types.ts";

/** Watches one call of an app; changes nothing. */
export class AppWatch {
  /** What the app has sent so far, in order, rejected events too. */
  readonly events: SendEvent[] = [];
  /** True once an event that starts an answer was taken. */
  answered = false;
  /** What the app threw, in a box; null unless it threw. */
  thrown: { readonly error: unknown } | null = null;
  #called = false;
  #returned = false;
  #receiving = 0;
  #sending = 0;
  readonly #ended = Promise.withResolvers<void>();

  /** Calls `app`. Settles as the app does. */
  async run(
    app: PagiApp,
    scope: Scope,
    receive: Receive,
    send: Send,
  ): Promise<void> {
    this.#called = true;
    try {
      await app(
        scope,
        () => this.#receive(receive),
        (event) => this.#send(send, event),
      );
    } catch (error) {
      this.thrown = { error };
      throw error;
    } finally {
      this.#returned = true;
      this.#ended.resolve();
    }
  }

  /** Resolves when the app has settled; at once if it was never called. */
  get ended(): Promise<void> {
    return this.#called ? this.#ended.promise : Promise.resolve();
  }

  /** True when the app has settled by returning, its work undone or not. */
  get returned(): boolean {
    return this.#returned && this.thrown === null;
  }

  /** Where the app stands, to end a sentence about it. */
  describe(): string {
    if (!this.#called) return "it was not called";
    const last = this.events.at(-1);
    const sent = last === undefined
      ? "it has sent nothing"
      : `it last sent ${described(last)}`;
    return `${sent} and ${this.#doing()}`;
  }

  #doing(): string {
    if (this.thrown !== null) return `has thrown (${this.thrown.error})`;
    if (this.#returned) return "has returned";
    if (this.#sending > 0) return "waits in send()";
    if (this.#receiving > 0) return "waits in receive()";
    return "waits for something of its own";
  }

  async #receive(receive: Receive): ReturnType<Receive> {
    this.#receiving++;
    try {
      return await receive();
    } finally {
      this.#receiving--;
    }
  }

  async #send(send: Send, event: SendEvent): Promise<void> {
    this.events.push(event);
    this.#sending++;
    try {
      await send(event);
      if (ANSWERS.test(event.type)) this.answered = true;
    } finally {
      this.#sending--;
    }
  }
}

/** The events after which a scope has an answer of the app's own. */
const ANSWERS = /\.start$|^websocket\.(accept|close)$|^sse\.close$/;

function described(event: SendEvent): string {
  const { type, more } = (event ?? {}) as { type?: unknown; more?: unknown };
  return more === undefined ? `${type}` : `${type} with more: ${more}`;
}

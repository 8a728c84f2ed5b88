/**
 * One request of a test on its way through the server, and what the app does
 * with it.
 *
 * @module
 */

import type {
  PagiApp,
  Receive,
  Scope,
  Send,
  SendEvent,
} from "../src/pagi/types.ts";
import { CLIENT, testRequest, TestResponse } from "./messages.ts";
import type { TestRequestOptions } from "./messages.ts";

/** An app took longer than a test may wait. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/**
 * Waits for `work`, but no longer than `seconds`.
 *
 * @param late Called when the time is over; says what did not happen.
 * @throws {TimeoutError} With what `late` returns.
 */
async function within<T>(
  work: Promise<T>,
  seconds: number,
  late: () => string,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new TimeoutError(late())),
    seconds * 1000,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

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

  /** The state of the app, as the end of a sentence. */
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

/** What an exchange needs of its client. */
export interface ExchangeContext {
  /** Hands the request to the server, with a watch on the app it calls. */
  serve(
    request: Request,
    info: Deno.ServeHandlerInfo,
    watch: AppWatch,
    scope: Readonly<Record<string, unknown>>,
  ): Response | Promise<Response>;
  /** Seconds. */
  readonly timeout: number;
  /** False where an app's errors are answered as on the server. */
  readonly throwsAppErrors: boolean;
}

/** A request, the app's doing, and the response. */
export class TestExchange {
  /** Method and target, for messages. */
  readonly name: string;
  readonly request: Request;
  readonly #context: ExchangeContext;
  readonly #response: Promise<Response>;
  readonly #left = new AbortController();
  readonly #completed = Promise.withResolvers<void>();
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  /** Remaining bytes of the response's `content-length`. */
  #announced = Infinity;
  /** The client has the whole response. */
  #over = false;

  constructor(
    context: ExchangeContext,
    target: string,
    options: TestRequestOptions,
    readonly watch: AppWatch,
  ) {
    this.#context = context;
    this.request = testRequest(target, options, this.#left.signal);
    this.name = `${this.request.method} ${target}`;
    this.#completed.promise.catch(() => {});
    const info = {
      remoteAddr: CLIENT,
      completed: this.#completed.promise,
    } as Deno.ServeHandlerInfo;
    this.#response = Promise.resolve(
      context.serve(this.request, info, watch, options.scope ?? {}),
    );
  }

  /** Waits for the head of the response. */
  head(): Promise<Response> {
    return this.within("start its response", this.#head());
  }

  /** Waits for the whole response and the end of the app. */
  whole(): Promise<TestResponse> {
    return this.within("finish its response", this.#whole());
  }

  /**
   * Waits for the end of the app.
   *
   * @throws What the app has thrown, or that it left a client without answer.
   */
  ended(): Promise<void> {
    return this.within("return", this.#ended());
  }

  /** The client leaves; waits for the end of the app. */
  async leave(): Promise<void> {
    this.#abandon();
    await this.ended();
  }

  /**
   * Waits for `work` as long as the client's timeout allows.
   *
   * @param what The app has not done when that is over.
   * @throws {TimeoutError}
   */
  within<T>(what: string, work: Promise<T>): Promise<T> {
    const { timeout } = this.#context;
    return within(work, timeout, () => {
      this.#abandon();
      const missing = this.#over ? "return" : what;
      return `${this.name}: the app did not ${missing} within ${timeout} s; ${this.watch.describe()}.`;
    });
  }

  async #head(): Promise<Response> {
    const response = await this.#response;
    if (this.#reader === null && response.body !== null) {
      this.#reader = response.body.getReader();
      const length = response.headers.get("content-length");
      if (length !== null) this.#announced = Number(length);
    }
    return response;
  }

  /**
   * The next piece of the body; null at its end. How long to wait is for the
   * caller to say: pieces are not always what a test waits for.
   *
   * @throws {Error} When the response is cut short.
   */
  async read(): Promise<Uint8Array | null> {
    await this.#head();
    const part = await this.#part();
    if (part === null) {
      this.#over = true;
      this.#completed.resolve();
      return null;
    }
    // The engine sends what was announced, and no more.
    const piece = part.subarray(0, this.#announced);
    this.#announced -= piece.length;
    return piece;
  }

  async #part(): Promise<Uint8Array | null> {
    try {
      const { value } = await this.#reader?.read() ?? {};
      return value ?? null;
    } catch (error) {
      this.#completed.resolve();
      await this.#ended();
      throw new Error(
        `${this.name}: the response was cut short; of the app: ${this.watch.describe()}.`,
        { cause: error },
      );
    }
  }

  async #whole(): Promise<TestResponse> {
    const { status, headers } = await this.#head();
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let piece = await this.read();
    while (piece !== null) {
      pieces.push(new Uint8Array(piece));
      piece = await this.read();
    }
    await this.#ended();
    const body = new Uint8Array(await new Blob(pieces).arrayBuffer());
    return new TestResponse(status, headers, body, this.watch.events);
  }

  async #ended(): Promise<void> {
    await this.watch.ended;
    if (!this.#context.throwsAppErrors) return;
    const { thrown, answered, returned } = this.watch;
    if (thrown !== null) throw thrown.error;
    if (returned && !answered && !this.#left.signal.aborted) {
      throw new Error(`${this.name}: the app returned without a response.`);
    }
  }

  #abandon(): void {
    this.#left.abort();
    this.#completed.reject(new Error("The client has left."));
    // The rest of the body is not read.
    if (this.#reader !== null) this.#reader.cancel().catch(() => {});
    else this.#response.then(({ body }) => body?.cancel()).catch(() => {});
  }
}

/**
 * One request of a test on its way through the server.
 *
 * @module
 */

import type { AppWatch } from "./app_watch.ts";
import {
  CLIENT,
  testRequest,
  type TestRequestOptions,
} from "./test_request.ts";
import { TestResponse } from "./test_response.ts";
import { within } from "./within.ts";

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
  /** Bytes still to come by the response's `content-length`. */
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
    // The body goes unread, whether it is there already or still to come.
    if (this.#reader !== null) this.#reader.cancel().catch(() => {});
    else this.#response.then(({ body }) => body?.cancel()).catch(() => {});
  }
}

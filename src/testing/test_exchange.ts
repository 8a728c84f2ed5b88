/**
 * One request of a test on its way through the server.
 *
 * @module
 */

import { fieldValue } from "../http/headers.ts";
import type { HeaderList } from "../pagi/types.ts";
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
  async head(): Promise<Response> {
    const response = await this.within("start its response", this.#response);
    if (this.#reader === null && response.body !== null) {
      this.#reader = response.body.getReader();
      const length = fieldValue(
        [...response.headers] as HeaderList,
        "content-length",
      );
      if (length !== null) this.#announced = Number(length);
    }
    return response;
  }

  /**
   * Waits for the next piece of the body; null at its end.
   *
   * @throws {Error} When the response is cut short.
   */
  async read(): Promise<Uint8Array | null> {
    await this.head();
    if (this.#reader === null) return null;
    try {
      const read = this.#reader.read();
      const part = await this.within("go on with its response", read);
      if (part.done) return this.#over();
      // The engine sends what was announced, and no more.
      const piece = part.value.subarray(0, this.#announced);
      this.#announced -= piece.length;
      return piece;
    } catch (error) {
      this.#completed.resolve();
      await this.ended();
      throw this.cutShort(error);
    }
  }

  /** Waits for the whole response and the end of the app. */
  async whole(): Promise<TestResponse> {
    const { status, headers } = await this.head();
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (
      let piece = await this.read();
      piece !== null;
      piece = await this.read()
    ) {
      pieces.push(new Uint8Array(piece));
    }
    this.#over();
    await this.ended();
    const body = new Uint8Array(await new Blob(pieces).arrayBuffer());
    return new TestResponse(status, headers, body, this.watch.events);
  }

  /** The client leaves; waits for the end of the app. */
  async leave(): Promise<void> {
    this.abandon();
    await this.ended();
  }

  /** The client leaves. */
  abandon(): void {
    this.#left.abort();
    this.#completed.reject(new Error("The client has left."));
    const reader = this.#reader;
    if (reader !== null) reader.cancel().catch(() => {});
    else {
      this.#response.then((response) => response.body?.cancel())
        .catch(() => {});
    }
  }

  /**
   * Waits for the end of the app.
   *
   * @throws What the app has thrown, or that it left a client without answer.
   */
  async ended(): Promise<void> {
    await this.within("return", this.watch.ended);
    if (!this.#context.throwsAppErrors) return;
    const { thrown, answered, returned } = this.watch;
    if (thrown !== null) throw thrown.error;
    if (returned && !answered && !this.#left.signal.aborted) {
      throw new Error(`${this.name}: the app returned without a response.`);
    }
  }

  /** Waits for `work` as long as the client's timeout allows. */
  within<T>(what: string, work: Promise<T>): Promise<T> {
    const { timeout } = this.#context;
    return within(work, timeout, () => {
      this.abandon();
      return `${this.name}: the app did not ${what} within ${timeout} s; ${this.watch.describe()}.`;
    });
  }

  private cutShort(error: unknown): Error {
    if (error instanceof DOMException || error instanceof Error) {
      if (error.name === "TimeoutError") return error;
    }
    return new Error(
      `${this.name}: the response was cut short; of the app: ${this.watch.describe()}.`,
      { cause: error },
    );
  }

  #over(): null {
    this.#completed.resolve();
    return null;
  }
}

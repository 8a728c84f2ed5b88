/**
 * An app, and a client that talks to it without a socket.
 *
 * @module
 */

import { resolveSettings } from "../src/options/resolve_settings.ts";
import type { PagiApp, Scope } from "../src/pagi/types.ts";
import {
  refuseProgramSettings,
  type ServeSettings,
} from "../src/server/serve.ts";
import { Server } from "../src/server/server.ts";
import { AppWatch, type ExchangeContext, TestExchange } from "./exchange.ts";
import { TestEventStream, TestStream } from "./streams.ts";
import { MemorySocket, TestWebSocket } from "./websocket.ts";
import {
  DeclinedError,
  handshakeHeaders,
  SERVER,
  type TestHeaders,
  type TestRequestOptions,
  type TestResponse,
} from "./messages.ts";

/** How a client treats its app. */
export interface TestClientOptions {
  /** Seconds that each wait for the app may take (5). */
  timeout?: number;
  /**
   * What an error of the app does: `throw` it in the test, or `answer` it as
   * the server does, with 500 or a response cut short (`throw`).
   */
  appErrors?: "throw" | "answer";
  /** Settings of the server, `maxBodySize` for one. */
  settings?: ServeSettings;
}

/** What a request for a WebSocket has beside its target. */
export interface TestWebSocketOptions {
  /** Sent beside the fields of the handshake. */
  headers?: TestHeaders;
  /** What the client offers. */
  subprotocols?: readonly string[];
  /** Put into the scope, in place of what the server would put there. */
  scope?: Readonly<Record<string, unknown>>;
}

/**
 * Talks to an app by the server's own code, without a socket: what the server
 * refuses, ignores or adds, it does here too.
 *
 * ```ts
 * const client = new TestClient(app);
 * const { status, text } = await client.request("/hello");
 * ```
 *
 * An app with a lifespan is started and stopped around its requests:
 *
 * ```ts
 * await using client = await new TestClient(app).start();
 * ```
 */
export class TestClient implements AsyncDisposable {
  readonly #context: ExchangeContext;
  readonly #server: Server;
  readonly #sockets = new WeakMap<Request, MemorySocket>();
  #handler: Deno.ServeHandler | null = null;
  /** The exchange of the next call of the app. */
  #next: { watch: AppWatch; scope: Readonly<Record<string, unknown>> } | null =
    null;

  /**
   * @param app The app; it is not called yet.
   * @throws {OptionError} For wrong settings.
   */
  constructor(app: PagiApp, options: TestClientOptions = {}) {
    const { timeout = 5, appErrors = "throw", settings = {} } = options;
    this.#context = {
      timeout,
      throwsAppErrors: appErrors === "throw",
      serve: (request, info, watch, scope) => {
        this.#next = { watch, scope };
        try {
          return this.#handle(request, info);
        } finally {
          this.#next = null;
        }
      },
    };
    refuseProgramSettings(settings);
    this.#server = new Server(
      (scope, receive, send) => {
        const { watch, scope: more } = this.#next ??
          { watch: new AppWatch(), scope: {} };
        return watch.run(app, { ...scope, ...more } as Scope, receive, send);
      },
      resolveSettings({
        // Tests have a time limit of their own.
        timeout: 0,
        lifespanStartupTimeout: timeout,
        shutdownTimeout: timeout,
        noAccessLog: true,
        ...settings,
      }),
    );
  }

  /**
   * Runs the app's startup; without it there is no lifespan scope and no state.
   *
   * @returns this client
   * @throws {StartupError} When the app fails to start, or takes too long.
   */
  async start(): Promise<this> {
    await this.#server.startApp();
    return this;
  }

  /**
   * Stops as a server does: ends event streams and WebSockets, waits for
   * running requests, and runs the app's shutdown.
   */
  async stop(): Promise<void> {
    await this.#server.stop();
  }

  /** As `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Sends a request and waits for the whole response and the end of the app.
   * With `accept: text/event-stream` the app gets an `sse` scope.
   *
   * @param target As in the request line, still encoded: `/search?q=a%20b`.
   * @throws What the app throws, and an `Error` when it returns without a
   * response or breaks it off.
   * @throws {TimeoutError} When it takes too long.
   */
  async request(
    target: string,
    options: TestRequestOptions = {},
  ): Promise<TestResponse> {
    return await this.#open(target, options).whole();
  }

  /** Sends a request and waits for the head of the response only. */
  async stream(
    target: string,
    options: TestRequestOptions = {},
  ): Promise<TestStream> {
    const exchange = this.#open(target, options);
    return new TestStream(exchange, await exchange.head());
  }

  /**
   * Requests an event stream and waits for its start.
   *
   * @throws {DeclinedError} When the app answers with anything else.
   */
  async sse(
    target: string,
    options: TestRequestOptions = {},
  ): Promise<TestEventStream> {
    const exchange = this.#open(target, {
      ...options,
      headers: [
        ["accept", "text/event-stream"],
        ...headerPairs(options.headers),
      ],
    });
    const response = await exchange.head();
    const type = response.headers.get("content-type") ?? "";
    if (!/^text\/event-stream\b/i.test(type)) {
      throw new DeclinedError(exchange.name, await exchange.whole());
    }
    return new TestEventStream(exchange, response);
  }

  /**
   * Opens a WebSocket and waits until the app has accepted it.
   *
   * @throws {DeclinedError} When the app denies it.
   */
  async websocket(
    target: string,
    options: TestWebSocketOptions = {},
  ): Promise<TestWebSocket> {
    const { headers, subprotocols = [], scope } = options;
    const exchange = this.#open(target, {
      headers: handshakeHeaders(headerPairs(headers), subprotocols),
      scope,
    });
    const response = await exchange.head();
    const socket = this.#sockets.get(exchange.request);
    if (socket === undefined) {
      throw new DeclinedError(exchange.name, await exchange.whole());
    }
    await socket.opened;
    return new TestWebSocket(exchange, socket, response.headers);
  }

  #open(target: string, options: TestRequestOptions): TestExchange {
    return new TestExchange(this.#context, target, options, new AppWatch());
  }

  #handle(
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Response | Promise<Response> {
    this.#handler ??= this.#server.handler(SERVER, (request) => {
      const socket = new MemorySocket();
      this.#sockets.set(request, socket);
      request.signal.addEventListener("abort", () => socket.clientDrop());
      return {
        socket: socket as unknown as WebSocket,
        response: new Response(),
      };
    });
    return this.#handler(request, info);
  }
}

function headerPairs(headers: TestHeaders = []): [string, string][] {
  return Array.isArray(headers) ? headers : Object.entries(headers);
}

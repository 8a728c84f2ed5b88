/**
 * The requests of a test as the engine would hand them to the server, and
 * whole responses.
 *
 * @module
 */

import type { BytesIn, HeaderList, SendEvent } from "../src/pagi/types.ts";

/** Where a test's requests come from and go to. */
export const CLIENT: Deno.NetAddr = {
  transport: "tcp",
  hostname: "127.0.0.1",
  port: 50000,
};
/** What `scope.server` says. */
export const SERVER: [host: string, port: number] = ["127.0.0.1", 5000];

const ENCODER = new TextEncoder();

/** Header fields: pairs in order, or an object. */
export type TestHeaders = HeaderList | Readonly<Record<string, string>>;

/** What a request has beside its target. */
export interface TestRequestOptions {
  /** `GET`; `POST` where there is a body. */
  method?: string;
  /**
   * Sent beside `host` (`localhost`), and `content-length` or
   * `transfer-encoding` where there is a body.
   */
  headers?: TestHeaders;
  /** The body; of several pieces the app receives each by itself. */
  body?: BytesIn | Iterable<BytesIn> | AsyncIterable<BytesIn>;
  /** Put into the scope, in place of what the server would put there. */
  scope?: Readonly<Record<string, unknown>>;
}

/**
 * Makes the request.
 *
 * @param target As in the request line, still encoded: `/search?q=a%20b`.
 * @param left Fires when the client leaves.
 * @throws {TypeError} When the target is no path, or a field is not valid.
 */
export function testRequest(
  target: string,
  options: TestRequestOptions,
  left: AbortSignal,
): Request {
  if (!target.startsWith("/")) {
    throw new TypeError(
      `${
        JSON.stringify(target)
      } is no target; it starts with "/", and has no scheme and host.`,
    );
  }
  const { body } = options;
  const method = options.method ?? (body === undefined ? "GET" : "POST");
  const headers = Array.isArray(options.headers)
    ? options.headers.map(([name, value]): [string, string] => [name, value])
    : Object.entries(options.headers ?? {});
  if (!has(headers, "host")) headers.unshift(["host", "localhost"]);
  let payload: Uint8Array<ArrayBuffer> | ReadableStream | null = null;
  if (typeof body === "string" || body instanceof Uint8Array) {
    payload = bytes(body);
    if (!has(headers, "content-length")) {
      headers.push(["content-length", `${payload.length}`]);
    }
  } else if (body !== undefined) {
    payload = inPieces(body, left);
    if (!has(headers, "content-length")) {
      headers.push(["transfer-encoding", "chunked"]);
    }
  }
  const request = new Request("http://localhost/", {
    // The constructor takes a body for some methods only, and not all methods.
    method: "POST",
    headers,
    body: payload,
    signal: left,
    duplex: "half",
  } as RequestInit);
  const host = headers.find(([name]) => name.toLowerCase() === "host")![1];
  // It would also mend the target, which the engine does not.
  Object.defineProperties(request, {
    method: { value: method },
    url: { value: `http://${host}${target}` },
  });
  return request;
}

/** The header fields of a WebSocket handshake (RFC 6455, 4.1). */
export function handshakeHeaders(
  headers: TestHeaders,
  subprotocols: readonly string[],
): HeaderList {
  const offer: HeaderList = subprotocols.length === 0
    ? []
    : [["sec-websocket-protocol", subprotocols.join(", ")]];
  return [
    ...(Array.isArray(headers) ? headers : Object.entries(headers)),
    ["upgrade", "websocket"],
    ["connection", "Upgrade"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
    ...offer,
  ];
}

function has(headers: HeaderList, name: string): boolean {
  return headers.some(([key]) => key.toLowerCase() === name);
}

function bytes(piece: BytesIn): Uint8Array<ArrayBuffer> {
  return typeof piece === "string"
    ? ENCODER.encode(piece)
    : new Uint8Array(piece);
}

/** A body whose chunks are pulled as the app receives them. */
function inPieces(
  pieces: Iterable<BytesIn> | AsyncIterable<BytesIn>,
  left: AbortSignal,
): ReadableStream<Uint8Array> {
  const iterator = Symbol.asyncIterator in pieces
    ? pieces[Symbol.asyncIterator]()
    : pieces[Symbol.iterator]();
  return new ReadableStream({
    start(controller) {
      left.addEventListener(
        "abort",
        () => controller.error(new Error("The connection was closed.")),
        { once: true },
      );
    },
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (left.aborted) return;
      if (done) controller.close();
      else controller.enqueue(bytes(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  }, { highWaterMark: 0 });
}

/** What an app answered. */
export class TestResponse {
  /**
   * @param headers What app and server say. The fields of the connection are
   * the engine's: `date`, `connection`, `transfer-encoding`, and a
   * `content-length` that the app did not give.
   * @param events All that the app sent, in order.
   */
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly body: Uint8Array,
    readonly events: readonly SendEvent[],
  ) {}

  /** The body as UTF-8; a byte order mark stays. */
  get text(): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.body);
  }

  /**
   * The body as JSON.
   *
   * @throws {SyntaxError} When it is not JSON.
   */
  json(): unknown {
    return JSON.parse(this.text);
  }
}

/** An app answered a request for a stream or a WebSocket with a response. */
export class DeclinedError extends Error {
  override readonly name = "DeclinedError";

  constructor(
    /** Of the request, as in `GET /events`. */
    request: string,
    /** What the app answered instead. */
    readonly response: TestResponse,
  ) {
    super(
      `${request}: the app declined with status ${response.status}: ${
        response.text.slice(0, 200)
      }`,
    );
  }
}

/**
 * The listener of `--metrics`: a few requests per minute, which have to be
 * answered however busy the server is, and must not become a way to harm it.
 * So it is not the engine's: it answers one GET or HEAD per connection, within a
 * few seconds, and holds a few connections.
 */

import { STATUS_TEXT } from "../std/http.ts";
import { delay } from "../std/timer.ts";

/** What is answered to a request. */
export interface MetricsAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** A request, as far as it matters. */
export interface MetricsRequest {
  /** Without the query. */
  readonly path: string;
  /** The `accept` field; "" without one. */
  readonly accept: string;
}

/** Bytes of a request. */
const MAX_HEAD = 8192;
/** Milliseconds for a whole request, and again for taking the answer. */
const TIMEOUT_MS = 5000;
/** Connections at once; the oldest is closed to admit a new one. */
const MAX_CONNECTIONS = 32;
/** Pause after accepting has failed (ms). */
const RETRY_MS = 100;
/** Names by which pages of other hosts cannot reach a loopback address. */
const OWN_NAME = /^(?:localhost|[\d.]+|\[[\da-f:.]+\])(?::\d+)?$/i;
const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

const decoder = new TextDecoder("latin1");
const encoder = new TextEncoder();

/** Listens, and answers. */
export class MetricsListener implements Disposable {
  readonly #listener: Deno.TcpListener;
  readonly #answer: (request: MetricsRequest) => MetricsAnswer;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #isLoopback: boolean;
  #closed = false;

  /**
   * @param shares Lets another process of this user listen there as well.
   * @throws What the system says when it cannot listen.
   */
  constructor(
    { host, port }: { readonly host: string; readonly port: number },
    shares: boolean,
    answer: (request: MetricsRequest) => MetricsAnswer,
  ) {
    this.#answer = answer;
    this.#listener = Deno.listen({
      hostname: host,
      port,
      ...shares ? { reusePort: true } : {},
    });
    this.#isLoopback = LOOPBACK.test(this.address.hostname);
    void this.#accept();
  }

  /** As it was bound. */
  get address(): Deno.NetAddr {
    return this.#listener.addr;
  }

  /** Accepts no more connections; those that are open get their answers. */
  stop(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }

  [Symbol.dispose](): void {
    this.stop();
    for (const connection of this.#open) close(connection);
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      try {
        const connection = await this.#listener.accept();
        if (this.#open.size >= MAX_CONNECTIONS) {
          const [oldest] = this.#open;
          this.#open.delete(oldest);
          close(oldest);
        }
        this.#open.add(connection);
        void this.#serve(connection);
      } catch {
        // Too many files may be open; that passes.
        if (!this.#closed) await delay(RETRY_MS);
      }
    }
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    let timer = setTimeout(() => close(connection), TIMEOUT_MS);
    try {
      const head = await readHead(connection);
      if (head === null) return;
      clearTimeout(timer);
      timer = setTimeout(() => close(connection), TIMEOUT_MS);
      await writeAll(connection, this.#response(head));
      await connection.closeWrite();
      // Closing with unread input would reset what the client has yet to read.
      const rest = new Uint8Array(MAX_HEAD);
      for (let i = 0; i < 16 && await connection.read(rest) !== null; i++);
    } catch {
      // The client has gone, or took too long.
    } finally {
      clearTimeout(timer);
      this.#open.delete(connection);
      close(connection);
    }
  }

  #response(head: string): Uint8Array {
    const [line, ...fields] = head.split("\r\n");
    const [, method, target] = /^(\S+) (\S+) HTTP\/1\.[01]$/.exec(line) ?? [];
    const field = (name: string): string =>
      fields.find((one) => one.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1).trim() ?? "";
    const { status, type, body } = method === undefined
      ? plain(400, "This is not an HTTP/1.1 request.")
      : method !== "GET" && method !== "HEAD"
      ? plain(405, "Only GET and HEAD are answered here.")
      : this.#isLoopback && !OWN_NAME.test(field("host") || "localhost")
      ? plain(421, "Ask for localhost, or for the address itself.")
      : this.#answer({
        path: target.replace(/^https?:\/\/[^/?]*/i, "").split("?")[0] || "/",
        accept: field("accept"),
      });
    const content = encoder.encode(body);
    const start = encoder.encode(
      [
        `HTTP/1.1 ${status} ${STATUS_TEXT[status as 200]}`,
        ...status === 405 ? ["allow: GET, HEAD"] : [],
        `content-type: ${type}`,
        `content-length: ${content.length}`,
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "connection: close",
        "\r\n",
      ].join("\r\n"),
    );
    if (method === "HEAD") return start;
    const whole = new Uint8Array(start.length + content.length);
    whole.set(start);
    whole.set(content, start.length);
    return whole;
  }
}

/** An answer for people. */
export function plain(status: number, text: string): MetricsAnswer {
  return { status, type: "text/plain; charset=utf-8", body: `${text}\n` };
}

/** The head of a request; null when the client has left before its end. */
async function readHead(connection: Deno.TcpConn): Promise<string | null> {
  const bytes = new Uint8Array(MAX_HEAD);
  let length = 0;
  while (length < MAX_HEAD) {
    const count = await connection.read(bytes.subarray(length));
    if (count === null) return null;
    length += count;
    const text = decoder.decode(bytes.subarray(0, length));
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return text.slice(0, end);
  }
  return ""; // is answered with 400
}

async function writeAll(
  connection: Deno.TcpConn,
  bytes: Uint8Array,
): Promise<void> {
  let sent = 0;
  while (sent < bytes.length) {
    sent += await connection.write(bytes.subarray(sent));
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}

/**
 * A small real server with a guard, and raw clients for it.
 *
 * @module
 */

import { addressName, peerKey } from "../../src/guard/address.ts";
import {
  type Guard,
  type GuardOptions,
  openGuard,
} from "../../src/guard/guard.ts";
import type { RequestOrigin } from "../../src/guard/connections.ts";

/** What answers a request; `origin` tells its connection. */
export type Handler = (
  request: Request,
  origin: RequestOrigin,
  guard: Guard,
) => Response | Promise<Response>;

/** A server, its guard, and what the guard reported. */
export class GuardedServer implements AsyncDisposable {
  readonly guard: Guard;
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  /** "reason" of each connection that a deadline closed. */
  readonly closed: string[] = [];
  readonly #running = new Map<Deno.ServeHandlerInfo<Deno.NetAddr>, string>();

  constructor(
    handler: Handler = () => new Response("hello"),
    options: Partial<GuardOptions> = {},
    listen: Partial<Deno.ServeTcpOptions & Deno.TlsCertifiedKeyPem> = {},
  ) {
    this.guard = openGuard({
      limit: 0,
      timeoutMs: 0,
      runningPeers: () => this.#running.values(),
      onClose: (_peer, reason) => this.closed.push(reason),
      ...options,
    })!;
    this.server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {}, ...listen },
      (request, info) => this.#handle(request, info, handler),
    );
    this.guard.watch(this.server.addr);
  }

  get port(): number {
    return this.server.addr.port;
  }

  #handle(
    request: Request,
    info: Deno.ServeHandlerInfo<Deno.NetAddr>,
    handler: Handler,
  ): Response | Promise<Response> {
    const listener = addressName(this.server.addr);
    const peer = peerKey(info.remoteAddr, listener);
    const cameAt = performance.now();
    const origin: RequestOrigin = {
      peerKey: peer,
      info,
      get age() {
        return (performance.now() - cameAt) / 1000;
      },
    };
    if (!this.guard.admit(info, listener)) {
      this.guard.endConnection({ peerKey: peer, info, age: 0 });
      return new Response("full", { status: 503 });
    }
    this.#running.set(info, peer);
    const done = () => this.#running.delete(info);
    info.completed.then(done, done);
    return handler(request, origin, this.guard);
  }

  /** Opens a raw connection. */
  async connect(): Promise<RawClient> {
    return new RawClient(await Deno.connect({ port: this.port }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.guard.close();
    await this.server.shutdown();
  }
}

/** A client that speaks bytes. */
export class RawClient implements Disposable {
  readonly #conn: Deno.Conn;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async send(text: string | Uint8Array): Promise<void> {
    let bytes = typeof text === "string"
      ? new TextEncoder().encode(text)
      : text;
    while (bytes.length > 0) {
      bytes = bytes.subarray(await this.#conn.write(bytes));
    }
  }

  /** Sends a GET request. */
  get(path = "/"): Promise<void> {
    return this.send(`GET ${path} HTTP/1.1\r\nhost: test\r\n\r\n`);
  }

  /** Up to `size` bytes, or null at the end or after a reset. */
  async read(size = 65536): Promise<Uint8Array | null> {
    const bytes = new Uint8Array(size);
    try {
      const length = await this.#conn.read(bytes);
      return length === null ? null : bytes.subarray(0, length);
    } catch {
      return null;
    }
  }

  /** Reads one response with a content-length, head and body, as text. */
  async response(): Promise<string> {
    let text = "";
    for (let bytes; (bytes = await this.read()) !== null;) {
      text += new TextDecoder().decode(bytes);
      const [head, body] = text.split("\r\n\r\n", 2);
      const length = /^content-length: (\d+)/im.exec(head)?.[1] ?? "0";
      if (body?.length >= Number(length)) break;
    }
    return text;
  }

  /** Reads up to the end or a reset, and gives the number of bytes. */
  async drain(): Promise<number> {
    let total = 0;
    for (let bytes; (bytes = await this.read()) !== null;) {
      total += bytes.length;
    }
    return total;
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch { /* closed already */ }
  }
}

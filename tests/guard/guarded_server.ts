/**
 * A small real server with a guard.
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
import { RawConnection } from "../helpers/raw_connection.ts";

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
  connect(): Promise<RawConnection> {
    return RawConnection.open(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.guard.close();
    await this.server.shutdown();
  }
}

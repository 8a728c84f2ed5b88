/** One address that the server listens at. */

import { acceptFrom, type Acceptor } from "../engine/unix_listener.ts";
import type { SocketAddress } from "../guard/address.ts";
import { bracketed } from "../http/addresses.ts";
import { log, logLimit } from "../log/log.ts";
import type { ListenAddress } from "../options/value_types.ts";
import { backlog } from "./connection_limit.ts";
import {
  type ListenerContext,
  listenerContext,
  type WorkerContext,
} from "./context.ts";
import { dispatch } from "./dispatch.ts";
import type { Http2Connections } from "./http2_connection.ts";
import type { KeyPair } from "./key_pair.ts";
import { ListenError, listenError } from "./listen_address.ts";
import { FAILED } from "./response/plain_answer.ts";
import { SocketPath } from "./socket_path.ts";
import { delay } from "../std/timer.ts";
import { messageOf } from "../options/option_error.ts";

/** How long to wait before accepting again after a failure, in milliseconds. */
const ACCEPT_PAUSE_MS = 100;
/** Mode of a socket that nobody should connect to. */
const OWNER_ONLY = 0o600;

/** A Unix socket that the workers of a process share. */
export interface SharedSocket {
  /** Its descriptor, which the main thread holds open. */
  readonly fd: number;
  /** The path that the kernel knows it by. */
  readonly bound: string;
  /** The path at which this worker's engine listens for a moment. */
  readonly own: string;
}

type HttpServer = Deno.HttpServer<Deno.Addr>;

/** Listens at one address and keeps listening. */
export class Listener {
  readonly #worker: WorkerContext;
  #tls: KeyPair | null;
  #address: ListenAddress;
  /** The last one accepts; earlier ones failed to, or were renewed, and still have connections. */
  readonly #servers: HttpServer[] = [];
  readonly #http2: Http2Connections[] = [];
  #closing = false;
  /** Null for a port. */
  readonly #socketPath: SocketPath | null;
  /** Null where no other thread accepts from the same socket. */
  readonly #shared: SharedSocket | null;
  #acceptor: Acceptor | null = null;

  constructor(
    worker: WorkerContext,
    address: ListenAddress,
    tls: KeyPair | null,
    shared: SharedSocket | null = null,
  ) {
    this.#worker = worker;
    this.#address = address;
    this.#tls = tls;
    this.#socketPath = "path" in address ? new SocketPath(address.path) : null;
    this.#shared = shared;
  }

  /**
   * Binds the address and serves.
   *
   * @throws {import("./listen_address.ts").ListenError} When it is taken, not allowed or not there.
   */
  async listen(): Promise<void> {
    await this.#listen(this.#worker.takesOver);
  }

  /**
   * Listens with a new certificate. The returned function closes the previous
   * listener, and resolves when its connections have ended. Where two listeners
   * cannot share the port, the previous one is closed at once.
   *
   * @throws {import("./listen_address.ts").ListenError} When it cannot bind; the
   * previous listener goes on.
   */
  async renew(tls: KeyPair): Promise<() => Promise<void>> {
    const before = this.#tls;
    const old = [...this.#servers];
    const close = async (): Promise<void> => {
      await Promise.all(old.map((server) => server.shutdown()));
    };
    this.#tls = tls;
    if (!this.#worker.shared && !("path" in this.#address)) {
      const closed = close();
      await this.#listenAgain();
      return () => closed;
    }
    try {
      await this.#listen(true);
      return close;
    } catch (error) {
      this.#tls = before;
      throw error;
    }
  }

  /** @param takesOver Whether to replace a Unix socket that is in use. */
  async #listen(takesOver: boolean): Promise<void> {
    if (!("path" in this.#address)) {
      return this.#serve({
        hostname: this.#address.host,
        port: this.#address.port,
      });
    }
    if (this.#shared !== null) return await this.#acceptFrom(this.#shared);
    const { socketMode } = this.#worker.settings;
    const servers = this.#servers.length;
    try {
      await this.#socketPath!.bind(
        takesOver,
        socketMode,
        (path) => this.#serve({ path }),
      );
    } catch (error) {
      if (this.#servers.length > servers) await this.#servers.pop()!.shutdown();
      throw error;
    }
  }

  async #acceptFrom({ fd, own }: SharedSocket): Promise<void> {
    const path = new SocketPath(own);
    await path.bind(false, OWNER_ONLY, (path) => {
      this.#serve({ path });
      this.#acceptor = acceptFrom(fd, path);
    });
    path.release();
    if (this.#acceptor !== null) return;
    await this.#servers.pop()!.shutdown();
    throw new ListenError(
      `Cannot listen on ${own}: the socket cannot be shared with other workers on this system. Use --workers 1.`,
    );
  }

  /** Stops accepting from a socket that other workers share. */
  leave(): void {
    this.#acceptor?.leave();
    this.#acceptor = null;
  }

  /** The address as it was bound: with the real port. */
  get address(): ListenAddress {
    return this.#address;
  }

  /** The address as the system has it; null before it is bound. */
  get bound(): SocketAddress | null {
    if (this.#shared !== null) {
      return { transport: "unix", path: this.#shared.bound };
    }
    return this.#servers.at(-1)?.addr as SocketAddress | undefined ?? null;
  }

  /** The URL for a browser; null for a Unix socket. */
  get url(): string | null {
    if ("path" in this.#address) return null;
    const { host, port } = this.#address;
    const scheme = this.#tls === null ? "http" : "https";
    const name = host === "0.0.0.0" || host === "::"
      ? "localhost"
      : bracketed(host);
    return `${scheme}://${name}:${port}/`;
  }

  /** Removes the file of a Unix socket, for a process that ends at once. */
  abandon(): void {
    this.#socketPath?.release();
  }

  /** True if one of the guard's connections is HTTP/2 and came to this address. */
  isHttp2(connection: object): boolean {
    return this.#http2.some((known) => known.has(connection));
  }

  /** Takes no new connections; resolves when the present ones have ended. */
  async shutdown(): Promise<void> {
    this.#closing = true;
    this.#socketPath?.release();
    await Promise.all(this.#servers.map((server) => server.shutdown()));
  }

  #serve(place: { path: string } | { hostname: string; port: number }): void {
    const { guard, settings, shared } = this.#worker;
    let server: HttpServer;
    // Set once the port is known; no request comes before this function returns.
    let context: ListenerContext | null = null;
    const options = {
      onListen() {},
      // Called for errors of the engine, and of streams that the server aborted.
      onError(error: unknown): Response {
        log.debug(`The engine reports: ${error}`);
        return FAILED.toResponse(context?.addedHeaders ?? null);
      },
      automaticCompression: false,
      reusePort: shared && "port" in place,
      tcpBacklog: backlog(settings),
      ...this.#tls,
      ...place,
    };
    try {
      server = Deno.serve(
        options as Deno.ServeTcpOptions,
        (request, info) => dispatch(context!, request, info),
      ) as unknown as HttpServer;
    } catch (error) {
      throw listenError(this.#address, error);
    }
    this.#servers.push(server);
    const bound = server.addr;
    // Asked by "port": older engines set no `transport` with TLS.
    if ("port" in bound && "host" in this.#address) {
      this.#address = { host: this.#address.host, port: bound.port };
    }
    guard?.watch(this.bound!);
    if (this.#tls !== null) guard?.sendAtOnce();
    context = this.#context();
    this.#http2.push(context.http2);
    server.finished.catch((error) => this.#acceptFailed(error));
  }

  #context(): ListenerContext {
    return listenerContext(
      this.#worker,
      "path" in this.#address
        ? [this.#address.path, null]
        : [this.#address.host, this.#address.port],
      this.#tls?.cert ?? null,
      this.bound,
    );
  }

  /** Listens again after accepting failed, by which the engine stopped listening. */
  async #acceptFailed(error: unknown): Promise<void> {
    if (this.#closing) return;
    const closed = await this.#worker.evictIdle();
    logLimit(
      "warn",
      "accept",
      () =>
        `Accepting connections failed (${
          messageOf(error)
        }). ${closed} idle connections were closed; serving again.`,
    );
    await this.#listenAgain();
  }

  async #listenAgain(): Promise<void> {
    while (!this.#closing) {
      try {
        return await this.listen();
      } catch (error) {
        log.error(
          `Listening again failed (${error}); the next attempt is in ${ACCEPT_PAUSE_MS} ms.`,
        );
        await delay(ACCEPT_PAUSE_MS);
      }
    }
  }
}

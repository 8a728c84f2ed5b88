/**
 * Apps made for Node's own HTTP server: what Express, Koa and Fastify make, and
 * functions (req, res).
 *
 * That server serves them, so that they find all of its API. It listens at a
 * Unix socket in a folder that only this user can enter, and PAGI::App::Proxy
 * passes requests and WebSockets on to it. An adapter within the process, such
 * as that of srvx, serves a third more requests, but no WebSockets, and parses
 * the text of each response's head.
 *
 * Loaded for such apps only: Node's modules take a tenth of a second.
 */

import type { IncomingMessage, RequestListener, Server } from "node:http";
import ProxyApp from "../apps/proxy.ts";
import type { PagiApp } from "../pagi/types.ts";
import { join } from "../std/path.ts";
import {
  type BoundAddress,
  type OwnServer,
  withLifespan,
} from "./fetch_object.ts";

/** Imported, they would be loaded at each start (see the test of the layout). */
function nodeModules(): {
  http: typeof import("node:http");
  https: typeof import("node:https");
} {
  const { process } = globalThis;
  return {
    http: process.getBuiltinModule("node:http"),
    https: process.getBuiltinModule("node:https"),
  };
}

/** Has an app made for Node start its server. */
export async function startNodeApp(value: object): Promise<void> {
  if ("listen" in value && typeof value.listen === "function") {
    // Fastify takes nothing but an object, and gives a promise.
    await value.listen({ port: 0 });
  } else nodeModules().http.createServer(value as RequestListener).listen(0);
}

/**
 * Replaces `listen()` of Node's servers until the function that is returned is
 * called: they get a socket of ours in place of their port.
 */
export function catchNodeServers(
  caught: (server: OwnServer) => void,
): () => void {
  const { http, https } = nodeModules();
  // There is no parent process; in a worker of Deno the function exists, but
  // throws.
  globalThis.process.send = undefined;
  const { listen } = http.Server.prototype;
  const { listen: listenTls } = https.Server.prototype;
  const catching = function (this: Server, ...args: unknown[]): Server {
    const last = args.at(-1);
    const onListening = typeof last === "function" ? last : undefined;
    const socket = new NodeServer(this);
    caught({
      call: "listen()",
      place: placeOf(args[0]),
      toApp: () => socket.app,
      isFor: (app) => this.listeners("request").includes(app as never),
      onListen: (address) => socket.address = address,
      discard: () => socket.close(),
    });
    return Reflect.apply(listen, this, [socket.place, onListening]);
  };
  http.Server.prototype.listen = catching as typeof listen;
  https.Server.prototype.listen = () => {
    throw new Error(
      "A server of node:https has its own certificate. Use http.createServer() here, and give --ssl-cert and --ssl-key to pagi-server.",
    );
  };
  return () => {
    http.Server.prototype.listen = listen;
    https.Server.prototype.listen = listenTls;
  };
}

/** Where `listen(first, …)` wants to listen. */
function placeOf(first: unknown): string {
  const { port, path } = typeof first === "object" && first !== null
    ? first as { port?: unknown; path?: unknown }
    : Number.isNaN(Number(first))
    ? { path: first }
    : { port: first };
  // SvelteKit gives { path: false, port }.
  return path ? `the socket ${path}` : `port ${port ?? 0}`;
}

/** A server of Node at a socket of ours. */
class NodeServer {
  /**
   * Where it is to listen. Deno 2.7 knows no `path`: it takes any free port at
   * `host`, which would be all addresses if it were not named.
   */
  readonly place: { readonly path: string; readonly host: string };
  readonly app: PagiApp;
  /** Where its app is served; null until that is known. */
  address: BoundAddress | null = null;
  readonly #server: Server;
  readonly #folder = Deno.makeTempDirSync({ prefix: "pagi-node-" });
  #proxy: ProxyApp | null = null;
  #closed = false;

  constructor(server: Server) {
    this.#server = server;
    const path = join(this.#folder, "http.sock");
    this.place = { path, host: "127.0.0.1" };
    const ownAddress = server.address.bind(server);
    const listening = new Promise<void>((resolve) => {
      server.prependOnceListener("listening", resolve);
    });
    const startup = async (): Promise<void> => {
      await listening;
      const bound = ownAddress();
      this.#proxy = new ProxyApp({
        target: typeof bound === "object" && bound !== null
          ? `http://${bound.address}:${bound.port}`
          : `unix:${path}`,
        timeout: 0,
        preserveHost: true,
      });
    };
    const app: PagiApp = (scope, receive, send) =>
      this.#proxy!.toApp()(scope, receive, send);
    this.app = withLifespan(app, startup, () => this.close());
    // Apps and frameworks tell people the port.
    server.address = () =>
      this.address?.transport === "tcp"
        ? {
          address: this.address.hostname,
          family: this.address.hostname.includes(":") ? "IPv6" : "IPv4",
          port: this.address.port,
        }
        : { address: "127.0.0.1", family: "IPv4", port: 0 };
    server.prependListener("request", nameClient);
    server.prependListener("upgrade", nameClient);
  }

  close(): void {
    if (this.#closed) return; // its module may be mounted at two places
    this.#closed = true;
    this.#proxy?.[Symbol.dispose]();
    this.#server.close();
    this.#server.closeAllConnections();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/**
 * Gives the socket of a request the address of the client, and tells whether it
 * came by TLS: what frameworks look at, as in `req.ip` and `req.secure`.
 */
function nameClient({ headers, socket }: IncomingMessage): void {
  const set = (name: string, value: unknown): void => {
    Object.defineProperty(socket, name, { value, configurable: true });
  };
  // The proxy replaces what the client may have said in these.
  set("remoteAddress", headers["x-forwarded-for"]);
  set("encrypted", headers["x-forwarded-proto"] === "https");
}

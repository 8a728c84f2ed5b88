/** Modules that start a server of their own while they are loaded. */

import { isApp } from "./app_from_export.ts";
import type { FetchHandler } from "./fetch_app.ts";
import type { Timer } from "../std/timer.ts";
import {
  type BoundAddress,
  fetchObjectApp,
  type OwnServer,
} from "./fetch_object.ts";

/** The result of loading code, and the servers that it tried to start. */
export interface Loaded<T> {
  /**
   * The exports of a module, the value of other code; undefined of code that
   * awaits its server, and so never completes.
   */
  readonly result: T | undefined;
  /** In the order of the calls. */
  readonly servers: readonly OwnServer[];
}

/**
 * How long code may take to complete after it has called `Deno.serve` (ms).
 * Code that awaits its server never does; `deno run` would serve from the call
 * on as well.
 */
const REST_MS = 100;

/** How long code that gave no app may take to start a server (ms). */
const CALL_MS = 5000;

/**
 * Runs code whose calls of `Deno.serve` bind nothing, since they would listen
 * on all addresses whatever `--host` says. Their handlers are kept instead.
 * Only one load may run at a time.
 *
 * @param isNothing Whether the result cannot be an app: the code may start a
 * server later, in a function that it did not await.
 * @param forNode Tells whether it may start a server of Node.
 */
export async function loadWithoutServing<T>(
  load: () => Promise<T>,
  isNothing: (result: T) => boolean = () => false,
  forNode = false,
): Promise<Loaded<T>> {
  const servers: OwnServer[] = [];
  const called = Promise.withResolvers<void>();
  const keep = (server: OwnServer): void => {
    servers.push(server);
    called.resolve();
  };
  const catchNode = forNode
    ? (await import("./node_server.ts")).catchNodeServers
    : () => () => {};
  const stopCatching = [catchServers(keep), catchNode(keep)];
  const timers: Timer[] = [];
  const passed = (ms: number): Promise<void> =>
    new Promise((resolve) => timers.push(setTimeout(resolve, ms)));
  try {
    const loading = load();
    const enough = called.promise.then(() => passed(REST_MS));
    const result = await Promise.race([loading, enough]) ?? undefined;
    // Nobody waits for it any longer: what it throws is logged as such.
    if (result === undefined) void loading.finally(() => {});
    const known = SERVERS.get(result as object);
    if (known !== undefined) return { result, servers: known };
    if (result !== undefined && servers.length === 0 && isNothing(result)) {
      await Promise.race([called.promise, passed(CALL_MS)]);
    }
    if (typeof result === "object" && result !== null) {
      SERVERS.set(result, servers);
    }
    return { result, servers };
  } finally {
    for (const stop of stopCatching) stop();
    timers.forEach(clearTimeout);
  }
}

/** By module: it runs only once, but may be mounted at two places. */
const SERVERS = new WeakMap<object, readonly OwnServer[]>();

/** Replaces `Deno.serve` until the function that is returned is called. */
function catchServers(caught: (server: OwnServer) => void): () => void {
  const own = Object.getOwnPropertyDescriptor(Deno, "serve")!;
  let catching = true;
  const serve = (...args: unknown[]): unknown => {
    // Code may have kept this function: const { serve } = Deno.
    if (!catching) return Reflect.apply(Deno.serve, Deno, args);
    const [options, handler] = readArguments(args);
    const server = new CaughtServer(options);
    const app = fetchObjectApp({
      fetch: withOnError(handler, options),
      shutdown: () => server.end(),
    });
    caught({
      call: "Deno.serve",
      place: placeOf(options),
      toApp: () => app,
      onListen: (address) => server.listens(address),
    });
    return server;
  };
  Reflect.defineProperty(Deno, "serve", {
    configurable: true,
    writable: true,
    value: serve,
  });
  return () => {
    catching = false;
    Reflect.defineProperty(Deno, "serve", own);
  };
}

type Options = Partial<
  Deno.ServeTcpOptions & Deno.ServeUnixOptions & { handler: unknown }
>;

/** The arguments of `Deno.serve`, in each of its forms. @throws {TypeError} */
function readArguments(
  [first, second]: unknown[],
): [options: Options, handler: FetchHandler["fetch"]] {
  const given = typeof first === "function" ? second : first;
  const options: Options = typeof given === "object" && given !== null
    ? given
    : {};
  const handler = [first, second, options.handler].find((value) =>
    typeof value === "function"
  );
  // As the real one does.
  if (handler === undefined) {
    throw new TypeError(
      "Deno.serve was called without a handler, which is a function or the option handler.",
    );
  }
  return [options, handler as FetchHandler["fetch"]];
}

function placeOf({ path, port = 8000 }: Options): string {
  return path === undefined ? `port ${port}` : `the socket ${path}`;
}

/** `handler` with the option `onError`, which makes the answers to what it throws. */
function withOnError(
  handler: FetchHandler["fetch"],
  { onError }: Options,
): FetchHandler["fetch"] {
  if (onError === undefined) return handler;
  return async (request, info) => {
    try {
      return await handler(request, info);
    } catch (error) {
      return await onError(error);
    }
  };
}

/** The object that code gets as its server. */
class CaughtServer implements Deno.HttpServer {
  /** Port 0 until it is known. */
  addr: Deno.Addr = { transport: "tcp", hostname: "0.0.0.0", port: 0 };
  readonly finished: Promise<void>;
  readonly end: () => void;
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.end = resolve;
  }

  listens(address: BoundAddress): void {
    this.addr = address;
    const onListen = this.#options.onListen as
      | ((address: BoundAddress) => void)
      | undefined;
    onListen?.(address);
  }

  ref(): void {}
  unref(): void {}

  /** It ends with this server, not before. */
  shutdown(): Promise<void> {
    return this.finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.finished;
  }
}

/**
 * What is served: the app that the code gave, or else the handler of its first
 * call of `Deno.serve`.
 *
 * @param app Undefined where the code gave none.
 * @returns `notes`: sentences on what differs from running it without this
 * server
 */
export function appOrServer(
  label: string,
  app: unknown,
  servers: readonly OwnServer[],
): { value: unknown; notes: string[] } {
  const [first, ...others] = servers;
  if (first === undefined) return { value: app, notes: [] };
  const isGiven = isApp(app) && !first.isFor?.(app);
  for (const { discard } of isGiven ? servers : others) discard?.();
  if (!isGiven) {
    return {
      value: first,
      notes: [
        `${label} calls ${first.call}: its handler is served here, and ${first.place} is not bound.`,
        ...others.map(({ call, place }) =>
          `${label} calls ${call} again: nothing is served at ${place}. Start a second server in startup().`
        ),
      ],
    };
  }
  return {
    value: app,
    notes: servers.map(({ call, place }) =>
      `${label} calls ${call} as well: what it exports is served, and nothing at ${place}.`
    ),
  };
}

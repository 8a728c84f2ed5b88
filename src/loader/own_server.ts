/**
 * Modules that start a server of their own while they are loaded.
 *
 * @module
 */

import type { FetchHandler } from "./fetch_app.ts";
import { LoadError } from "./load_error.ts";

/** What code gave, and what it wanted to serve by itself. */
export interface Loaded<T> {
  /** The exports of a module, the value of other code. */
  readonly result: T;
  /** The handler that it gave to `Deno.serve`; null where it called none. */
  readonly handler: FetchHandler["fetch"] | null;
}

/**
 * Runs code whose calls of `Deno.serve` bind nothing: they would listen at all
 * addresses unless told otherwise, behind the back of who said `--host`. The
 * handler is kept instead. One load at a time.
 *
 * @param label Names the code in messages.
 * @throws {LoadError} When it starts several servers.
 */
export async function loadWithoutServing<T>(
  label: string,
  load: () => Promise<T>,
): Promise<Loaded<T>> {
  const handlers: FetchHandler["fetch"][] = [];
  const own = Object.getOwnPropertyDescriptor(Deno, "serve");
  Reflect.defineProperty(Deno, "serve", {
    configurable: true,
    writable: true,
    value(...args: unknown[]) {
      handlers.push(handlerIn(args));
      return NO_SERVER;
    },
  });
  try {
    const result = await load();
    if (handlers.length > 1) {
      throw new LoadError(
        `${label} calls Deno.serve several times. Export one handler as default; servers beside it can be started in lifespan.startup.`,
      );
    }
    return { result, handler: handlers[0] ?? null };
  } finally {
    if (own === undefined) Reflect.deleteProperty(Deno, "serve");
    else Reflect.defineProperty(Deno, "serve", own);
  }
}

/**
 * What is to be served: the handler that was given to `Deno.serve`, or else the
 * app that the code gave.
 *
 * @param app Undefined where the code gave none.
 * @throws {LoadError} When there are both.
 */
export function handlerOrApp(
  label: string,
  handler: FetchHandler["fetch"] | null,
  app: unknown,
): unknown {
  if (handler === null) return app;
  if (app === undefined || app === NO_SERVER) return { fetch: handler };
  throw new LoadError(
    `${label} calls Deno.serve, and gives an app as well, which is what is served. Remove the call, or make it only if (import.meta.main); a server beside the app can be started in lifespan.startup.`,
  );
}

/**
 * The handler among the arguments of `Deno.serve`, whatever their form.
 *
 * @throws {TypeError} When there is none, as the real one does.
 */
function handlerIn(args: readonly unknown[]): FetchHandler["fetch"] {
  for (const arg of [...args].reverse()) {
    const handler = typeof arg === "object" && arg !== null && "handler" in arg
      ? arg.handler
      : arg;
    if (typeof handler === "function") return handler as FetchHandler["fetch"];
  }
  throw new TypeError(
    "Deno.serve was called without a handler, which is a function or the option handler.",
  );
}

/** What a module gets for its server, which has ended before it began. */
const NO_SERVER: Deno.HttpServer<Deno.NetAddr> = {
  addr: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
  finished: Promise.resolve(),
  ref() {},
  unref() {},
  shutdown: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

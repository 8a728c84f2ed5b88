/**
 * Modules that start a server of their own while they are loaded.
 *
 * @module
 */

import type { FetchHandler } from "./fetch_app.ts";
import { LoadError } from "./load_error.ts";

/** A module, and what it wanted to serve by itself. */
export interface LoadedModule {
  readonly exports: object;
  /** The handler that it gave to `Deno.serve`; null where it called none. */
  readonly handler: FetchHandler["fetch"] | null;
}

/**
 * Loads a module whose calls of `Deno.serve` bind nothing: they would listen at
 * all addresses unless told otherwise, behind the back of who said `--host`.
 * The handler is kept instead. One load at a time.
 *
 * @throws {LoadError} When the module starts several servers.
 */
export async function loadWithoutServing(
  label: string,
  load: () => Promise<object>,
): Promise<LoadedModule> {
  const handlers: FetchHandler["fetch"][] = [];
  const own = Object.getOwnPropertyDescriptor(Deno, "serve");
  Reflect.defineProperty(Deno, "serve", {
    configurable: true,
    writable: true,
    value(...args: unknown[]) {
      const handler = handlerIn(args);
      if (handler !== null) handlers.push(handler);
      return NO_SERVER;
    },
  });
  try {
    const exports = await load();
    if (handlers.length > 1) {
      throw new LoadError(
        `${label} calls Deno.serve several times. Export one handler as default; servers beside it can be started in lifespan.startup.`,
      );
    }
    return { exports, handler: handlers[0] ?? null };
  } finally {
    if (own === undefined) Reflect.deleteProperty(Deno, "serve");
    else Reflect.defineProperty(Deno, "serve", own);
  }
}

/** The handler among the arguments of `Deno.serve`, whatever their form. */
function handlerIn(args: readonly unknown[]): FetchHandler["fetch"] | null {
  for (const arg of [...args].reverse()) {
    const handler = typeof arg === "object" && arg !== null && "handler" in arg
      ? arg.handler
      : arg;
    if (typeof handler === "function") return handler as FetchHandler["fetch"];
  }
  return null;
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

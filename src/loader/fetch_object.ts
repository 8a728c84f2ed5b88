/**
 * Objects with `fetch()` as runtimes take them: that of `deno serve`, that of
 * Cloudflare Workers, and ours with a start and a stop.
 */

import type {
  LifespanScope,
  PagiApp,
  Receive,
  Send,
  State,
} from "../pagi/types.ts";
import { fetchApp } from "./fetch_app.ts";
import type { FetchHandler } from "./fetch_app.ts";
import { LoadError } from "./load_error.ts";

/** Where a server listens, as the engine says it. */
export type BoundAddress = Deno.NetAddr | Deno.UnixAddr;

/**
 * A server that code tried to start; nothing was bound, and its app is served
 * here.
 */
export interface OwnServer {
  /** What was called, as in `Deno.serve`. */
  readonly call: string;
  /** Where it wanted to listen, as it ends a sentence: `port 8000`. */
  readonly place: string;
  toApp(): PagiApp;
  /** Whether a function is its request handler. */
  isFor?(app: unknown): boolean;
  /** Tells where it is served instead. */
  onListen(address: BoundAddress): void;
  /** Frees what it holds where another app is served. */
  discard?(): void;
}

/** What the object may have besides `fetch()`. */
export interface FetchObject extends FetchHandler {
  /** Called before the first request, with the state of the lifespan. */
  startup?(state: State): unknown;
  /** Called after the last request. */
  shutdown?(): unknown;
  /** Called when the server listens, as by `deno serve`. */
  onListen?(address: BoundAddress): void;
}

/** Whether `value` has the method `fetch`. */
export function isFetchObject(value: unknown): value is FetchObject {
  return value !== null &&
    (typeof value === "object" || typeof value === "function") &&
    "fetch" in value && typeof value.fetch === "function";
}

/** Makes an object with `fetch()` an app; its methods are called on it. */
export function fetchObjectApp(object: FetchObject): PagiApp {
  if (takesEnvironment(object)) return cloudflareApp(object);
  return withLifespan(
    fetchApp(object),
    hook(object, "startup"),
    hook(object, "shutdown"),
  );
}

/** A method of the object; undefined where it has none of this name. */
export function hook<K extends "startup" | "shutdown" | "onListen">(
  object: object,
  name: K,
): FetchObject[K] {
  // "in", because some routers answer every property they are asked for.
  if (!(name in object)) return undefined;
  const method = (object as Record<K, unknown>)[name];
  return typeof method === "function" ? method.bind(object) : undefined;
}

/** `app` with what it does at its start and at its stop. */
export function withLifespan(
  app: PagiApp,
  startup: FetchObject["startup"],
  shutdown: FetchObject["shutdown"],
): PagiApp {
  if (startup === undefined && shutdown === undefined) return app;
  const whole: PagiApp = (scope, receive, send) =>
    scope.type === "lifespan"
      ? live(scope, receive, send, startup, shutdown)
      : app(scope, receive, send);
  // With what fetchApp() has put on it.
  return Object.assign(whole, app);
}

async function live(
  { state = {} }: LifespanScope,
  receive: Receive,
  send: Send,
  startup: FetchObject["startup"],
  shutdown: FetchObject["shutdown"],
): Promise<void> {
  await receive(); // lifespan.startup
  try {
    await startup?.(state);
  } catch (error) {
    const { message } = new LoadError("startup() failed.", error);
    return await send({ type: "lifespan.startup.failed", message });
  }
  await send({ type: "lifespan.startup.complete" });
  await receive(); // lifespan.shutdown
  await shutdown?.();
  await send({ type: "lifespan.shutdown.complete" });
}

/**
 * Whether `fetch()` takes (request, env, ctx), as Cloudflare Workers call
 * it, rather than (request, info). By its parameters, for few have more; Hono's
 * takes any number.
 */
function takesEnvironment({ fetch }: FetchObject): boolean {
  return fetch.length >= 3 || /^_?env$/i.test(parameterNames(fetch)[1] ?? "");
}

type CloudflareFetch = (
  request: Request,
  env: Readonly<Record<string, string>>,
  ctx: object,
) => Response | Promise<Response>;

/**
 * An app of Cloudflare Workers. Its `env` holds the variables of the
 * environment; bindings such as KV or D1 are not there. The stop of the server
 * waits for what `ctx.waitUntil()` was given.
 */
function cloudflareApp(object: FetchObject): PagiApp {
  const pending = new Set<unknown>();
  const env = Deno.env.toObject();
  const ctx = {
    props: {},
    /** There is no origin that the request could be passed on to. */
    passThroughOnException() {},
    waitUntil(work: unknown) {
      pending.add(work);
      // Unhandled where it rejects: that is logged.
      void Promise.resolve(work).finally(() => pending.delete(work));
    },
  };
  const fetch = object.fetch as unknown as CloudflareFetch;
  return withLifespan(
    fetchApp({ fetch: (request) => fetch.call(object, request, env, ctx) }),
    hook(object, "startup"),
    async () => {
      await Promise.allSettled(pending);
      await hook(object, "shutdown")?.();
    },
  );
}

/**
 * The names of a function's first two parameters, without patterns. The source
 * of a bound function is not available: its first parameter, if any, is called
 * "request".
 */
// deno-lint-ignore ban-types -- any function, whatever it takes
export function parameterNames(value: Function): string[] {
  const code = Function.prototype.toString.call(value);
  const [, ...names] =
    /^(?:async\s+)?(?:([\w$]+)\s*=>|[^(]*\(\s*([\w$]+)[^,(){}]*(?:,\s*([\w$]+))?)/
      .exec(code) ?? [];
  const known = names.filter((name) => name !== undefined);
  return known.length === 0 && value.length > 0 ? ["request"] : known;
}

/** Fetch handlers: apps that take a `Request` and give a `Response`. */

import { describeValue } from "./event_checks.ts";
import type { HttpScope, PagiApp, WebSocketScope } from "./types.ts";

/** What a handler gets besides the request, as from `Deno.serve`. */
export interface FetchInfo {
  readonly remoteAddr: Deno.Addr;
  /** Settles with the answer; rejects when the handler or its body failed. */
  readonly completed: Promise<void>;
}

/** The default export that `deno serve` and others run. */
export interface FetchHandler {
  fetch(request: Request, info: FetchInfo): Response | Promise<Response>;
}

/** A fetch handler that is served without scopes and events. */
export interface DirectHandler {
  readonly handler: FetchHandler;
  /** What answers a request on which it failed; null for a plain 500. */
  readonly errorPage: ErrorPage | null;
}

/** Makes the response to a request on which an app failed. */
export type ErrorPage = (error: unknown, scope: HttpScope) => Promise<Response>;

/**
 * Checks what a fetch handler gave.
 *
 * @param isUsed Whether the body of a response has been read.
 * @throws {TypeError} When it is no response that can be sent.
 */
export function checkResponse(
  given: unknown,
  isUsed: (response: Response) => boolean,
): asserts given is Response {
  if (!(given instanceof Response)) {
    const isObject = typeof given === "object" && given !== null;
    const hint = typeof given === "function" || isObject && "fetch" in given
      ? " If it makes the app, export what it gives, as in: export default createApp()"
      : "";
    throw new TypeError(
      `The fetch handler gave no Response but ${
        isObject ? "an object" : describeValue(given)
      }.${hint}`,
    );
  }
  if (given.type === "error") {
    throw new TypeError("The fetch handler returned Response.error().");
  }
  if (given.status === 101) {
    throw new TypeError(
      "The fetch handler returned status 101 without an upgrade; Deno.upgradeWebSocket() makes the response for a WebSocket.",
    );
  }
  if (isUsed(given)) {
    throw new TypeError(
      "The fetch handler returned a Response whose body was already read; Response.clone() makes a copy.",
    );
  }
}

const DIRECT = Symbol("direct handler");

/**
 * An app with the handler that it is made of. A server that has such an app
 * gives the engine's own request to the handler, and its response to the
 * engine; whatever else calls the app finds an app.
 */
export function withDirect(app: PagiApp, direct: DirectHandler): PagiApp {
  return Object.assign(app, { [DIRECT]: direct });
}

/** The handler of an app that is nothing else; null for all others. */
export function directOf(app: PagiApp): DirectHandler | null {
  return (app as PagiApp & { [DIRECT]?: DirectHandler })[DIRECT] ?? null;
}

/** A WebSocket that the engine makes of a request, and the request's answer. */
export interface Upgrade {
  readonly socket: WebSocket;
  readonly response: Response;
}

/** Makes a WebSocket of one request, for a handler. */
export interface Upgrading {
  /** @throws {Error} When the request has been upgraded or answered. */
  upgrade(options: Deno.UpgradeWebSocketOptions): Upgrade;
  /** Answers with the response of that upgrade. */
  respondUpgrade(response: unknown): void;
}

const UPGRADING = Symbol("upgrading");

/** Has fetch handlers make a WebSocket of the request of `scope`. */
export function setUpgrading(scope: WebSocketScope, how: Upgrading): void {
  (scope as WebSocketScope & { [UPGRADING]?: Upgrading })[UPGRADING] = how;
}

/** How a fetch handler makes a WebSocket; null until it is set. */
export function upgradingOf(scope: WebSocketScope): Upgrading | null {
  return (scope as WebSocketScope & { [UPGRADING]?: Upgrading })[UPGRADING] ??
    null;
}

/**
 * `Deno.upgradeWebSocket` in fetch handlers.
 *
 * A server has to know of the WebSockets that it serves: it bounds, counts,
 * logs and closes them. Handlers and frameworks ask the engine for them, so
 * that function is replaced by one that asks the server where it knows the
 * request.
 *
 * @module
 */

import type { Upgrading } from "../pagi/fetch.ts";

/** The engine's own. */
export const engineUpgrade: typeof Deno.upgradeWebSocket =
  Deno.upgradeWebSocket;

const known = new WeakMap<Request, Upgrading>();
let replaced = false;

/** Has `Deno.upgradeWebSocket` ask for the requests that are known. */
export function replaceUpgrade(): void {
  if (replaced) return;
  replaced = true;
  Reflect.defineProperty(Deno, "upgradeWebSocket", {
    configurable: true,
    writable: true,
    value: (
      request: Request,
      options: Deno.UpgradeWebSocketOptions = {},
    ): Deno.WebSocketUpgrade =>
      known.get(request)?.upgrade(options) ?? engineUpgrade(request, options),
  });
}

/** Has a WebSocket of `request` made by `how`. */
export function knowUpgrade(request: Request, how: Upgrading): void {
  known.set(request, how);
}

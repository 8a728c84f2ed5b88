/**
 * `Deno.upgradeWebSocket` in fetch handlers.
 *
 * The server has to know its WebSockets, to limit, count, log and close them. But
 * handlers and frameworks get them from the engine's function. It is replaced by
 * one that calls the server for the requests that the server knows.
 */

import type { Upgrading } from "../pagi/fetch.ts";

/** The engine's own function. */
export const engineUpgrade: typeof Deno.upgradeWebSocket =
  Deno.upgradeWebSocket;

const known = new WeakMap<Request, Upgrading>();
let replaced = false;

/** Replaces `Deno.upgradeWebSocket`, once. */
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

/** Makes the WebSocket of `request` by `how` from now on. */
export function knowUpgrade(request: Request, how: Upgrading): void {
  known.set(request, how);
}

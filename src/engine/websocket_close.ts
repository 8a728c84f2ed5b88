/**
 * The end of a closing handshake.
 *
 * @module
 */

import { symbolOf } from "./symbol_of.ts";

/** The engine's mark of a socket that waits: that of a client. */
const CLIENT = 1;

/**
 * Has the engine wait for the peer's Close after one was sent, as RFC 6455,
 * section 7.1.2 says. By itself it does so for clients only: a server's
 * connection is dropped when a message comes first, often before the Close has
 * left, so that a peer that is just sending would never learn the code. To be
 * called after `close`, which takes fewer codes from clients.
 */
export function awaitClose(socket: WebSocket): void {
  const role = symbolOf(socket, "[[role]]");
  if (role === undefined) return;
  (socket as unknown as Record<symbol, unknown>)[role] = CLIENT;
}

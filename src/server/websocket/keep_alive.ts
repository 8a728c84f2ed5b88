/**
 * Pings on an open WebSocket.
 *
 * @module
 */

/** Seconds until a ping that is not wanted; a timer can wait no longer. */
const NEVER = 2_000_000;

/**
 * Has a silent peer pinged every `interval` seconds, and the socket closed
 * when no answer comes within the longer of `interval` and `timeout` seconds.
 * 0 stops it; the latest call holds (PAGI.md 3.4, 8 item 75, and 9).
 *
 * The engine pings after half of the socket's idle timeout and gives the peer
 * the other half. Its public face takes that time only before the socket
 * opens; the socket itself holds it under a symbol, with the method that
 * starts the time anew.
 *
 * @returns false where the engine hides them: nothing is pinged then.
 */
export function keepAlive(
  socket: WebSocket,
  interval: number,
  timeout: number,
): boolean {
  const duration = symbolOf(socket, "[[idleTimeout]]");
  const restart = symbolOf(WebSocket.prototype, "[[serverHandleIdleTimeout]]");
  if (duration === undefined || restart === undefined) return false;
  const inner = socket as unknown as Record<symbol, unknown>;
  // A running timer would take 0 for "at once".
  inner[duration] = 2 * (interval === 0 ? NEVER : Math.max(interval, timeout));
  (inner[restart] as () => void).call(socket);
  return true;
}

function symbolOf(target: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(target).find((symbol) =>
    symbol.description === description
  );
}

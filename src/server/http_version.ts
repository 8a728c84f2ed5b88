/**
 * Whether a request came by HTTP/1 or HTTP/2, which the engine does not tell.
 *
 * @module
 */

/**
 * Clients that speak HTTP/2, by address and port, the latest last. A client
 * that comes back from the same port by HTTP/1, without a host, passes for
 * HTTP/2 and is served instead of refused.
 */
const http2Clients = new Set<string>();
const MAX_CLIENTS = 4096;

/**
 * Tells whether a request without `host` came by HTTP/2: the engine puts a
 * host of its own into HTTP/1, and HTTP/2 to that very host looks the same.
 * Must be called before the handler first awaits. Engines before 2.9 do not
 * tell; the answer is then yes.
 */
export function isHttp2(address: Deno.Addr): boolean {
  // All clients of a Unix socket have one name.
  if (!("hostname" in address)) return !isHttp1();
  const client = `${address.hostname} ${address.port}`;
  if (http2Clients.has(client)) return true;
  if (isHttp1()) return false;
  if (http2Clients.size === MAX_CLIENTS) {
    const [oldest] = http2Clients;
    http2Clients.delete(oldest);
  }
  http2Clients.add(client);
  return true;
}

/** Asks the stack for the engine's way to the handler: slow, about 0.2 ms. */
function isHttp1(): boolean {
  const trace: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  Error.captureStackTrace(trace);
  Error.stackTraceLimit = limit;
  return trace.stack?.includes("nativeDispatch") ?? false;
}

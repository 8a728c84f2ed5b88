/**
 * How the servers that show the engine's limit listen.
 *
 * @module
 */

import { openSockets } from "../../src/guard/sockets.ts";

/**
 * Serves on 127.0.0.1, in `BENCH_THREADS` threads that share the port (one, the
 * main thread): each runs the program anew, as ours does. With TLS it sets
 * TCP_NODELAY, as ours does: Deno sets it without TLS only.
 */
export function serve(
  handler: Deno.ServeHandler<Deno.NetAddr>,
  port: string,
  certificate?: string,
  key?: string,
): void {
  const threads = Number(Deno.env.get("BENCH_THREADS") ?? 1);
  if (threads > 1 && !("WorkerGlobalScope" in globalThis)) {
    for (let i = 0; i < threads; i++) {
      new Worker(Deno.mainModule, { type: "module" });
    }
    return;
  }
  const tls = certificate === undefined || key === undefined ? {} : {
    cert: Deno.readTextFileSync(certificate),
    key: Deno.readTextFileSync(key),
  };
  Deno.serve({
    hostname: "127.0.0.1",
    port: Number(port),
    tcpBacklog: 2048,
    reusePort: threads > 1,
    onListen() {},
    ...tls,
  }, handler);
  if (certificate === undefined) return;
  using sockets = openSockets();
  for (const listener of sockets?.listeners() ?? []) {
    sockets?.sendAtOnce(listener);
  }
}

/**
 * The handlers of `fetch.ts` on `Deno.serve`: `bare_fetch.ts PORT`. With
 * `BENCH_LIST` it has the engine list the header fields of each request, which
 * is the only way to their number and size.
 *
 * @module
 */

import handler from "./fetch.ts";

const { fetch } = handler;

/** Ours reads them so; the other servers here load nothing of ours. */
async function listing(): Promise<typeof fetch> {
  const { sentHeaders } = await import("../../src/engine/request.ts");
  return (request) =>
    sentHeaders(request).length > 0
      ? fetch(request)
      : new Response(null, { status: 400 });
}

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
  tcpBacklog: 2048,
  onListen() {},
}, Deno.env.has("BENCH_LIST") ? await listing() : fetch);

/**
 * The handlers of `fetch.ts` on `Deno.serve`: `bare_fetch.ts PORT`.
 *
 * @module
 */

import handler from "./fetch.ts";

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
  tcpBacklog: 2048,
  onListen() {},
}, handler.fetch);

/**
 * The handlers of `fetch.ts` on `Bun.serve`, or the file that `BENCH_FILE`
 * names: `bun bun.mjs PORT`.
 *
 * @module
 */

import handler from "./fetch.ts";

const { Bun, process } = globalThis;
const file = process.env.BENCH_FILE;

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch: file ? () => new Response(Bun.file(file)) : handler.fetch,
  websocket: handler.websocket,
});

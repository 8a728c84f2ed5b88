/**
 * The handlers of `fetch.ts` on `Bun.serve`: `bun bun.mjs PORT`.
 *
 * @module
 */

import handler from "./fetch.ts";

globalThis.Bun.serve({
  hostname: "127.0.0.1",
  port: Number(globalThis.process.argv[2]),
  fetch: handler.fetch,
  websocket: handler.websocket,
});

/**
 * A server for http_backpressure_test.ts, in a process of its own so that its
 * memory can be measured. It streams `Deno.args[0]` bytes, then writes by how
 * many bytes its memory has grown at most.
 *
 * @module
 */

import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { Server } from "../../src/server/server.ts";

const SIZE = Number(Deno.args[0]);
const PIECE = 65_536;
let most = 0;

const server = new Server(async (scope, _receive, send) => {
  if (scope.type !== "http") throw new Error("not supported");
  const before = Deno.memoryUsage().rss;
  await send({ type: "http.response.start", status: 200 });
  for (let sent = 0; sent < SIZE; sent += PIECE) {
    const body = new Uint8Array(PIECE);
    await send({ type: "http.response.body", body, more: 1 });
    if (sent % (64 * PIECE) === 0) {
      most = Math.max(most, Deno.memoryUsage().rss - before);
    }
  }
  await send({ type: "http.response.body" });
}, resolveSettings({ port: 0, noAccessLog: true }));

await server.start();
const [address] = server.addresses;
console.log("port" in address ? address.port : 0);
await new Response(Deno.stdin.readable).arrayBuffer();
await server.stop();
console.log(most);

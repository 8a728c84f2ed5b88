/**
 * A server that runs out of descriptors, as a process of its own: prints its
 * port, serves again whenever accepting failed, and prints what it closed.
 *
 * @module
 */

import { peerKey } from "../../src/guard/address.ts";
import { raiseDescriptorLimit } from "../../src/guard/descriptors.ts";
import { openGuard } from "../../src/guard/guard.ts";

const running = new Set<string>();
const guard = openGuard({
  limit: raiseDescriptorLimit()! - 50,
  timeoutMs: 0,
  runningPeers: () => running,
})!;
for (let port = 0;;) {
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port,
    onListen: (address) => console.log(port = address.port),
  }, (_request, info) => {
    const peer = peerKey(info.remoteAddr, port);
    if (guard.admit(info, port)) return new Response("served");
    guard.endConnection(peer);
    return new Response("full", { status: 503 });
  });
  guard.watch(server.addr);
  await server.finished.catch(() =>
    guard.relieve().then((closed) => console.log("closed", closed))
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
}

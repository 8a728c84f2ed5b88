/**
 * A server that runs out of descriptors, as a process of its own: prints its
 * port, serves again whenever accepting failed, and prints what it closed.
 *
 * @module
 */

import { addressName, peerKey } from "../../src/guard/address.ts";
import { raiseDescriptorLimit } from "../../src/system/descriptor_budget.ts";
import { openGuard } from "../../src/guard/guard.ts";
import { delay } from "../helpers/wait.ts";

// Deno's first listener takes descriptors, and half a second after the start it
// adds one for SIGUSR1: it would panic if there were none left by then.
Deno.addSignalListener("SIGTERM", () => Deno.exit());

const running = new Set<string>();
const guard = openGuard({
  limit: raiseDescriptorLimit()! - 50,
  timeoutMs: 0,
  runningPeers: () => running,
})!;
let port = 0;
for (;;) {
  try {
    await serve();
  } catch (error) { // accepting failed, or binding for the same reason
    console.log("closed", await guard.evictIdle(), `(${error})`);
    await delay(50);
  }
}

function serve(): Promise<void> {
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port,
    onListen: (address) => console.log(port = address.port),
  }, (_request, info) => {
    if (guard.admit(info, name)) return new Response("served");
    guard.endConnection({
      peerKey: peerKey(info.remoteAddr, name),
      age: 0,
      info,
    });
    return new Response("full", { status: 503 });
  });
  const name = addressName(server.addr);
  guard.watch(server.addr);
  return server.finished;
}

/**
 * Who listens on a port.
 *
 * @module
 */

import { portHolder } from "../../src/system/network.ts";
import { assertEquals } from "../../src/std/assert.ts";

/** Opens and closes files for as long as it lives. */
const RESTLESS = `data:text/javascript,${
  encodeURIComponent(`
    const turn = () => {
      for (let i = 0; i < 50; i++) {
        const files = Array.from({ length: 20 }, () => Deno.openSync("/proc/self/stat"));
        for (const file of files) file.close();
      }
      postMessage("");
      setTimeout(turn);
    };
    turn();
  `)
}`;

Deno.test({
  name: "the holder of a port is found while it opens and closes files",
  ignore: Deno.build.os !== "linux",
  async fn() {
    // The files get lower descriptors than the listener, and are seen first.
    const lower = Array.from({ length: 20 }, () => Deno.openSync("/dev/null"));
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    for (const file of lower) file.close();
    const worker = new Worker(RESTLESS, { type: "module" });
    await new Promise((resolve) => worker.onmessage = resolve);
    const found = Array.from({ length: 5 }, () => portHolder(port)?.pid);
    worker.terminate();
    assertEquals(new Set(found), new Set([Deno.pid]));
  },
});

/** Which descriptors belong to which thread. */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { ownDescriptors } from "../../src/engine/own_descriptors.ts";
import { openSockets } from "../../src/guard/sockets.ts";

const ignore = Deno.build.os !== "linux";

/** The descriptors of this process's connections to its own `port`. */
function acceptedAt(port: number): number[] {
  const sockets = openSockets()!;
  try {
    return sockets.descriptors().filter((fd) => {
      const own = sockets.ownAddress(fd);
      return own !== null && "port" in own && own.port === port &&
        !sockets.isListening(fd);
    });
  } finally {
    sockets.close();
  }
}

Deno.test({
  name: "a thread tells its own connections from those of another thread",
  ignore,
  async fn() {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("mine"),
    );
    const other = new Worker(
      import.meta.resolve("./own_descriptors_worker.ts"),
      { type: "module" },
    );
    const told = () =>
      new Promise<{ port: number; own: number[] }>((resolve) => {
        other.onmessage = ({ data }) => resolve(data);
      });
    const { port } = await told();
    try {
      const own = (server.addr as Deno.NetAddr).port;
      for (const each of [own, port]) {
        const answer = await fetch(`http://127.0.0.1:${each}/`);
        assertEquals((await answer.text()).length, 4);
      }
      const [mine, theirs] = [acceptedAt(own), acceptedAt(port)];
      assertEquals([mine.length, theirs.length], [1, 1]);
      const here = ownDescriptors()!;
      const answer = told();
      other.postMessage(null);
      const there = new Set((await answer).own);
      assert(here.has(mine[0]) && !here.has(theirs[0]));
      assert(there.has(theirs[0]) && !there.has(mine[0]));
    } finally {
      other.terminate();
      await server.shutdown();
    }
  },
});

Deno.test({
  name: "without the right to look nothing is told",
  permissions: { read: false },
  fn() {
    assertEquals(ownDescriptors(), null);
  },
});

/** Idle connections are closed such that no request is lost. */

import { addressName } from "../../src/guard/address.ts";
import { openLibc, Sockets } from "../../src/guard/sockets.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { delay, until } from "../helpers/wait.ts";
import { GuardedServer } from "./guarded_server.ts";

const ignore = Deno.build.os !== "linux";

Deno.test({
  name:
    "idle connections are closed; a request that has just arrived and one that runs are answered",
  ignore,
  async fn() {
    const slow = Promise.withResolvers<Response>();
    await using server = new GuardedServer((request) =>
      request.url.endsWith("slow") ? slow.promise : new Response("hello")
    );
    using idle = await server.connect();
    using arriving = await server.connect();
    using running = await server.connect();
    for (const client of [idle, arriving]) {
      await client.request("GET /");
      await client.response();
    }
    await running.request("GET /slow");
    await until(() => server.guard.count() === 3);
    await delay(10);
    // Nothing reads it before the guard looks: this thread has no turn between.
    void arriving.request("GET /");
    await server.guard.closeIdle(null, () => false);
    assertEquals(await idle.rest(), "");
    assertEquals((await arriving.response()).body, "hello");
    slow.resolve(new Response("at last"));
    assertEquals((await running.response()).body, "at last");
  },
});

Deno.test({
  name: "connections of other threads and of HTTP/2 are left alone",
  ignore,
  async fn() {
    await using server = new GuardedServer();
    using client = await server.connect();
    await client.request("GET /");
    await client.response();
    await server.guard.closeIdle(new Set(), () => false);
    await server.guard.closeIdle(null, () => true);
    await client.request("GET /");
    assertEquals((await client.response()).body, "hello");
  },
});

/** Whether the kernel lets this user drop handshakes: some ask for rights. */
const MAY_DROP = !ignore && (() => {
  using sockets = new Sockets(openLibc()!);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const own = addressName(listener.addr);
  return sockets.listeners().some((other) =>
    addressName(other.address) === own && sockets.dropHandshakes(other)
  );
})();

Deno.test({
  name:
    `where handshakes are dropped, who has connected is served, and nobody is accepted and cut off${
      MAY_DROP ? "" : " (skipped without CAP_NET_ADMIN)"
    }`,
  ignore: !MAY_DROP,
  async fn() {
    await using server = new GuardedServer();
    using client = await server.connect();
    server.guard.dropHandshakes();
    let connected = false;
    const late = server.connect().then((one) => (connected = true, one));
    await client.request("GET /");
    assertEquals((await client.response()).body, "hello");
    assert(!connected);
    client.close();
    await server.server.shutdown();
    // It tries again, and hears that nobody listens.
    const outcome = await late.then(() => "connected", (error) => error.name);
    assertEquals(outcome, "ConnectionRefused");
  },
});

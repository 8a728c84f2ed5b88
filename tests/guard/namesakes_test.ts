import { assert, assertEquals } from "../../src/std/assert.ts";
import type {
  InputBudget,
  WatchedRequest,
} from "../../src/guard/input_monitor.ts";
import type { RequestOrigin } from "../../src/guard/connections.ts";
import { BoundClient } from "../helpers/bound_client.ts";
import { delay, until } from "../helpers/wait.ts";
import { GuardedServer } from "./guarded_server.ts";

const ANY = { hostname: "0.0.0.0" };

/** Two connections from one port to two addresses of a server. */
function twins(port: number): [BoundClient, BoundClient] {
  const first = new BoundClient(0, { hostname: "127.0.0.1", port });
  const second = new BoundClient(first.port, { hostname: "127.0.0.2", port });
  return [first, second];
}

Deno.test("of two connections from one port the refused one is closed", async () => {
  for (const [warm, ms] of [[true, 50], [false, 50], [true, 0], [false, 0]]) {
    await using server = new GuardedServer(
      ({ url }, origin, guard) => {
        if (!url.endsWith("/bad")) return new Response("fine");
        guard.endConnection({ ...origin, age: 0 });
        return new Response("bad", { status: 400 });
      },
      {},
      ANY,
    );
    const [innocent, refused] = twins(server.port);
    using _first = innocent, _second = refused;
    assertEquals(await innocent.status(), 200);
    if (warm) {
      assertEquals(await refused.status(), 200);
      await until(() => server.guard.count() === 2);
    }
    await delay(Number(ms)); // the system's clock tells 10 ms apart
    assertEquals(await refused.status("/bad"), 400);
    assertEquals(await refused.read(), "");
    assertEquals(await innocent.status(), 200);
    assertEquals(await innocent.status(), 200);
  }
});

Deno.test("one over the limit gets 503, and its namesake with a seat goes on", async () => {
  await using server = new GuardedServer(undefined, { limit: 1 }, ANY);
  const [innocent, refused] = twins(server.port);
  using _first = innocent, _second = refused;
  assertEquals(await innocent.status(), 200);
  for (let i = 0; i < 3; i++) {
    await delay(50);
    assertEquals(await innocent.status(), 200);
  }
  await delay(50);
  // Where it is not certain who asks, both are answered.
  await until(async () => await refused.status() === 503);
  assertEquals(await refused.read(), "");
  assertEquals(await innocent.status(), 200);
});

Deno.test("who comes back from the same port after a refusal is answered", async () => {
  await using server = new GuardedServer(({ url }, origin, guard) => {
    if (!url.endsWith("/bad")) return new Response("fine");
    guard.endConnection({ ...origin, age: 0 });
    return new Response("bad", { status: 400 });
  });
  const to = { hostname: "127.0.0.1", port: server.port };
  let port = 0;
  for (let i = 0; i < 50; i++) {
    using refused = new BoundClient(port, to);
    port = refused.port;
    assertEquals(await refused.status("/bad"), 400, `round ${i}`);
    refused[Symbol.dispose]();
    using next = new BoundClient(port, to);
    assertEquals(await next.status(), 200, `round ${i}`);
    await delay(i % 20);
    assertEquals(await next.status(), 200, `round ${i}`);
  }
});

Deno.test("a flood is cut off whatever connection has the same port", async () => {
  for (const order of [["flooding", "idle"], ["idle", "flooding"]]) {
    const requests = new Set<WatchedRequest>();
    const closed: string[] = [];
    await using server = new GuardedServer(
      async ({ url, signal }, origin, guard) => {
        if (!url.endsWith("/slow")) return new Response("fine");
        requests.add(new Waiting(origin));
        guard.wake();
        await new Promise((resolve) => signal.onabort = resolve);
        return new Response("late");
      },
      {
        requests: () => requests,
        onClose: (_peer, reason, request) => {
          closed.push(`${reason} ${requests.delete(request!)}`);
          // As a server does: there is nothing left to be closed.
          server.guard.dropConnection(request!);
          server.guard.endConnection(request!);
        },
      },
      ANY,
    );
    const [first, second] = twins(server.port);
    using _first = first, _second = second;
    const [flooding, idle] = order[0] === "flooding"
      ? [first, second]
      : [second, first];
    assertEquals(await idle.status(), 200);
    await flooding.get("/slow");
    let sent = 0;
    const chunk = new Uint8Array(100_000);
    while (sent < 400e6 && await flooding.send(chunk)) {
      sent += chunk.length;
      await delay(1);
    }
    assert(sent < 400e6);
    assertEquals(closed, ["queue_overflow true"]);
    for (let i = 0; i < 3; i++) {
      assertEquals(await idle.status(), 200);
      await delay(30);
    }
  }
});

/** A request that waits for its answer and may be followed by nothing. */
class Waiting implements WatchedRequest {
  readonly #origin: RequestOrigin;

  constructor(origin: RequestOrigin) {
    this.#origin = origin;
  }

  get age(): number {
    return this.#origin.age;
  }
  get peerKey(): string {
    return this.#origin.peerKey;
  }
  get info(): object {
    return this.#origin.info;
  }
  get inputBudget(): InputBudget {
    return {
      allowed: 0,
      epoch: 0,
      overflowReason: "queue_overflow",
      engineReportsEof: false,
    };
  }
  markClose(): void {}
}

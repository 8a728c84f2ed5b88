import { assertEquals, assertGreater } from "../../src/std/assert.ts";
import { peerKey } from "../../src/guard/address.ts";
import type { RequestOrigin } from "../../src/guard/connections.ts";
import { openGuard } from "../../src/guard/guard.ts";
import { until } from "../helpers/wait.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { GuardedServer, type Handler } from "./guarded_server.ts";

Deno.test("a connection over the limit gets 503 while the others go on (PAGI.md 102)", async () => {
  await using server = new GuardedServer(undefined, { limit: 2 });
  using first = await server.connect();
  using second = await server.connect();
  assertEquals(await status(first), 200);
  assertEquals(await status(second), 200);
  using third = await server.connect();
  assertEquals(await status(third), 503);
  assertEquals(await third.rest(), "");
  assertEquals(await status(first), 200);
  assertEquals(await status(second), 200);
});

Deno.test("a place that becomes free is free at once", async () => {
  await using server = new GuardedServer(undefined, { limit: 2 });
  using first = await server.connect();
  using second = await server.connect();
  assertEquals(await status(first), 200);
  assertEquals(await status(second), 200);
  for (let i = 0; i < 5; i++) {
    using refused = await server.connect();
    assertEquals(await status(refused), 503);
  }
  first.close();
  await until(() => server.guard.count() === 1);
  using next = await server.connect();
  assertEquals(await status(next), 200);
  assertEquals(await status(second), 200);
});

Deno.test("who was answered before keeps the place, whatever descriptors are free since", async () => {
  await using server = new GuardedServer(undefined, { limit: 2 });
  // The next connections are to get lower descriptors than these two.
  const holes = Array.from({ length: 8 }, () => Deno.openSync("/dev/null"));
  using first = await server.connect();
  using second = await server.connect();
  assertEquals(await status(first), 200);
  assertEquals(await status(second), 200);
  for (const hole of holes) hole.close();
  using refused = await server.connect();
  assertEquals(await status(refused), 503);
  assertEquals(await status(first), 200);
  assertEquals(await status(second), 200);
});

Deno.test("the oldest connections keep their places, asked or not", async () => {
  await using server = new GuardedServer(undefined, { limit: 3 });
  const clients = await connectInTurn(server, 6);
  const [silent, ...others] = clients;
  const statuses = [];
  for (const client of others.toReversed()) {
    statuses.push(await status(client));
  }
  assertEquals(statuses, [503, 503, 503, 200, 200]);
  assertEquals(await status(silent), 200);
  for (const client of clients) client.close();
});

Deno.test("a connection asks far more often than the limit allows connections", async () => {
  await using server = new GuardedServer(undefined, { limit: 1 });
  using client = await server.connect();
  for (let i = 0; i < 50; i++) assertEquals(await status(client), 200);
});

Deno.test("in a full house a flood of newcomers is refused at little cost", async () => {
  await using server = new GuardedServer(undefined, { limit: 1 });
  using resident = await server.connect();
  assertEquals(await status(resident), 200);
  const began = performance.now();
  const statuses = await Promise.all(
    Array.from({ length: 100 }, async () => {
      using client = await server.connect();
      return await status(client);
    }),
  );
  assertEquals(statuses.filter((code) => code !== 503), []);
  assertEquals(await status(resident), 200);
  assertGreater(10_000, performance.now() - began);
});

Deno.test("evictIdle() closes silent connections, the newest first, and no running ones", async () => {
  const wait = Promise.withResolvers<void>();
  const handler: Handler = async ({ url }) => {
    if (url.endsWith("/slow")) await wait.promise;
    return new Response("done");
  };
  await using server = new GuardedServer(handler);
  using running = await server.connect();
  await running.request("GET /slow");
  const silent = await connectInTurn(server, 20);
  using answered = await server.connect();
  assertEquals(await status(answered), 200);
  assertEquals(await server.guard.evictIdle(), 16);
  await until(() => server.guard.count() === 6);
  wait.resolve();
  assertEquals((await running.response()).body, "done");
  assertEquals(await status(answered), 200);
  const [oldest] = silent;
  assertEquals(await status(oldest), 200);
  assertEquals(await silent[19].rest(), "");
  for (const client of silent) client.close();
});

Deno.test("on a Unix socket nobody is refused, ended or given a deadline", async () => {
  const guard = openGuard({
    limit: 1,
    timeoutMs: 100,
    runningPeers: () => [],
  })!;
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  await using server = Deno.serve({ path, onListen() {} }, (_request, info) => {
    const name = peerKey(info.remoteAddr, path);
    guard.endConnection({ peerKey: name, age: 0, info });
    return new Response(null, { status: guard.admit(info, path) ? 200 : 503 });
  });
  guard.watch(server.addr);
  const clients: RawConnection[] = [];
  for (let i = 0; i < 3; i++) {
    clients.push(
      await RawConnection.open({ path }),
    );
  }
  for (const client of clients) assertEquals(await status(client), 200);
  assertEquals(guard.count(), 3);
  await deadlinePasses(100);
  for (const client of clients) assertEquals(await status(client), 200);
  for (const client of clients) client.close();
  guard.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("connections that come and go in another thread meet no harm", async () => {
  let seen: RequestOrigin | undefined, requests = 0;
  await using server = new GuardedServer((_request, origin, guard) => {
    if (++requests % 10 === 0) {
      guard.count();
      seen = origin;
    }
    // By now it has gone, and others have its descriptor.
    if (requests % 10 === 5 && seen) guard.dropConnection(seen);
    return new Response("unharmed");
  });
  const worker = new Worker(
    new URL("./restless_client.js", import.meta.url),
    { type: "module" },
  );
  worker.postMessage(`http://127.0.0.1:${server.port}/`);
  const { data: answers } = await new Promise<MessageEvent<string[]>>(
    (resolve) => worker.onmessage = resolve,
  );
  worker.terminate();
  assertEquals(answers.filter((answer) => answer !== "unharmed"), []);
  assertEquals(requests, 500);
});

Deno.test("without the permission for FFI there is no guard", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--deny-ffi", "--no-lock", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const src = import.meta.resolve("../../src/");
  const program = new Blob([`
    import { raiseDescriptorLimit } from "${src}system/descriptor_budget.ts";
    import { openGuard } from "${src}guard/guard.ts";
    console.log(openGuard({ limit: 0, timeoutMs: 0, runningPeers: () => [] }));
    console.log(raiseDescriptorLimit());
  `]);
  await program.stream().pipeTo(child.stdin);
  const { stdout } = await child.output();
  assertEquals(new TextDecoder().decode(stdout), "null\nnull\n");
});

/**
 * Opens connections, of which the guard finds each before the next one: those
 * of one scan it takes in the order of their descriptors, and other threads
 * leave gaps among these.
 */
async function connectInTurn(
  { guard, port }: GuardedServer,
  count: number,
): Promise<RawConnection[]> {
  const clients: RawConnection[] = [];
  const before = guard.count();
  for (let found = before + 1; found <= before + count; found++) {
    clients.push(await RawConnection.open(port));
    await until(() => guard.count() === found);
  }
  return clients;
}

/** Waits until a guard closes a silent TCP connection after so long. */
async function deadlinePasses(timeoutMs: number): Promise<void> {
  await using server = new GuardedServer(undefined, { timeoutMs });
  using silent = await server.connect();
  assertEquals(await silent.rest(), "");
}

/** Asks on the connection, and gives the status of the answer. */
async function status(client: RawConnection): Promise<number> {
  await client.request("GET /");
  return (await client.response()).status;
}

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
} from "../../src/std/assert.ts";
import { connect as connectTls } from "node:tls";
import { cert, key } from "./certificate.ts";
import type { RequestOrigin } from "../../src/guard/connections.ts";
import { delay, until } from "../helpers/wait.ts";
import { GuardedServer, type Handler } from "./guarded_server.ts";

/** Answers everything with `body`, and ends the connection behind it. */
function lastAnswer(body: Uint8Array<ArrayBuffer>): Handler {
  return (_request, origin, guard) => {
    guard.endConnection(origin);
    return new Response(body, { headers: { connection: "close" } });
  };
}

Deno.test("a connection is closed behind its last answer", async () => {
  await using server = new GuardedServer(lastAnswer(new Uint8Array(9)));
  using client = await server.connect();
  await client.request("GET /");
  assertEquals((await client.response()).body, "\0".repeat(9));
  assertEquals(await client.rest(), "");
});

Deno.test("a connection is closed at once while others are given time to end", async () => {
  await using server = new GuardedServer(lastAnswer(new Uint8Array(9)));
  // The clients keep their sides open until all have been closed.
  using clients = new DisposableStack();
  const began = performance.now();
  for (let i = 0; i < 12; i++) {
    const client = clients.use(await server.connect());
    await client.request("GET /");
    await client.response();
    assertEquals(await client.rest(), "");
  }
  assertLess(performance.now() - began, 10_000);
});

Deno.test("a client that is still uploading gets the whole answer, and is cut off later", async () => {
  const size = 200_000;
  await using server = new GuardedServer(lastAnswer(new Uint8Array(size)));
  using client = await server.connect();
  await client.send(
    "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 9000000000\r\n\r\n",
  );
  const began = performance.now();
  const uploading = (async () => {
    for (;;) {
      await client.send(new Uint8Array(10_000));
      await delay(1);
    }
  })().catch(() => performance.now() - began);
  assertGreater(await client.drain(), size);
  assertLess(performance.now() - began, 10_000);
  // Until then there was no reset that could have overtaken the answer.
  assertGreater(await uploading, 1500);
});

Deno.test("a client that takes its last answer slowly gets all of it", async () => {
  const size = 2_000_000;
  await using server = new GuardedServer(lastAnswer(new Uint8Array(size)));
  using client = await server.connect();
  await client.request("GET /");
  while (await client.more()) await delay(20);
  assertGreater(client.received.length, size);
});

Deno.test("a last answer that is long in coming is waited for", async () => {
  await using server = new GuardedServer(async (_request, origin, guard) => {
    guard.endConnection(origin);
    await delay(1200);
    return new Response("late");
  });
  using client = await server.connect();
  await client.request("GET /");
  assertEquals((await client.response()).body, "late");
  assertEquals(await client.rest(), "");
});

Deno.test("requests behind the last one on a connection are not admitted", async () => {
  let ran = 0;
  await using server = new GuardedServer((_request, origin, guard) => {
    ran++;
    guard.endConnection(origin);
    return new Response("last");
  });
  using client = await server.connect();
  await client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n".repeat(3));
  await client.drain();
  assertEquals(ran, 1);
});

Deno.test("an endless stream of requests does not keep a connection that ends", async () => {
  await using server = new GuardedServer(lastAnswer(new Uint8Array(9)));
  using client = await server.connect();
  const began = performance.now();
  const asking = setInterval(() => client.request("GET /").catch(() => {}), 5);
  await client.drain();
  clearInterval(asking);
  assertLess(performance.now() - began, 10_000);
});

Deno.test("a TLS connection gets its last answer too", async () => {
  const size = 100_000;
  await using server = new GuardedServer(lastAnswer(new Uint8Array(size)), {}, {
    cert,
    key,
  });
  const { port } = server;
  const client = connectTls({ port, rejectUnauthorized: false });
  let total = 0;
  client.on("data", (data) => total += data.length);
  client.write("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
  await new Promise((resolve) => client.on("end", resolve));
  client.destroy();
  assertGreater(total, size);
});

Deno.test("a dropped connection is closed in mid-answer", async () => {
  let last: RequestOrigin | undefined;
  await using server = new GuardedServer((_request, origin) => {
    last = origin;
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(9)),
      }),
    );
  });
  using client = await server.connect();
  await client.request("GET /");
  assert(await client.more());
  client.received = "";
  server.guard.dropConnection(last!);
  assertLess(await client.drain(), 100);
  await until(() => server.guard.count() === 0);
});

Deno.test("a connection that is being ended does not count", async () => {
  await using server = new GuardedServer(lastAnswer(new Uint8Array(9)));
  using client = await server.connect();
  assertEquals(server.guard.count(), 1);
  await client.request("GET /");
  await until(() => server.guard.count() === 0);
});

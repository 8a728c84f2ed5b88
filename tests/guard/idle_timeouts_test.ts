import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
} from "../../src/std/assert.ts";
import { connect as connectTls } from "node:tls";
import { openLibc, Sockets, SOL_SOCKET } from "../../src/guard/sockets.ts";
import { Http2Peer } from "../helpers/http2_peer.ts";
import { delay, until } from "../helpers/wait.ts";
import { cert, key } from "./certificate.ts";
import { GuardedServer } from "./guarded_server.ts";

/** Far more than the sockets' buffers hold. */
const HUGE = new Uint8Array(30_000_000);

Deno.test("a connection that never speaks is closed at the deadline", async () => {
  await using server = new GuardedServer(undefined, { timeoutMs: 200 });
  const began = performance.now();
  using client = await server.connect();
  assertEquals(await client.rest(), "");
  assertDeadline(began, 200);
  assertEquals(server.closed, ["idle_timeout"]);
});

Deno.test("half a request head that drips in byte by byte is closed at the deadline", async () => {
  await using server = new GuardedServer(undefined, { timeoutMs: 200 });
  const began = performance.now();
  using client = await server.connect();
  const drip = setInterval(() => client.send("G").catch(() => {}), 30);
  try {
    assertEquals(await client.rest(), "");
  } finally {
    clearInterval(drip);
  }
  assertDeadline(began, 200);
});

Deno.test("an idle keep-alive connection is closed, counted from its last response", async () => {
  await using server = new GuardedServer(undefined, { timeoutMs: 200 });
  using client = await server.connect();
  await delay(120);
  await client.request("GET /");
  const began = performance.now();
  assertEquals((await client.response()).body, "hello");
  assertEquals(await client.rest(), "");
  assertDeadline(began, 200);
  assertEquals(server.closed, ["keepalive_timeout"]);
});

Deno.test("a connection that asks again before the deadline stays", async () => {
  await using server = new GuardedServer(undefined, { timeoutMs: 200 });
  using client = await server.connect();
  for (let i = 0; i < 5; i++) {
    await client.request("GET /");
    assertEquals((await client.response()).body, "hello");
    await delay(100);
  }
  assertEquals(server.closed, []);
});

Deno.test("a connection on which only pings are answered is closed at the deadline", async () => {
  await using server = new GuardedServer(undefined, { timeoutMs: 300 });
  await using peer = await Http2Peer.open(server.port);
  while (!peer.isOver && await peer.ping()) await delay(20);
  await peer.ended();
  assertEquals(server.closed, ["keepalive_timeout"]);
});

Deno.test("a TLS connection that never asks is closed at the deadline", async () => {
  await using server = new GuardedServer(undefined, { timeoutMs: 200 }, {
    cert,
    key,
  });
  const began = performance.now();
  using beforeHandshake = await server.connect();
  assertEquals(await beforeHandshake.rest(), "");
  assertDeadline(began, 200);
  const { port } = server;
  const client = connectTls({ port, rejectUnauthorized: false });
  const connected = performance.now();
  client.on("error", () => {});
  await new Promise((resolve) => client.on("close", resolve).resume());
  assertDeadline(connected, 200);
});

Deno.test("a running request outlives the deadline, and so does a quiet stream", async () => {
  const forever = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(1)),
  });
  const passed = Promise.withResolvers<void>();
  await using server = new GuardedServer(async ({ url }) => {
    if (url.endsWith("/stream")) return new Response(forever);
    await passed.promise;
    return new Response("late");
  }, { timeoutMs: 200 });
  using stream = await server.connect();
  await stream.request("GET /stream");
  using client = await server.connect();
  await client.request("GET /");
  await deadlinePasses(server);
  passed.resolve();
  assertEquals((await client.response()).body, "late");
  assertEquals(server.closed, ["idle_timeout"]);
  assertEquals(server.guard.count(), 2);
});

Deno.test("an answer that the engine has yet to write when the deadline passes is not lost", async () => {
  let connected = Infinity;
  const overdue = Promise.withResolvers<void>();
  await using server = new GuardedServer(async () => {
    await overdue.promise;
    return new Response("hello");
  }, {
    timeoutMs: 100,
    runningPeers: () => { // as if the request had just ended
      if (performance.now() - connected > 90) overdue.resolve();
      return [];
    },
  });
  connected = performance.now(); // earlier than the kernel's clock starts
  using client = await server.connect();
  await client.request("GET /");
  assertEquals((await client.response()).body, "hello");
});

Deno.test("a quiet WebSocket outlives the deadline", async () => {
  const open: string[] = []; // the server knows, the engine does not tell
  await using server = new GuardedServer((request, { peerKey }) => {
    open.push(peerKey);
    return Deno.upgradeWebSocket(request, { idleTimeout: 0 }).response;
  }, { timeoutMs: 200, runningPeers: () => open });
  const client = new WebSocket(`ws://127.0.0.1:${server.port}/`);
  await new Promise((resolve) => client.onopen = resolve);
  await deadlinePasses(server);
  assertEquals(server.closed, ["idle_timeout"]);
  const closed = new Promise((resolve) => client.onclose = resolve);
  client.close();
  await closed;
});

Deno.test("a peer that takes no bytes is closed, though its request runs", async () => {
  await using server = new GuardedServer(() => new Response(HUGE), {
    timeoutMs: 200,
  });
  using client = await server.connect();
  const began = performance.now();
  await client.request("GET /");
  await until(() => server.closed.length > 0);
  assertEquals(server.closed, ["write_timeout"]);
  assertDeadline(began, 200);
  assertLess(await client.drain(), HUGE.length);
  await until(() => server.guard.count() === 0);
});

Deno.test("a slow reader gets everything, however long it takes", async () => {
  const size = 3_000_000;
  await using server = new GuardedServer(
    () => new Response(HUGE.subarray(0, size)),
    { timeoutMs: 1000 },
  );
  using client = await server.connect();
  await client.request("GET /");
  const began = performance.now();
  while (client.received.length < size) {
    assert(await client.more(), `cut after ${client.received.length} bytes`);
    await delay(30);
  }
  assertGreater(performance.now() - began, 1000);
  assert(!server.closed.includes("write_timeout"));
});

Deno.test("a peer that vanished with bytes on their way is closed", async () => {
  await using server = new GuardedServer(() => new Response(HUGE), {
    timeoutMs: 300,
  });
  using client = await server.connect();
  await client.request("GET /");
  dropAllInput(server.port);
  await until(() => server.closed.length > 0);
  assertEquals(server.closed, ["write_timeout"]);
});

/** Waits until a connection that is opened now, and silent, is closed. */
async function deadlinePasses(server: GuardedServer): Promise<void> {
  using silent = await server.connect();
  assertEquals(await silent.rest(), "");
}

/** Checks that the time since `began` fits a deadline of `ms`. */
function assertDeadline(began: number, ms: number): void {
  const passed = performance.now() - began;
  assertGreater(passed, ms - 20);
  assertLess(passed, ms + 10_000);
}

/** Makes the client end of a connection to `port` deaf: it acknowledges nothing. */
function dropAllInput(port: number): void {
  const libc = openLibc()!;
  const sockets = new Sockets(libc);
  const fd = sockets.descriptors().find((fd) => {
    const peer = sockets.peerAddress(fd);
    return peer !== null && "port" in peer && peer.port === port;
  })!;
  const filter = new Uint8Array([6, 0, 0, 0, 0, 0, 0, 0]); // BPF: return 0
  const program = new BigUint64Array([
    1n, // instruction
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(filter)),
  ]);
  const SO_ATTACH_FILTER = 26;
  libc.symbols.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, 16);
  sockets.close();
}

import { assertEquals, assertNotEquals } from "../../../src/std/assert.ts";
import { addressName, peerKey } from "../../../src/guard/address.ts";
import { Connections } from "../../../src/guard/connections.ts";
import { openLibc, Sockets } from "../../../src/guard/sockets.ts";
import { Slots } from "../../../src/guard/slots.ts";
import { until } from "../../helpers/wait.ts";
import type { RawConnection } from "../../helpers/raw_connection.ts";
import { GuardedServer } from "../guarded_server.ts";

Deno.test("200 keep-alive connections are counted, and none once they have left", async () => {
  await using server = new GuardedServer();
  const clients: RawConnection[] = [];
  for (let i = 0; i < 200; i++) {
    const client = await server.connect();
    await client.request("GET /");
    await client.response();
    clients.push(client);
  }
  assertEquals(server.guard.count(), 200);
  for (const client of clients) client.close();
  await until(() => server.guard.count() === 0);
});

Deno.test("connections that lead out, and those of other listeners, are not seen", async () => {
  await using watched = new GuardedServer(undefined, { timeoutMs: 100 });
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr as Deno.NetAddr;
  using outgoing = await Deno.connect({ hostname: "127.0.0.1", port });
  using accepted = await other.accept();
  assertEquals(watched.guard.count(), 0);
  using silent = await watched.connect();
  assertEquals(await silent.rest(), ""); // The deadline has passed.
  await outgoing.write(new Uint8Array(5));
  assertEquals(await accepted.read(new Uint8Array(9)), 5);
  await accepted.write(new Uint8Array(7));
  assertEquals(await outgoing.read(new Uint8Array(9)), 7);
});

Deno.test("a connection has the name that a request on it has", async () => {
  for (
    const [listen, connect] of [
      ["127.0.0.1", "127.0.0.1"],
      ["0.0.0.0", "127.0.0.1"],
      ["0.0.0.0", "127.1.2.3"],
      ["::1", "::1"],
      ["::", "::1"],
      ["::", "127.0.0.1"],
    ]
  ) {
    using room = openRoom();
    let name = "";
    await using server = Deno.serve(
      { hostname: listen, port: 0, onListen() {} },
      (_request, info) => {
        name = peerKey(info.remoteAddr, addressName(server.addr));
        return new Response();
      },
    );
    room.connections.watch(server.addr);
    using client = await Deno.connect({
      hostname: connect,
      port: server.addr.port,
    });
    await client.write(bytes("GET / HTTP/1.1\r\nhost: test\r\n\r\n"));
    await client.read(new Uint8Array(999));
    room.connections.scan();
    const names = [...room.connections.all()].map(({ peer }) => peer);
    assertEquals(names, [name], `${connect} to ${listen}`);
    assertEquals(room.connections.named(name).length, 1);
  }
});

Deno.test("the connections of several listeners are told apart by its port", async () => {
  using room = openRoom();
  await using first = serve();
  await using second = serve();
  room.connections.watch(first.addr);
  room.connections.watch(second.addr);
  using _one = await Deno.connect({ port: first.addr.port });
  using _two = await Deno.connect({ port: second.addr.port });
  await until(() => room.scan() === 2);
  const ports = [...room.connections.all()]
    .map(({ peer }) => Number(peer.split(":").at(-1)));
  assertEquals(ports, [first.addr.port, second.addr.port]);
});

Deno.test("the connections of a Unix socket are counted", async () => {
  using room = openRoom();
  const folder = await Deno.makeTempDir();
  const path = `${folder}/it's a "söcket"`;
  await using server = Deno.serve(
    { path, onListen() {} },
    () => new Response(),
  );
  room.connections.watch(server.addr);
  const clients = [];
  for (let i = 0; i < 3; i++) {
    clients.push(await Deno.connect({ transport: "unix", path }));
  }
  await until(() => room.scan() === 3);
  const [connection] = room.connections.all();
  assertEquals(connection.tcp, false);
  assertEquals(connection.peer, peerKey(server.addr, path));
  for (const client of clients) client.close();
  await until(() => room.scan() === 0);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a connection that is gone is not mistaken for the next with its descriptor", async () => {
  using room = openRoom();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = listener.addr as Deno.NetAddr;
  room.connections.watch(address);
  const meet = async () => {
    const client = await Deno.connect({ port: address.port });
    return { client, server: await listener.accept() };
  };
  const first = await meet();
  room.connections.scan();
  const [gone] = room.connections.all();
  first.server.close();
  const second = await meet();
  // One end of the second has the very number of the first.
  assertNotEquals(room.sockets.cookie(gone.fd), 0);
  assertEquals(room.sockets.isOpen(gone), false);
  assertEquals(room.sockets.shutdownBoth(gone), false);
  assertEquals(room.sockets.tcpState(gone), null);
  await second.server.write(new Uint8Array(5));
  assertEquals(await second.client.read(new Uint8Array(9)), 5);
  for (const end of [first.client, second.client, second.server]) end.close();
});

function openRoom() {
  const sockets = new Sockets(openLibc()!);
  const connections = new Connections(sockets, Slots.make(1000));
  return {
    sockets,
    connections,
    /** How many connections a scan finds. */
    scan() {
      connections.scan();
      return [...connections.all()].length;
    },
    [Symbol.dispose]: () => sockets.close(),
  };
}

function serve(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(),
  );
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

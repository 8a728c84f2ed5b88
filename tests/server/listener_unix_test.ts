/**
 * Listening at Unix sockets.
 *
 * @module
 */

import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import type { Settings } from "../../src/options/settings.ts";
import type { HttpScope } from "../../src/pagi/types.ts";
import { ListenError } from "../../src/server/listen_address.ts";
import { Server } from "../../src/server/server.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { delay } from "../helpers/wait.ts";
import { listening, observed, receiveAll } from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

const hello = httpApp((_scope, _receive, send) => reply(send, "hello"));

/** Runs `body` with a path for a socket, in a folder of its own. */
async function withPath(body: (path: string) => Promise<void>): Promise<void> {
  const folder = tempFolder("pagi socket ");
  try {
    await body(join(folder, "s ö.sock"));
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), []);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Expects a start to fail; returns the sentence. */
async function failure(settings: Partial<Settings>): Promise<string> {
  const server = new Server(
    hello,
    resolveSettings({
      noAccessLog: true,
      lifespan: "off",
      ...settings,
    }),
  );
  const { message } = await assertRejects(() => server.start(), ListenError);
  return message;
}

Deno.test("on a Unix socket client is absent and the server's port null (PAGI.md 18)", async () => {
  let scope: HttpScope | undefined;
  const app = httpApp(async (given, _receive, send) => {
    scope = given;
    await reply(send, "hello");
  });
  await withPath(async (socket) => {
    await withServer(app, { socket }, async ({ server, connect }) => {
      assertEquals(server.addresses, [{ path: socket }]);
      assertEquals(server.urls, []);
      assert(Deno.lstatSync(socket).isSocket);
      const connection = await connect();
      for (let i = 0; i < 2; i++) {
        await connection.request("GET /");
        assertEquals((await connection.response()).body, "hello");
      }
    });
  });
  assert(!("client" in scope!));
  assertEquals(scope!.server?.[1], null);
  assert(scope!.server?.[0].endsWith("s ö.sock"));
});

Deno.test("--socket-mode sets who may connect", async () => {
  await withPath(async (socket) => {
    for (const socketMode of [0o600, 0o666]) {
      await withServer(hello, { socket, socketMode }, async ({ connect }) => {
        assertEquals(Deno.statSync(socket).mode! & 0o777, socketMode);
        const connection = await connect();
        await connection.request("GET /");
        assertEquals((await connection.response()).body, "hello");
      });
    }
  });
});

Deno.test("a stale socket file is taken over", async () => {
  await withPath(async (socket) => {
    // Closing a listener removes what is at its path by then.
    const gone = Deno.listen({ transport: "unix", path: `${socket}.old` });
    Deno.renameSync(`${socket}.old`, socket);
    gone.close();
    assert(Deno.lstatSync(socket).isSocket);
    await withServer(hello, { socket }, async ({ connect }) => {
      const connection = await connect();
      await connection.request("GET /");
      assertEquals((await connection.response()).body, "hello");
    });
  });
});

Deno.test("a socket that somebody listens at is refused, and left alone", async () => {
  await withPath(async (socket) => {
    await withServer(hello, { socket }, async ({ connect }) => {
      const message = await failure({ socket });
      assert(message.includes("another program listens there"), message);
      const connection = await connect();
      await connection.request("GET /");
      assertEquals((await connection.response()).body, "hello");
    });
  });
});

Deno.test("a socket of another kind is refused, and left alone", async () => {
  await withPath(async (socket) => {
    // A connection to it fails, but nobody has given it up.
    const datagrams = Deno.listenDatagram({
      transport: "unixpacket",
      path: socket,
    });
    const message = await failure({ socket });
    assert(message.includes("another program listens there"), message);
    assert(Deno.lstatSync(socket).isSocket);
    datagrams.close();
    Deno.removeSync(socket);
  });
});

Deno.test("a stop in the midst of many addresses leaves none bound", async () => {
  await withPath(async (socket) => {
    const listen = Array.from({ length: 500 }, (_, i) => ({
      path: `${socket}.${i}`,
    }));
    const server = new Server(
      hello,
      resolveSettings({
        noAccessLog: true,
        lifespan: "off",
        listen,
      }),
    );
    const started = server.start();
    while (server.addresses.length === 0) {
      await delay(0);
    }
    assert(server.addresses.length < listen.length);
    await server.stop();
    await started;
    assertEquals(server.serving, false);
  });
});

Deno.test("a file, a folder or a link in the socket's place is refused, and left alone", async () => {
  await withPath(async (socket) => {
    const kinds: Record<string, () => void> = {
      file: () => Deno.writeTextFileSync(socket, "precious"),
      folder: () => Deno.mkdirSync(socket),
      link: () => Deno.symlinkSync("/dev/null", socket),
    };
    for (const [kind, make] of Object.entries(kinds)) {
      make();
      const message = await failure({ socket });
      assert(
        message.includes("the file there is not a socket"),
        `${kind}: ${message}`,
      );
      assert(message.includes(socket), message);
      Deno.lstatSync(socket);
      Deno.removeSync(socket);
    }
  });
});

Deno.test("a path that cannot be, and one that is too long, give a sentence", async () => {
  await withPath(async (socket) => {
    Deno.writeTextFileSync(socket, "");
    const below = await failure({ socket: `${socket}/below` });
    assert(below.startsWith(`Cannot listen on ${socket}/below: `), below);
    Deno.removeSync(socket);
    const missing = await failure({ socket: `${socket}/missing` });
    assert(missing.startsWith(`Cannot listen on ${socket}/missing: `), missing);
    const long = await failure({ socket: `${socket}${"x".repeat(120)}` });
    assert(long.startsWith("Cannot listen on "), long);
  });
});

Deno.test("when another address cannot be had, the socket's file is removed", async () => {
  await withPath(async (socket) => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr as Deno.NetAddr;
    await failure({
      listen: [{ path: socket }, { host: "127.0.0.1", port }],
    });
  });
});

Deno.test("a stop leaves a successor's socket alone", async () => {
  await withPath(async (socket) => {
    let successor: Deno.Listener | undefined;
    await withServer(hello, { socket }, () => {
      Deno.removeSync(socket);
      successor = Deno.listen({ transport: "unix", path: socket });
      return Promise.resolve();
    });
    assert(Deno.lstatSync(socket).isSocket);
    successor!.close();
  });
});

Deno.test("a WebSocket on a Unix socket, and its end when the server stops (PAGI.md 92)", async () => {
  const { app, result } = listening();
  await withPath(async (socket) => {
    await withServer(app, { socket }, async ({ connect, server }) => {
      const webSocket = await RawWebSocket.open(await connect());
      await webSocket.text("hello");
      await webSocket.send(OPCODE.ping);
      assertEquals((await webSocket.frame())?.opcode, OPCODE.pong);
      const stopped = server.stop();
      assertEquals(await webSocket.closed(), { code: 1001, reason: "" });
      const { messages, end } = await result;
      assertEquals(messages, ["hello"]);
      assertEquals(end.reason, "server_shutdown");
      await stopped;
    });
  });
});

Deno.test("on a Unix socket, where nobody can drop a connection, a peer that does not answer pings is sent a Close", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.keepalive", interval: 0.02, timeout: 0.05 });
    return (await receiveAll(receive)).end;
  });
  await withPath(async (socket) => {
    await withServer(app, { socket }, async ({ connect }) => {
      const webSocket = await RawWebSocket.open(await connect());
      let frame = await webSocket.frame();
      while (frame?.opcode === OPCODE.ping) frame = await webSocket.frame();
      assertEquals(frame?.opcode, OPCODE.close);
      assertEquals(frame?.payload, "\x03\xe9");
      const { code, reason } = await result;
      assertEquals([code, reason], [1006, "keepalive_timeout"]);
    });
  });
});

/**
 * Who asks, where a proxy stands between (`--proxy-headers`).
 *
 * @module
 */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import type { Settings } from "../../src/options/settings.ts";
import type { PagiApp, Scope } from "../../src/pagi/types.ts";
import { CERTIFICATE, certificateFiles } from "../helpers/certificate.ts";
import { Http2Client } from "../helpers/http2_client.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { type TestServer, withServer } from "../helpers/with_server.ts";

type NetScope = Exclude<Scope, { type: "lifespan" }>;

/** Answers any scope, and keeps what it says of the client. */
function watcher(): { app: PagiApp; seen: NetScope[] } {
  const seen: NetScope[] = [];
  const app: PagiApp = async (scope, receive, send) => {
    if (scope.type === "lifespan") throw new Error("not supported");
    seen.push(scope);
    if (scope.type === "websocket") {
      await receive();
      await send({ type: "websocket.accept" });
      return;
    }
    if (scope.type === "sse") return await send({ type: "sse.start" });
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "ok" });
  };
  return { app, seen };
}

const TOLD = [
  "x-forwarded-for: 127.0.0.1, 192.0.2.7:4711",
  "x-forwarded-proto: https",
];

/** The scope of one request with `fields`, and its line in the access log. */
async function seenBy(
  settings: Partial<Settings>,
  ...fields: string[]
): Promise<NetScope> {
  const { app, seen } = watcher();
  await withServer(app, settings, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ...fields);
    assertEquals((await connection.response()).status, 200);
  });
  return seen[0];
}

Deno.test("the host that a trusted proxy forwards is the request's, and has to be an allowed one", async () => {
  const { app, seen } = watcher();
  const settings = { proxyHeaders: true, allowedHosts: ["example.com"] };
  const statusOf = async (
    settings: Partial<Settings>,
    ...fields: string[]
  ): Promise<number> => {
    let status = 0;
    await withServer(app, settings, async ({ connect }) => {
      const connection = await connect();
      await connection.request("GET /", ...fields);
      ({ status } = await connection.response());
    });
    return status;
  };
  assertEquals(
    await statusOf(settings, "x-forwarded-host: example.com:8443"),
    200,
  );
  assertEquals(
    seen[0].headers.filter(([name]) => name === "host"),
    [["host", "example.com:8443"]],
  );
  for (
    const [status, ...fields] of [
      [421, "x-forwarded-host: evil.example"],
      [421, "x-forwarded-host: example.com, evil.example"],
      [400, "x-forwarded-host: example.com/x"],
      [421, "x-forwarded-host: example.com", "x-forwarded-host: evil.example"],
      [400, "x-forwarded-host: "],
    ] as const
  ) assertEquals(await statusOf(settings, ...fields), status, fields.join());
  const untrusted = { ...settings, trustedProxies: [] };
  assertEquals(
    await statusOf(untrusted, "x-forwarded-host: evil.example"),
    200,
  );
  assert(
    seen[1].headers.every(([name, value]) =>
      name !== "host" || value !== "evil.example"
    ),
  );
});

Deno.test("a trusted proxy tells client and scheme, to http, sse and websocket alike", async () => {
  const { app, seen } = watcher();
  await withServer(app, { proxyHeaders: true }, async ({ connect, port }) => {
    const connection = await connect();
    await connection.request("GET /", ...TOLD);
    assertEquals((await connection.response()).body, "ok");
    const events = await connect();
    await events.request("GET /", "accept: text/event-stream", ...TOLD);
    await events.until("\r\n\r\n");
    const socket = await RawWebSocket.open(await connect(), "/", ...TOLD);
    await socket.closed();
    await using client = await Http2Client.open(`http://127.0.0.1:${port}`);
    await client.get(
      "/",
      Object.fromEntries(TOLD.map((field) => field.split(": "))),
    );
  });
  assertEquals(
    seen.map(({ type, scheme, client }) => [type, scheme, client]),
    [
      ["http", "https", ["192.0.2.7", 4711]],
      ["sse", "https", ["192.0.2.7", 4711]],
      ["websocket", "wss", ["192.0.2.7", 4711]],
      ["http", "https", ["192.0.2.7", 4711]],
    ],
  );
  for (const { headers } of seen) {
    const fields = new Map(headers);
    assertEquals(fields.get("x-forwarded-proto"), "https");
  }
});

Deno.test("without --proxy-headers, and from others than trusted proxies, the fields are only fields", async () => {
  for (
    const settings of [
      {},
      { proxyHeaders: true, trustedProxies: ["10.0.0.0/8", "unix:", "::1"] },
      { proxyHeaders: true, trustedProxies: [] },
    ]
  ) {
    const scope = await seenBy(settings, ...TOLD, "forwarded: for=192.0.2.9");
    assertEquals(scope.client?.[0], "127.0.0.1");
    assert(scope.client![1] !== 4711);
    assertEquals(scope.scheme, "http");
    assertEquals(
      new Map(scope.headers).get("x-forwarded-for"),
      "127.0.0.1, 192.0.2.7:4711",
    );
  }
});

Deno.test("a range can be trusted, also where the peer's address is an IPv4 one in IPv6", async () => {
  const trusting = {
    proxyHeaders: true,
    trustedProxies: ["127.0.0.0/8"],
  };
  const { client } = await seenBy(trusting, "x-forwarded-for: 192.0.2.7");
  assertEquals(client, ["192.0.2.7", 0]);

  const { app, seen } = watcher();
  const listen = [{ host: "::", port: 0 }];
  await withServer(app, { ...trusting, listen }, async ({ port }) => {
    const connection = await RawConnection.open({ host: "127.0.0.1", port });
    await connection.request("GET /", "x-forwarded-for: 192.0.2.7");
    await connection.response();
    connection.close();
  });
  assertEquals(seen[0].client, ["192.0.2.7", 0]);
});

Deno.test("peers of one listener are judged each by itself", async () => {
  const { app, seen } = watcher();
  const settings = {
    listen: [{ host: "::", port: 0 }],
    proxyHeaders: true,
    trustedProxies: ["::1"],
  };
  await withServer(app, settings, async ({ port }) => {
    for (const host of ["127.0.0.1", "::1", "127.0.0.1", "::1"]) {
      const connection = await RawConnection.open({ host, port });
      await connection.request("GET /", "x-forwarded-for: 192.0.2.7");
      await connection.response();
      connection.close();
    }
  });
  assertEquals(
    seen.map(({ client }) => client?.[0] === "192.0.2.7"),
    [false, true, false, true],
  );
});

Deno.test("where the proxy tells no address, the client is the proxy, and the scheme that of the connection", async () => {
  for (
    const field of [
      "x: y",
      "x-forwarded-for: unknown",
      "x-forwarded-for: ",
      "x-forwarded-for: fe80::1%eth0",
      `x-forwarded-for: ${",".repeat(7000)}`,
      "x-forwarded-proto: gopher",
      "forwarded: for=_secret",
    ]
  ) {
    const scope = await seenBy({ proxyHeaders: true }, field);
    assertEquals(scope.client?.[0], "127.0.0.1", field.slice(0, 40));
    assertEquals(scope.scheme, "http");
  }
});

Deno.test("a proxy at a Unix socket is trusted as unix:, and without it there is no client", async () => {
  const folder = tempFolder("pagi proxy ");
  const socket = join(folder, "s");
  const clients = async (trustedProxies: string[]) => {
    const { app, seen } = watcher();
    const settings = { socket, proxyHeaders: true, trustedProxies };
    await withServer(app, settings, async ({ connect }) => {
      for (const fields of [["x-forwarded-for: 192.0.2.7"], []]) {
        const connection = await connect();
        await connection.request("GET /", ...fields);
        assertEquals((await connection.response()).body, "ok");
      }
    });
    assertEquals(seen[0].server, [socket, null]);
    return seen.map(({ client }) => client);
  };
  try {
    assertEquals(await clients(["unix:"]), [["192.0.2.7", 0], undefined]);
    assertEquals(await clients(["127.0.0.1"]), [undefined, undefined]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a proxy that comes by TLS may say that the client did not", async () => {
  const { app, seen } = watcher();
  using files = certificateFiles();
  await withServer(app, { ...files, proxyHeaders: true }, async ({ port }) => {
    using client = Deno.createHttpClient({ caCerts: [CERTIFICATE] });
    const url = `https://localhost:${port}`;
    const headers = { forwarded: "for=192.0.2.7;proto=http" };
    await (await fetch(url, { client, headers })).text();
    await (await fetch(url, { client })).text();
  });
  assertEquals(seen.map(({ scheme }) => scheme), ["http", "https"]);
  assertEquals(seen.map(({ client }) => client![0] === "192.0.2.7"), [
    true,
    false,
  ]);
});

Deno.test("the access log shows the client, of refused requests too (PAGI.md 103)", async () => {
  const folder = tempFolder("pagi proxy ");
  const accessLog = join(folder, "access.log");
  const { app } = watcher();
  try {
    await withServer(
      app,
      { proxyHeaders: true, accessLog, accessLogFormat: "%h %s" },
      async ({ connect }) => {
        for (const line of ["GET /", `GET /${"x".repeat(9000)}`]) {
          const connection = await connect();
          await connection.request(line, "connection: close", ...TOLD);
          await connection.rest();
        }
        const socket = await RawWebSocket.open(await connect(), "/", ...TOLD);
        await socket.closed();
        await socket.close(1000);
        await socket.connection.rest();
      },
    );
    assertEquals(
      Deno.readTextFileSync(accessLog).trimEnd().split("\n"),
      ["192.0.2.7 200", "192.0.2.7 414", "192.0.2.7 101"],
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a WebSocket of a Unix socket is given up with a Close, and the others stay, whoever the client is", async () => {
  const folder = tempFolder("pagi proxy ");
  const app: PagiApp = async (scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    if ("path" in scope && scope.path === "/silent") {
      await send({
        type: "websocket.keepalive",
        interval: 0.05,
        timeout: 0.05,
      });
    }
    while ((await receive()).type !== "websocket.disconnect") {
      await send({ type: "websocket.send", text: "here" });
    }
  };
  const settings = {
    socket: join(folder, "s"),
    proxyHeaders: true,
    trustedProxies: ["unix:"],
    lifespan: "off",
  } as const;
  try {
    await withServer(app, settings, async ({ connect }) => {
      const open = async (path: string) =>
        await RawWebSocket.open(await connect(), path, ...TOLD);
      const [one, silent, other] = [
        await open("/"),
        await open("/silent"),
        await open("/"),
      ];
      while ((await silent.frame())?.opcode === OPCODE.ping);
      for (const socket of [one, other]) {
        await socket.text("there?");
        assertEquals(await socket.message(), "here");
        await socket.close(1000);
        await socket.closed();
      }
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("connections are ended by their own address, whoever the client is", async () => {
  const app: PagiApp = async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "half", more: 1 });
    throw new Error("broken");
  };
  const settings = { proxyHeaders: true, lifespan: "off" } as const;
  const cut = async ({ connect }: TestServer): Promise<void> => {
    const connection = await connect();
    await connection.request("GET /", ...TOLD);
    const text = await connection.rest();
    assert(!text.endsWith("0\r\n\r\n"), text);
  };
  await withServer(app, settings, cut);
});

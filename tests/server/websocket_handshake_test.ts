/**
 * How a WebSocket begins: what the app is told, and what the client gets.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import type {
  PagiApp,
  SendEvent,
  WebSocketScope,
} from "../../src/pagi/types.ts";
import { linesOf } from "../helpers/http_app.ts";
import {
  ACCEPT,
  frameBytes,
  KEY,
  OPCODE,
  RawWebSocket,
  UPGRADE,
} from "../helpers/raw_websocket.ts";
import { delay } from "../helpers/wait.ts";
import {
  listening,
  observed,
  receiveAll,
  webSocketApp,
} from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

/** Answers each request with the type of its scope. */
const tellType: PagiApp = async ({ type }, _receive, send) => {
  if (type === "lifespan") throw new Error("not supported");
  if (type === "websocket") {
    await send({ type: "websocket.http.response.start", status: 200 });
    await send({ type: "websocket.http.response.body", body: type });
  } else {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: type });
  }
};

/** The scope that the app gets for an upgrade with `headers`. */
async function scopeOf(
  target: string,
  ...headers: string[]
): Promise<WebSocketScope> {
  const { app, result } = observed((scope) => Promise.resolve(scope));
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request(`GET ${target}`, ...UPGRADE, ...headers);
    await result;
  });
  return await result;
}

Deno.test("the scope describes the connection: path, query, scheme, extensions, no method", async () => {
  const scope = await scopeOf("/caf%C3%A9?a=%20b", "x-one: 1", "cookie: a=b");
  assertEquals(scope.type, "websocket");
  assertEquals(scope.path, "/café");
  assertEquals(scope.raw_path, "/caf%C3%A9");
  assertEquals(scope.query_string, "a=%20b");
  assertEquals(scope.scheme, "ws");
  assertEquals(scope.http_version, "1.1");
  assertEquals(scope.pagi.version, "0.3");
  assertEquals(scope.root_path, "");
  assertEquals(Object.keys(scope.extensions), ["websocket.http.response"]);
  assertEquals(scope.client?.[0], "127.0.0.1");
  assert("pagi.transport" in scope);
  assert(!("method" in scope));
  assert(!("pagi.connection" in scope));
  const fields = new Map(scope.headers);
  assertEquals(fields.get("x-one"), "1");
  assertEquals(fields.get("sec-websocket-key"), KEY);
});

Deno.test("subprotocols are split at commas and trimmed (PAGI.md 65)", async () => {
  const offered = async (...headers: string[]) =>
    (await scopeOf("/", ...headers)).subprotocols;
  assertEquals(await offered(), []);
  assertEquals(await offered("sec-websocket-protocol: chat"), ["chat"]);
  assertEquals(
    await offered("sec-websocket-protocol:  chat ,v2.json,\tx "),
    ["chat", "v2.json", "x"],
  );
  assertEquals(await offered("sec-websocket-protocol: , ,"), []);
});

Deno.test("several fields of subprotocols count as one (PAGI.md 65)", async () => {
  const scope = await scopeOf(
    "/",
    "sec-websocket-protocol: a, b",
    "sec-websocket-protocol: c",
  );
  assertEquals(scope.subprotocols, ["a", "b", "c"]);
});

Deno.test("connect comes first, and nothing reaches the client before accept (PAGI.md 61)", async () => {
  const accept = Promise.withResolvers<void>();
  const { app, result } = observed(async (_scope, receive, send) => {
    const first = await receive();
    await accept.promise;
    await send({ type: "websocket.accept" });
    await receiveAll(receive);
    return first;
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ...UPGRADE);
    const answer = connection.until("\r\n\r\n");
    const early = await Promise.race([
      answer,
      delay(30).then(() => "nothing" as const),
    ]);
    assertEquals(early, "nothing");
    accept.resolve();
    const head = await answer;
    assert(head.startsWith("HTTP/1.1 101 "));
    assert(
      head.toLowerCase().includes(
        `sec-websocket-accept: ${ACCEPT}`.toLowerCase(),
      ),
    );
    connection.close();
    assertEquals(await result, { type: "websocket.connect" });
  });
});

Deno.test("an upgrade that accepts event streams is a WebSocket (PAGI.md 48)", async () => {
  const scope = await scopeOf("/", "accept: text/event-stream");
  assertEquals(scope.type, "websocket");
});

Deno.test("what lacks a part of the upgrade is no WebSocket", async () => {
  const full = new Map(
    UPGRADE.map((line) => line.split(": ") as [string, string]),
  );
  const typeOf = async (
    line: string,
    change: Record<string, string | null>,
  ): Promise<string> => {
    let body = "";
    await withServer(tellType, {}, async ({ connect }) => {
      const fields = new Map<string, string | null>([
        ...full,
        ...Object.entries(change),
      ]);
      const connection = await connect();
      await connection.request(
        line,
        ...[...fields].flatMap(([name, value]) =>
          value === null ? [] : `${name}: ${value}`
        ),
      );
      body = (await connection.response()).body;
    });
    return body;
  };
  assertEquals(await typeOf("GET /", {}), "websocket");
  assertEquals(
    await typeOf("GET /", { connection: "keep-alive, UPGRADE" }),
    "websocket",
  );
  assertEquals(
    await typeOf("GET /", { upgrade: "h2c, WebSocket" }),
    "websocket",
  );
  assertEquals(await typeOf("GET /", { "sec-websocket-key": null }), "http");
  assertEquals(await typeOf("GET /", { upgrade: "h2c" }), "http");
  assertEquals(await typeOf("GET /", { connection: "keep-alive" }), "http");
  assertEquals(await typeOf("POST /", {}), "http");
  assertEquals(
    await typeOf("GET /", {
      connection: "keep-alive",
      accept: "text/event-stream",
    }),
    "sse",
  );
});

Deno.test("another version of the WebSocket protocol gets 426 without an app call", async () => {
  let called = false;
  const app = webSocketApp(() => {
    called = true;
    return Promise.resolve();
  });
  await withServer(app, {}, async ({ connect }) => {
    for (const version of ["sec-websocket-version: 8", "x-no: version"]) {
      const connection = await connect();
      await connection.request(
        "GET /",
        ...UPGRADE.filter((line) => !line.includes("version")),
        version,
      );
      const response = await connection.response();
      assertEquals(response.status, 426);
      assertEquals(response.headers.get("sec-websocket-version"), "13");
    }
  });
  assertEquals(called, false);
});

Deno.test("accept takes a subprotocol and headers to the client", async () => {
  const { app, result } = observed(async (_scope, receive, send) => {
    await send({
      type: "websocket.accept",
      subprotocol: "v2.json",
      headers: [
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["X-Name", "caf\xe9"],
        ["connection", "close"],
        ["transfer-encoding", "chunked"],
        // With these a client would fail the handshake.
        ["Upgrade", "h2c"],
        ["sec-websocket-accept", "made up"],
        ["Sec-WebSocket-Extensions", "permessage-deflate"],
        ["sec-websocket-version", "13"],
        ["sec-websocket-protocol", "chat"],
      ],
    });
    return await receiveAll(receive);
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request(
      "GET /",
      ...UPGRADE,
      "sec-websocket-protocol: chat, v2.json",
    );
    const { status, headers } = await connection.response();
    assertEquals(status, 101);
    assertEquals(headers.get("sec-websocket-protocol"), "v2.json");
    assertEquals(headers.get("set-cookie"), "a=1, b=2");
    assertEquals(headers.get("x-name"), "caf\xe9");
    assertEquals(headers.get("connection")?.toLowerCase(), "upgrade");
    assertEquals(headers.get("transfer-encoding"), undefined);
    assertEquals(headers.get("upgrade"), "websocket");
    assertEquals(headers.get("sec-websocket-accept"), ACCEPT);
    assertEquals(headers.get("sec-websocket-extensions"), undefined);
    assertEquals(headers.get("sec-websocket-version"), undefined);
    connection.close();
    await result;
  });
});

for (
  const [offer, wrong] of [
    [null, { subprotocol: "mine" }],
    ["chat, v2.json", { subprotocol: "mine" }],
    ["chat, v2.json", { subprotocol: "Chat" }],
    ["chat, v2.json", { headers: [["Sec-WebSocket-Protocol", "mine"]] }],
    ["chat, v2.json", {
      headers: [["sec-websocket-protocol", "chat, v2.json"]],
    }],
  ] as const
) {
  Deno.test(`the subprotocol of ${JSON.stringify(wrong)} rejects where ${offer} was offered, and a good accept still opens`, async () => {
    const app = webSocketApp(async (_scope, _receive, send) => {
      await assertRejects(
        () => send({ type: "websocket.accept", ...wrong } as SendEvent),
        TypeError,
        `the client offered ${offer === null ? "none" : '"chat", "v2.json"'}`,
      );
      await send({ type: "websocket.accept" });
    });
    await withServer(app, {}, async ({ connect, log }) => {
      const connection = await connect();
      const fields = offer === null ? [] : [`sec-websocket-protocol: ${offer}`];
      await connection.request("GET /", ...UPGRADE, ...fields);
      const { status, headers } = await connection.response();
      assertEquals(status, 101);
      assertEquals(headers.has("sec-websocket-protocol"), false);
      assertEquals(linesOf("error", log), []);
    });
  });
}

Deno.test("a malformed subprotocol or header rejects, and a good accept still opens (PAGI.md 6, 8, 9, 10, 66)", async () => {
  const app = webSocketApp(async (_scope, _receive, send) => {
    const bad = (event: Record<string, unknown>) =>
      assertRejects(
        () => send({ type: "websocket.accept", ...event }),
        TypeError,
        "websocket.accept",
      );
    await bad({ subprotocol: "a b" });
    await bad({ subprotocol: "a,b" });
    await bad({ subprotocol: "" });
    await bad({ subprotocol: 7 });
    await bad({ headers: [["x", "a\r\nset-cookie: evil=1"]] });
    await bad({ headers: [["x\n", "a"]] });
    await bad({ headers: [["x", "\0"]] });
    await bad({ headers: [["x", "\u0100"]] });
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.send", text: "open" });
  });
  await withServer(app, {}, async ({ connect, log }) => {
    const connection = await connect();
    const socket = await RawWebSocket.open(connection);
    assertEquals(await socket.message(), "open");
    assertEquals(linesOf("error", log), []);
  });
});

Deno.test("a second accept is ignored", async () => {
  const app = webSocketApp(async (_scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.accept", subprotocol: "late" });
    await send({ type: "websocket.send", text: "once" });
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals(await socket.message(), "once");
    assertEquals(await socket.closed(), { code: 1000, reason: "" });
  });
});

Deno.test("a client that leaves before accept is told as a disconnect, and accept does nothing", async () => {
  const asked = Promise.withResolvers<void>();
  const { app, result } = observed(async (_scope, receive, send) => {
    asked.resolve();
    const events = [await receive(), await receive(), await receive()];
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.send", text: "nobody" });
    return events;
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ...UPGRADE);
    await asked.promise;
    connection.close();
    const end = {
      type: "websocket.disconnect",
      code: 1006,
      reason: "client_closed",
    };
    assertEquals<unknown[]>(await result, [
      { type: "websocket.connect" },
      end,
      end,
    ]);
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("an app that does not wait for accept loses nothing", async () => {
  const app = webSocketApp(async (_scope, _receive, send) => {
    const all = [
      send({ type: "websocket.accept" }),
      send({ type: "websocket.send", text: "one" }),
      send({ type: "websocket.send", text: "two" }),
      send({ type: "websocket.close", code: 3001, reason: "done" }),
    ];
    await Promise.all(all);
  });
  await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    assertEquals(await socket.message(), "one");
    assertEquals(await socket.message(), "two");
    assertEquals(await socket.closed(), { code: 3001, reason: "done" });
  });
});

Deno.test("an app that returns without waiting for accept gets a Close 1000, one that throws 1011", async () => {
  const app = webSocketApp((scope, _receive, send) => {
    void send({ type: "websocket.accept" });
    if (scope.path === "/throw") throw new Error("thrown at once");
    return Promise.resolve();
  });
  await withServer(app, {}, async ({ connect, server }) => {
    for (const [path, code] of [["/", 1000], ["/throw", 1011]] as const) {
      const socket = await RawWebSocket.open(await connect(), path);
      assertEquals(await socket.closed(), { code, reason: "" });
      await socket.close(code);
      assert(await socket.connection.ended());
    }
    assert(server.serving);
  });
});

Deno.test("the state is shared with WebSockets, its top level private (PAGI.md 19, 20)", async () => {
  const seen: unknown[] = [];
  const app: PagiApp = async (scope, receive, send) => {
    if (scope.type === "lifespan") {
      await receive();
      Object.assign(scope.state!, { shared: { visits: 0 }, own: "start" });
      await send({ type: "lifespan.startup.complete" });
      await receive();
      await send({ type: "lifespan.shutdown.complete" });
      return;
    }
    const state = scope.state as { shared: { visits: number }; own: string };
    seen.push([state.shared.visits, state.own]);
    state.shared.visits++;
    state.own = "mine";
    await send({ type: "websocket.close" });
  };
  await withServer(app, {}, async ({ connect }) => {
    for (let i = 0; i < 2; i++) {
      const connection = await connect();
      await connection.request("GET /", ...UPGRADE);
      assertEquals((await connection.response()).status, 403);
    }
  });
  assertEquals(seen, [[0, "start"], [1, "start"]]);
});

Deno.test("frames that come before the app accepts are the first messages", async () => {
  const accept = Promise.withResolvers<void>();
  const { app, result } = observed(async (_scope, receive, send) => {
    await accept.promise;
    await send({ type: "websocket.accept" });
    return await receiveAll(receive);
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", ...UPGRADE);
    await connection.send(frameBytes(OPCODE.text, "early"));
    await connection.send(frameBytes(OPCODE.close, new Uint8Array([3, 0xe8])));
    accept.resolve();
    await connection.until("\r\n\r\n");
    assertEquals((await result).messages, ["early"]);
  });
});

Deno.test("an open WebSocket is logged at its end, with 101 and its bytes", async () => {
  const folder = Deno.makeTempDirSync();
  const accessLog = `${folder}/access.log`;
  try {
    const { app } = listening();
    const echo = webSocketApp(async (scope, receive, send) => {
      await app(scope, receive, async (event) => {
        await send(event);
        await send({ type: "websocket.send", text: "é😀" });
        await send({ type: "websocket.send", bytes: new Uint8Array(3) });
      });
    });
    const settings = { accessLog, accessLogFormat: "%m %U%q %s %B %H" };
    const denying = webSocketApp((scope, receive, send) =>
      scope.path === "/no"
        ? send({ type: "websocket.close" })
        : echo(scope, receive, send)
    );
    await withServer(denying, settings, async ({ connect }) => {
      const refused = await connect();
      await refused.request("GET /no", ...UPGRADE);
      await refused.response();
      const socket = await RawWebSocket.open(await connect(), "/a?b");
      await socket.frame();
      await socket.close(1000);
      assert(await socket.connection.ended());
    });
    assertEquals(
      Deno.readTextFileSync(accessLog),
      "GET /no 403 10 HTTP/1.1\nGET /a?b 101 9 HTTP/1.1\n",
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

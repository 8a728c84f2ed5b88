/** WebSockets through the proxy, in front of real and of rude targets. */

import { acceptValue } from "../../src/apps/proxy/serve_websocket.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { fieldOf, RawUpstream } from "../helpers/raw_upstream.ts";
import type { UpstreamPeer } from "../helpers/raw_upstream.ts";
import {
  KEY,
  OPCODE,
  RawWebSocket,
  UPGRADE,
} from "../helpers/raw_websocket.ts";
import { listening, webSocketApp } from "../helpers/websocket_app.ts";
import { withProxy } from "../helpers/with_proxy.ts";
import { withServer } from "../helpers/with_server.ts";

/** Sends back what it gets. */
const echo: PagiApp = webSocketApp(async ({ subprotocols }, receive, send) => {
  await receive();
  await send({
    type: "websocket.accept",
    subprotocol: subprotocols.at(-1),
    headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]],
  });
  for (;;) {
    const event = await receive();
    if (event.type === "websocket.disconnect") return;
    if (event.type !== "websocket.receive") continue;
    const { text, bytes } = event;
    await send(
      text === undefined
        ? { type: "websocket.send", bytes }
        : { type: "websocket.send", text },
    );
  }
});

/** How a target begins to agree to a WebSocket. */
const SWITCH =
  "HTTP/1.1 101 X\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\n";

/** Accepts a handshake of the proxy, then talks as `serve` does. */
function accepting(
  serve: (peer: UpstreamPeer) => Promise<unknown>,
  ...fields: string[]
): RawUpstream {
  return new RawUpstream(async (peer) => {
    const key = fieldOf(await peer.head(), "sec-websocket-key") ?? "";
    await peer.raw.send([
      "HTTP/1.1 101 Switching Protocols",
      "connection: upgrade",
      "upgrade: websocket",
      `sec-websocket-accept: ${await acceptValue(key)}`,
      ...fields,
      "",
      "",
    ].join("\r\n"));
    await serve(peer);
  });
}

Deno.test("text, bytes and the subprotocol go through a WebSocket both ways", async () => {
  await withServer(echo, {}, async (upstream) => {
    await withProxy(upstream.url, async (proxy) => {
      const client = await proxy.connect();
      await client.request(
        "GET /a%2Fb?c",
        ...UPGRADE,
        "sec-websocket-protocol: one, two",
        "sec-websocket-extensions: permessage-deflate",
      );
      const head = await client.until("\r\n\r\n");
      assertMatch(head, /^HTTP\/1\.1 101 /);
      assertEquals(fieldOf(head, "sec-websocket-protocol"), "two");
      assertEquals(fieldOf(head, "sec-websocket-extensions"), null);
      assertEquals(fieldOf(head, "set-cookie"), "a=1 | b=2");
    });
    await withProxy(upstream.url, async (proxy) => {
      const client = await RawWebSocket.open(await proxy.connect());
      for (const size of [0, 1, 125, 126, 65535, 65536]) {
        await client.text("x".repeat(size));
        assertEquals((await client.message()).length, size);
        await client.send(OPCODE.binary, new Uint8Array(size).fill(0xff));
        const frame = await client.frame();
        assertEquals(frame?.opcode, OPCODE.binary);
        assertEquals(frame?.payload, "\xff".repeat(size));
      }
      await client.text("h\u00e4llo \u{1f600}");
      assertEquals(await client.message(), "h\xc3\xa4llo \xf0\x9f\x98\x80");
      await client.close(1000);
      assertEquals((await client.closed())?.code, 1000);
    });
  });
});

Deno.test("a client's ending reaches the target", async () => {
  const cases: [
    (client: RawWebSocket) => unknown,
    { code: number; reason: string },
  ][] = [
    [(client) => client.close(1000, "done"), { code: 1000, reason: "done" }],
    [(client) => client.close(4321, "\u00e9"), {
      code: 4321,
      reason: "\u00e9",
    }],
    [(client) => client.close(), { code: 1005, reason: "" }],
    [(client) => client.connection.close(), {
      code: 1006,
      reason: "client_closed",
    }],
  ];
  for (const [leave, { code, reason }] of cases) {
    const { app, result } = listening();
    await withServer(app, {}, async (upstream) => {
      await withProxy(upstream.url, async (proxy) => {
        const client = await RawWebSocket.open(await proxy.connect());
        await client.text("first");
        await leave(client);
        const { messages, end } = await result;
        assertEquals(messages, ["first"]);
        assertEquals([end.code, end.reason], [code, reason]);
      });
    });
  }
});

Deno.test("a target's ending reaches the client", async () => {
  // What the target writes after the handshake, and what the client gets.
  const cases: [wire: string, code: number, reason: string][] = [
    ["\x88\x06\x03\xe8done", 1000, "done"],
    ["\x88\x05\x10\xe1bye", 4321, "bye"],
    // PAGI has no way to close without a code.
    ["\x88\x00", 1000, ""],
    ["\x88\x03\x03\xf4x", 1012, "x"],
    ["\x88\x02\x03\xf5", 1013, ""],
    ["\x88\x02\x03\xf6", 1014, ""],
    // Gone without a Close.
    ["", 1011, ""],
    ["\x81\x7f", 1011, ""],
  ];
  for (const [wire, code, reason] of cases) {
    await using upstream = accepting(async ({ raw }) => {
      await raw.send(wire);
    });
    await withProxy(upstream.url, async (proxy) => {
      const client = await RawWebSocket.open(await proxy.connect());
      assertEquals(await client.closed(), { code, reason });
      await client.close(code);
    });
  }
});

Deno.test("a target that breaks the protocol is told so, and the client loses it", async () => {
  const cases: [wire: string, code: number][] = [
    ["\xc1\x01x", 1002], // a reserved bit
    ["\x83\x00", 1002], // a reserved opcode
    ["\x8b\x00", 1002], // a reserved control opcode
    ["\x81\x81\0\0\0\0x", 1002], // a mask
    ["\x80\x01x", 1002], // a continuation of nothing
    ["\x01\x01x\x81\x01x", 1002], // a message within another
    ["\x09\x00", 1002], // a ping in fragments
    ["\x89\x7e\x00\x7e" + "x".repeat(126), 1002], // too long a ping
    ["\x88\x01\x03", 1002], // half a code
    ["\x88\x02\x03\xee", 1002], // 1006
    ["\x88\x02\x00\x00", 1002],
    ["\x81\x01\xff", 1007],
    ["\x88\x03\x03\xe8\xff", 1007],
    ["\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 1009],
    ["\x02\x7f\0\0\0\0\x04\0\0\x01", 1009],
  ];
  for (const [wire, code] of cases) {
    const told = Promise.withResolvers<string>();
    await using upstream = accepting(async ({ raw }) => {
      await raw.send(wire);
      told.resolve(await raw.rest());
    });
    await withProxy(upstream.url, async (proxy) => {
      const client = await RawWebSocket.open(await proxy.connect());
      assertEquals(await client.closed(), { code: 1011, reason: "" });
      await client.close(1011);
      assertEquals(unmasked(await told.promise), [
        "\x88",
        String.fromCharCode(code >> 8, code & 0xff),
      ], JSON.stringify(wire));
    });
  }
});

Deno.test("a burst of messages reaches a target that reads later, and none is lost", async () => {
  const count = 5000;
  const received = Promise.withResolvers<number>();
  const sent = Promise.withResolvers<void>();
  await using upstream = accepting(async ({ raw }) => {
    await sent.promise;
    let frames = 0;
    while (frames < count && await raw.read(10) !== null) frames++;
    received.resolve(frames);
    await raw.send("\x88\x02\x03\xe8");
    await raw.ended();
  });
  await withProxy(upstream.url, async (proxy) => {
    const client = await RawWebSocket.open(await proxy.connect());
    await client.connection.send("\x81\x84\0\0\0\0ping".repeat(count));
    sent.resolve();
    assertEquals(await received.promise, count);
    assertEquals(await client.closed(), { code: 1000, reason: "" });
    await client.close(1000);
  });
});

Deno.test("fragments become one message, pings are answered in between", async () => {
  const pong = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<void>();
  await using upstream = accepting(async ({ raw }) => {
    for (const byte of "\x01\x02h\xc3\x89\x02hi\x8a\x00\x00\x00\x80\x01\xa4") {
      await raw.send(byte);
    }
    pong.resolve(await raw.read(8) ?? "");
    await raw.ended();
    ended.resolve();
  });
  await withProxy(upstream.url, async (proxy) => {
    const client = await RawWebSocket.open(await proxy.connect());
    assertEquals(await client.message(), "h\xc3\xa4");
    assertEquals(unmasked(await pong.promise), ["\x8a", "hi"]);
    client.connection.close();
    await ended.promise;
  });
});

Deno.test("a client that leaves in the handshake ends the target's", async () => {
  const asked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    asked.resolve();
    await raw.ended();
    ended.resolve();
  });
  await withProxy(upstream.url, async (proxy) => {
    const client = await proxy.connect();
    await client.request("GET /", ...UPGRADE);
    await asked.promise;
    client.close();
    await ended.promise;
  });
});

Deno.test("a message in many small frames is one message", async () => {
  const length = 20_000;
  const ended = Promise.withResolvers<void>();
  await using upstream = accepting(async ({ raw }) => {
    await raw.send(
      "\x01\x01a" + "\x00\x01b\x00\x00".repeat(length) + "\x80\x01c",
    );
    await raw.ended();
    ended.resolve();
  });
  await withProxy(upstream.url, async (proxy) => {
    const client = await RawWebSocket.open(await proxy.connect());
    assertEquals(await client.message(), `a${"b".repeat(length)}c`);
    client.connection.close();
    await ended.promise;
  });
});

Deno.test("messages that come with the handshake are not lost", async () => {
  const ended = Promise.withResolvers<void>();
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    const key = fieldOf(await head(), "sec-websocket-key") ?? "";
    const accept = await acceptValue(key);
    await raw.send(
      `${SWITCH}sec-websocket-accept: ${accept}\r\n\r\n\x81\x02hi`,
    );
    await raw.ended();
    ended.resolve();
  });
  await withProxy(upstream.url, async (proxy) => {
    const client = await RawWebSocket.open(await proxy.connect());
    assertEquals(await client.message(), "hi");
    client.connection.close();
    await ended.promise;
  });
});

Deno.test("the target gets a handshake of the proxy's own", async () => {
  await using upstream = RawUpstream.answering(
    "HTTP/1.1 403 X\r\ncontent-length: 0\r\n\r\n",
  );
  await withProxy(`${upstream.url}/base`, async (proxy) => {
    const client = await proxy.connect();
    await client.request(
      "GET //a/%2e/?b",
      ...UPGRADE,
      "sec-websocket-extensions: permessage-deflate",
      "sec-websocket-protocol: a, b",
      "origin: http://a.example",
      "cookie: a=b",
    );
    await client.response();
  });
  const [head] = upstream.heads;
  assertMatch(head, /^GET \/base\/\/a\/%2e\/\?b HTTP\/1\.1\r\n/);
  assertEquals(fieldOf(head, "connection"), "upgrade");
  assertEquals(fieldOf(head, "upgrade"), "websocket");
  assertEquals(fieldOf(head, "sec-websocket-version"), "13");
  assertEquals(fieldOf(head, "sec-websocket-protocol"), "a, b");
  assertEquals(fieldOf(head, "sec-websocket-extensions"), null);
  assertEquals(fieldOf(head, "origin"), "http://a.example");
  assertEquals(fieldOf(head, "cookie"), "a=b");
  assertEquals(fieldOf(head, "x-forwarded-proto"), "http");
  assertMatch(fieldOf(head, "sec-websocket-key") ?? "", /^[\w+/]{22}==$/);
  assertEquals(fieldOf(head, "sec-websocket-key") === KEY, false);
});

Deno.test("what the target refuses is denied the client, with status, fields and body", async () => {
  for (const status of [200, 302, 401, 403, 426, 503]) {
    await using upstream = RawUpstream.answering(
      `HTTP/1.1 ${status} X\r\ncontent-length: 3\r\nx-why: y\r\n\r\nno!`,
    );
    await withProxy(upstream.url, async (proxy) => {
      const client = await proxy.connect();
      await client.request("GET /", ...UPGRADE);
      const response = await client.response();
      assertEquals([response.status, response.body], [status, "no!"]);
      assertEquals(response.headers.get("x-why"), "y");
    });
  }
});

Deno.test("a target that cannot be reached or agrees to something else is a 502", async () => {
  const right = async (head: string) =>
    await acceptValue(fieldOf(head, "sec-websocket-key") ?? "");
  const answers: ((head: string) => Promise<string> | string)[] = [
    () => "garbage\r\n\r\n",
    () => `${SWITCH}\r\n`,
    () => `${SWITCH}sec-websocket-accept: wrong\r\n\r\n`,
    async (head) =>
      `${SWITCH}sec-websocket-accept: ${await right(
        head,
      )}\r\nsec-websocket-protocol: other\r\n\r\n`,
    async (head) =>
      `${SWITCH}sec-websocket-accept: ${await right(
        head,
      )}\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n`,
    async (head) =>
      `HTTP/1.1 101 X\r\nsec-websocket-accept: ${await right(head)}\r\n\r\n`,
    async (head) =>
      `HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: h2c\r\nsec-websocket-accept: ${await right(
        head,
      )}\r\n\r\n`,
    () => `HTTP/1.1 403 X\r\ncontent-length: 2000000\r\n\r\n${"x".repeat(2e6)}`,
    () => "HTTP/1.1 403 X\r\ncontent-length: 20\r\n\r\nbroken off",
  ];
  for (const answer of answers) {
    await using upstream = new RawUpstream(async ({ raw, head }) => {
      await raw.send(await answer(await head()));
    });
    await withProxy(upstream.url, async (proxy) => {
      const client = await proxy.connect();
      await client.request("GET /", ...UPGRADE);
      const { status, body } = await client.response();
      assertEquals([status, body], [502, "Bad Gateway"], answer.toString());
    });
  }
  await withProxy("http://127.0.0.1:1", async (proxy) => {
    const client = await proxy.connect();
    await client.request("GET /", ...UPGRADE);
    assertEquals((await client.response()).status, 502);
  });
});

Deno.test("a server that stops sends the target away with 1001", async () => {
  const { app, result } = listening();
  await withServer(app, {}, async (upstream) => {
    await withProxy(upstream.url, async (proxy) => {
      const client = await RawWebSocket.open(await proxy.connect());
      const stopped = proxy.server.stop();
      assertEquals((await client.closed())?.code, 1001);
      await client.close(1001);
      assertEquals((await result).end.code, 1001);
      await stopped;
    });
  });
});

/** First byte and payload of a short masked frame. */
function unmasked(frame: string): [first: string, payload: string] {
  const mask = frame.slice(2, 6);
  const payload = [...frame.slice(6)].map((unit, i) =>
    String.fromCharCode(unit.charCodeAt(0) ^ mask.charCodeAt(i % 4))
  );
  return [frame[0], payload.join("")];
}

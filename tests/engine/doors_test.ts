/** What the server uses of Deno's internals, and how it does without each. */

import { doorLines, doors, shutDoor, tryDoors } from "../../src/engine/mod.ts";
import { ownDescriptors } from "../../src/engine/own_descriptors.ts";
import { closeInfoOfError } from "../../src/server/websocket/close_info.ts";
import { fetchApp } from "../../src/loader/fetch_app.ts";
import { checkShareable } from "../../src/process/shared_addresses.ts";
import type { HeaderList } from "../../src/pagi/types.ts";
import { ListenError } from "../../src/server/listen_address.ts";
import { assert, assertEquals, assertThrows } from "../../src/std/assert.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { frameBytes, OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { listening, observed, receiveAll } from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

/** Each door with what becomes of the server where it is shut. */
const SHUT: Record<string, () => Promise<void>> = {
  async "request header list"() {
    assertEquals(await fieldsOf("X-B: 1", "X-A: 2", "x-b: 3"), [
      ["host", "h"],
      ["x-a", "2"],
      ["x-b", "1, 3"],
    ]);
  },

  async "request body bytes"() {
    assertEquals(await echoOf("POST"), "hello");
  },

  async "body of GET"() {
    assertEquals(await echoOf("GET"), "");
    assertEquals(await echoOf("POST"), "hello");
  },

  async "HTTP version"() {
    assertEquals(await statusWithoutHost(), 200);
  },

  async "response parts"() {
    const fields: HeaderList = [["x-one", "1"], ["x-two", "2"], ["x-one", "3"]];
    const app = httpApp(async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 404, headers: fields });
      await send({ type: "http.response.body", body: "caf\u00e9" });
    });
    await withServer(app, {}, async ({ connect }) => {
      const client = await connect();
      await client.request("GET /");
      const { status, headers, body } = await client.response();
      assertEquals([status, body], [404, "caf\u00c3\u00a9"]);
      assertEquals(headers.get("x-one"), "1, 3");
      assertEquals(headers.has("content-type"), false);
    });
  },

  async "stream reads"() {
    const pieces = Array.from({ length: 100 }, (_, i) => `piece ${i};`);
    const app = httpApp(async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      for (const body of pieces) {
        await send({ type: "http.response.body", body, more: 1 });
      }
      await send({ type: "http.response.body" });
    });
    await withServer(app, {}, async ({ connect }) => {
      const client = await connect();
      await client.request("GET /");
      assertEquals((await client.response()).body, pieces.join(""));
    });
  },

  async "request body reads"() {
    await isServedByScope();
  },

  async "watched reads"() {
    await isServedByScope();
  },

  async "cancelled requests"() {
    const left = Promise.withResolvers<string>();
    const app = httpApp(async (_scope, receive) => {
      await receive();
      left.resolve((await receive()).type);
    });
    await withServer(app, {}, async ({ connect }) => {
      {
        using client = await connect();
        await client.request("GET /");
      }
      assertEquals(await left.promise, "http.disconnect");
    });
  },

  async "signal abort"() {
    const app = fetchApp({ fetch: () => new Promise<Response>(() => {}) });
    const settings = {
      timeout: 0.1,
      lifespan: "off",
      // The handler never ends.
      shutdownTimeout: 0.1,
    } as const;
    await withServer(app, settings, async ({ connect }) => {
      const client = await connect();
      await client.request("GET /");
      assertEquals((await client.response()).status, 503);
    });
  },

  async "WebSocket ping"() {
    const { app, result } = observed(async (_scope, receive, send) => {
      await send({ type: "websocket.accept" });
      await send({ type: "websocket.keepalive", interval: 0.001 });
      return await receiveAll(receive);
    });
    const log = await withServer(app, {}, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      await socket.text("still here");
      await socket.close(1000);
      assertEquals((await result).messages, ["still here"]);
    });
    assert(log.some((line) => line.includes("websocket.keepalive is ignored")));
  },

  async "WebSocket pause"() {
    const { app, result } = observed(async (_scope, receive, send) => {
      await send({ type: "websocket.accept" });
      return await receiveAll(async () => {
        await Deno.stat("."); // the whole burst comes meanwhile
        return await receive();
      });
    });
    await withServer(app, { maxReceiveQueue: 2 }, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      const burst = Array.from(
        { length: 500 },
        () => [...frameBytes(OPCODE.text, "x")],
      );
      await socket.connection.send(Uint8Array.from(burst.flat()));
      assertEquals((await socket.closed())?.code, 1008);
      await socket.close(1008);
      assertEquals((await result).end.reason, "queue_overflow");
    });
  },

  async "WebSocket close"() {
    const { app } = observed(async (_scope, receive, send) => {
      await send({ type: "websocket.accept" });
      await send({ type: "websocket.close", code: 4001, reason: "go" });
      return await receiveAll(receive);
    });
    await withServer(app, {}, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      assertEquals(await socket.closed(), { code: 4001, reason: "go" });
    });
  },

  async "error texts"() {
    assertEquals(closeInfoOfError("Invalid UTF-8").reason, "client_closed");
    const { app, result } = listening();
    await withServer(app, {}, async ({ connect }) => {
      const socket = await RawWebSocket.open(await connect());
      await socket.send(OPCODE.text, Uint8Array.of(0xff));
      assertEquals((await result).end.code, 1006);
    });
  },

  "event loop's epoll"() {
    assertEquals(ownDescriptors(), null);
    assertThrows(
      () => checkShareable([{ path: "/tmp/unused" }]),
      ListenError,
      "with several workers",
    );
    return Promise.resolve();
  },
};

async function fieldsOf(...fields: string[]): Promise<HeaderList> {
  let seen: HeaderList = [];
  const app = httpApp(async ({ headers }, _receive, send) => {
    seen = headers;
    await reply(send);
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    const lines = ["GET / HTTP/1.1", "Host: h", ...fields, "", ""];
    await client.send(lines.join("\r\n"));
    assertEquals((await client.response()).status, 200);
  });
  return seen;
}

/** What an app gets of a request's body, `hello`. */
async function echoOf(method: string): Promise<string> {
  let seen = "";
  const app = httpApp(async (_scope, receive, send) => {
    for (let more = true; more;) {
      const event = await receive();
      assert(event.type === "http.request");
      seen += new TextDecoder().decode(event.body);
      more = Boolean(event.more);
    }
    await reply(send);
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.send(
      `${method} / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello`,
    );
    assertEquals((await client.response()).status, 200);
  });
  return seen;
}

async function statusWithoutHost(): Promise<number> {
  let status = 0;
  const app = httpApp((_scope, _receive, send) => reply(send));
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.send("GET / HTTP/1.1\r\n\r\n");
    status = (await client.response()).status;
  });
  return status;
}

Deno.test("this Deno has all that the server uses of its internals", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await tryDoors();
  const lines = doorLines().filter((line) => !line.startsWith("open  "));
  assertEquals(lines, []);
});

Deno.test("each thing is named once, with its reason, its loss and its source", () => {
  assertEquals(
    doors().map(({ facts }) => facts.name),
    Object.keys(SHUT).sort(),
  );
  for (const { facts: { name, gives, otherwise, source } } of doors()) {
    for (const text of [gives, otherwise]) assert(text.length > 20, name);
    assert(/^denoland\/deno(#\d+| (ext|runtime)\/)/.test(source), source);
  }
});

for (const [name, check] of Object.entries(SHUT)) {
  Deno.test(`the server works without Deno's ${name}`, async () => {
    using _ = shutDoor(name);
    await check();
  });
}

Deno.test("the server works without any of them", async () => {
  using stack = new DisposableStack();
  for (const { facts } of doors()) stack.use(shutDoor(facts.name));
  assertEquals(doorLines().filter((line) => line.startsWith("open")), []);
  for (
    const name of ["request header list", "stream reads", "WebSocket ping"]
  ) await SHUT[name]();
});

Deno.test("with all of them the same requests fare better", async () => {
  assertEquals(await fieldsOf("X-B: 1", "X-A: 2", "x-b: 3"), [
    ["host", "h"],
    ["x-b", "1"],
    ["x-a", "2"],
    ["x-b", "3"],
  ]);
  assertEquals(await echoOf("GET"), "hello");
  assertEquals(await statusWithoutHost(), 400);
  assertEquals(closeInfoOfError("Invalid UTF-8").code, 1007);
});

Deno.test("there is no shutting what is not there", () => {
  assertThrows(() => shutDoor("no such"), TypeError, '"no such"');
});

/** A fetch handler gets a request, whatever it is made of. */
async function isServedByScope(): Promise<void> {
  const app = fetchApp({
    fetch: async (request) => new Response(await request.text()),
  });
  await withServer(app, { lifespan: "off" }, async ({ url }) => {
    const response = await fetch(url, { method: "POST", body: "hello" });
    assertEquals(await response.text(), "hello");
  });
}

/**
 * How a server stops (PAGI.md 6).
 *
 * @module
 */

import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import type { HttpScope, PagiApp } from "../../src/pagi/types.ts";
import { CLIENT_TIME, IDLE_MS, LEAVE_MS } from "../../src/server/drain.ts";
import { Server } from "../../src/server/server.ts";
import { httpApp, linesOf, reply } from "../helpers/http_app.ts";
import { OPCODE, RawWebSocket, UPGRADE } from "../helpers/raw_websocket.ts";
import { appFor, observing } from "../helpers/scope_app.ts";
import { delay, until } from "../helpers/wait.ts";
import { listening, observed, receiveAll } from "../helpers/websocket_app.ts";
import { type TestServer, withServer } from "../helpers/with_server.ts";

const ACCEPT = "accept: text/event-stream";
/** Stops the server; resolves with the milliseconds that took. */
async function timedStop({ server }: TestServer): Promise<number> {
  const began = performance.now();
  await server.stop();
  return performance.now() - began;
}

/** Resolves once connections are refused; one on its way may be reset. */
async function refused(port: number): Promise<void> {
  while (true) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return;
    }
    await delay(1);
  }
}

/** An app that answers once `go` is called; `inside` tells that it runs. */
function held(body = "done"): {
  app: PagiApp;
  inside: Promise<void>;
  go: () => void;
} {
  const inside = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<void>();
  const app = httpApp(async (_scope, _receive, send) => {
    inside.resolve();
    await promise;
    await reply(send, body);
  });
  return { app, inside: inside.promise, go: resolve };
}

Deno.test("running requests finish, new connections are refused (PAGI.md 91)", async () => {
  const { app, inside, go } = held();
  await withServer(app, {}, async ({ connect, server, port }) => {
    const connection = await connect();
    await connection.request("GET /");
    await inside;
    const stopped = server.stop();
    assertEquals(server.serving, false);
    await refused(port);
    go();
    assertEquals((await connection.response()).body, "done");
    assertEquals(await connection.rest(), "");
    await stopped;
  });
});

Deno.test({
  name:
    "clients that are to leave are told with their next answer, which the connection's end follows",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const app = httpApp((_scope, _receive, send) => reply(send, "hello"));
    await withServer(app, {}, async ({ connect, server }) => {
      const kept = await connect();
      const ask = async (connection: typeof kept) => {
        await connection.request("GET /");
        return (await connection.response()).headers.get("connection");
      };
      assertEquals(await ask(kept), undefined);
      server.leave();
      // Nothing closes before it was told, and new connections are taken.
      assertEquals(await ask(await connect()), "close");
      assertEquals(await ask(kept), "close");
      assertEquals(await kept.rest(), "");
    });
  },
});

Deno.test("a stop tells clients of kept connections before it closes them", async () => {
  const app = httpApp((_scope, _receive, send) => reply(send, "hello"));
  await withServer(app, {}, async ({ connect, server }) => {
    const connection = await connect();
    await connection.request("GET /");
    await connection.response();
    const stopped = server.stop();
    await connection.request("GET /");
    const { status, headers } = await connection.response();
    assertEquals([status, headers.get("connection")], [200, "close"]);
    await stopped;
  });
});

Deno.test({
  name: "clients that have sent nothing for a second are not waited for",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const app = httpApp((_scope, _receive, send) => reply(send, "hello"));
    await withServer(app, {}, async ({ connect, server }) => {
      const connection = await connect();
      await connection.request("GET /");
      await connection.response();
      const { guard } = server;
      assertEquals(guard!.activeWithin(3_600_000).size, 1);
      await until(() => guard!.activeWithin(IDLE_MS).size === 0);
      const usual = CLIENT_TIME.leave;
      CLIENT_TIME.leave = 3_600_000; // Who waits for it never ends.
      try {
        await server.stop();
      } finally {
        CLIENT_TIME.leave = usual;
      }
      assertEquals(await connection.rest(), "");
    });
  },
});

Deno.test("an upload under way goes on to its end, and is answered (PAGI.md 91)", async () => {
  const app = httpApp(async (_scope, receive, send) => {
    let text = "";
    for (let more = true; more;) {
      const event = await receive() as { body?: Uint8Array; more?: unknown };
      text += new TextDecoder().decode(event.body);
      more = Boolean(event.more);
    }
    await reply(send, text);
  });
  await withServer(app, {}, async ({ connect, server }) => {
    const connection = await connect();
    await connection.send(
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhello",
    );
    await delay(50); // until it runs
    const stopped = server.stop();
    await delay(LEAVE_MS + 100);
    await connection.send("world");
    const { status, body } = await connection.response();
    assertEquals([status, body], [200, "helloworld"]);
    await stopped;
  });
});

Deno.test("a response that streams goes on to its end (PAGI.md 91)", async () => {
  const inside = Promise.withResolvers<void>();
  const app = httpApp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    for (let i = 0; i < 5; i++) {
      await send({ type: "http.response.body", body: `${i}`, more: 1 });
      inside.resolve();
      await delay(10);
    }
    await send({ type: "http.response.body", body: "end" });
  });
  await withServer(app, {}, async ({ connect, server }) => {
    const connection = await connect();
    await connection.request("GET /");
    await inside.promise;
    const stopped = server.stop();
    assertEquals((await connection.response()).body, "01234end");
    await stopped;
  });
});

Deno.test("a slow client gets all that the app has sent", async () => {
  const app = httpApp((_scope, _receive, send) =>
    reply(send, "x".repeat(5_000_000))
  );
  await withServer(app, {}, async ({ connect, server }) => {
    const connection = await connect();
    await connection.request("GET /");
    await connection.until("\r\n\r\n");
    const stopped = server.stop();
    let total = connection.received.length;
    await connection.read(connection.received.length);
    for (let part; (part = await connection.read(50_000)) !== null;) {
      total += part.length;
      if (total < 1_000_000) await delay(5);
    }
    assertEquals(total + connection.received.length, 5_000_000);
    await stopped;
  });
});

Deno.test("connections without a request end at once: new, in mid-head, and idle", async () => {
  const app = httpApp((_scope, _receive, send) => reply(send, "ok"));
  await withServer(app, {}, async (test) => {
    const fresh = await test.connect();
    const line = await test.connect();
    await line.send("GET / HT");
    const head = await test.connect();
    await head.send("GET / HTTP/1.1\r\nhost: x\r\n");
    const idle = await test.connect();
    await idle.request("GET /");
    await idle.response();
    const again = await test.connect();
    await again.request("GET /");
    await again.response();
    await again.send("GET / HTTP/1.1\r\nhost: x\r\n");
    const took = await timedStop(test);
    assert(took < 10_000, `${took} ms`);
    for (const connection of [fresh, line, head, idle, again]) {
      assertEquals(await connection.rest(), "");
    }
  });
});

Deno.test("event streams end at once, with server_shutdown (PAGI.md 92)", async () => {
  const { app, result } = observing("sse", async (_scope, receive, send) => {
    await receive();
    await send({ type: "sse.start" });
    await send({ type: "sse.keepalive", interval: 0.001 });
    await send({ type: "sse.send", data: "hello" });
    const end = await receive();
    await send({ type: "sse.send", data: "late" });
    return end;
  });
  const log = await withServer(app, {}, async (test) => {
    const connection = await test.connect();
    await connection.request("GET /", ACCEPT);
    await connection.until("data: hello\n\n");
    const took = await timedStop(test);
    assert(took < 10_000, `${took} ms`);
    assertEquals<unknown>(await result, {
      type: "sse.disconnect",
      reason: "server_shutdown",
    });
    // For the client it is a good end, so that it connects again.
    const rest = await connection.rest();
    assert(rest.endsWith("0\r\n\r\n"), JSON.stringify(rest));
    assert(!rest.includes("late"));
  });
  assertEquals(linesOf("error", log), []);
  assertEquals(linesOf("warn", log), []);
});

Deno.test("an event stream that starts while the server stops ends at once", async () => {
  const inside = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const { app, result } = observing("sse", async (_scope, receive, send) => {
    await receive();
    inside.resolve();
    await go.promise;
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "late" });
    return await receive();
  });
  await withServer(app, {}, async ({ connect, server }) => {
    const connection = await connect();
    await connection.request("GET /", ACCEPT);
    await inside.promise;
    const stopped = server.stop();
    go.resolve();
    assertEquals((await connection.response()).body, "");
    assertEquals<unknown>(await result, {
      type: "sse.disconnect",
      reason: "server_shutdown",
    });
    await stopped;
  });
});

Deno.test("WebSockets get a Close 1001, and their apps server_shutdown at once (PAGI.md 92)", async () => {
  const { app, result } = listening();
  await withServer(app, {}, async (test) => {
    const socket = await RawWebSocket.open(await test.connect());
    await socket.text("hello");
    await socket.send(OPCODE.ping);
    assertEquals((await socket.frame())?.opcode, OPCODE.pong);
    const took = await timedStop(test);
    assert(took < 10_000, `${took} ms`);
    assertEquals(await socket.closed(), { code: 1001, reason: "" });
    assertEquals(await socket.frame(), null);
    const { messages, end } = await result;
    assertEquals(messages, ["hello"]);
    assertEquals([end.code, end.reason], [1006, "server_shutdown"]);
  });
});

Deno.test("a server that is replaced closes its WebSockets with 1012", async () => {
  const { app, result } = listening();
  await withServer(app, {}, async ({ connect, server }) => {
    const socket = await RawWebSocket.open(await connect());
    await server.stop("replaced");
    assertEquals((await socket.closed())?.code, 1012);
    assertEquals((await result).end.reason, "server_shutdown");
  });
});

Deno.test("a WebSocket that is accepted while the server stops is closed at once", async () => {
  const inside = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const { app, result } = observed(async (_scope, receive, send) => {
    inside.resolve();
    await go.promise;
    await send({ type: "websocket.accept" });
    return (await receiveAll(receive)).end;
  });
  await withServer(app, {}, async ({ connect, server }) => {
    const connection = await connect();
    await connection.request("GET /", ...UPGRADE);
    await inside.promise;
    const stopped = server.stop();
    go.resolve();
    assertEquals((await result).reason, "server_shutdown");
    await stopped;
    assert(await connection.ended());
  });
});

Deno.test("an app may take its time after server_shutdown, and is waited for", async () => {
  const steps: string[] = [];
  const { app } = observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    await receiveAll(receive);
    await delay(50);
    steps.push("app is done");
  });
  await withServer(app, {}, async ({ connect, server }) => {
    const socket = await RawWebSocket.open(await connect());
    await server.stop();
    steps.push("stopped");
    await socket.closed();
  });
  assertEquals(steps, ["app is done", "stopped"]);
});

Deno.test("at the deadline what still runs is named and cut, and its app told", async () => {
  const told: string[] = [];
  const inside = [0, 1].map(() => Promise.withResolvers<void>());
  const app = httpApp(async (scope, receive, send) => {
    scope["pagi.connection"].onDisconnect((reason) => told.push(reason));
    if (scope.path === "/upload") {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "part", more: 1 });
      inside[1].resolve();
    } else {
      await receive();
      inside[0].resolve();
    }
    await new Promise(() => {}); // for ever
  });
  const settings = { shutdownTimeout: 0.15 };
  const log = await withServer(app, settings, async (test) => {
    const slow = await test.connect();
    await slow.request("GET /slow%20one?q=1");
    const upload = await test.connect();
    await upload.request("POST /upload", "content-length: 5");
    await Promise.all(inside.map(({ promise }) => promise));
    const took = await timedStop(test);
    assert(took > 145 && took < 10_000, `${took} ms`);
    assert(!(await slow.rest()).includes("200"));
    assert(!(await upload.rest()).includes("0\r\n\r\n"));
  });
  assertEquals(told, ["server_shutdown", "server_shutdown"]);
  const warnings = linesOf("warn", log);
  assertEquals(warnings.length, 2);
  assert(
    /GET \/slow%20one \(\d+\.\d s, response open\)/.test(warnings[0]),
    warnings[0],
  );
  assert(
    /POST \/upload \(\d+\.\d s, response streaming\)/.test(warnings[1]),
    warnings[1],
  );
});

Deno.test("a WebSocket's app that ignores the end is named at the deadline, too", async () => {
  const { app } = observed(async (_scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    await new Promise(() => {});
  });
  const settings = { shutdownTimeout: 0.1 };
  const log = await withServer(app, settings, async ({ connect, server }) => {
    const socket = await RawWebSocket.open(await connect(), "/chat");
    await server.stop();
    assertEquals((await socket.closed())?.code, 1001);
  });
  const [warning] = linesOf("warn", log);
  assert(/GET \/chat \(\d+\.\d s, response .+\)/.test(warning), warning);
});

Deno.test("a second stop forces, and both end together", async () => {
  const { app, inside } = held();
  const log = await withServer(app, {}, async ({ connect, server }) => {
    const connection = await connect();
    await connection.request("GET /slow");
    await inside;
    const began = performance.now();
    const first = server.stop();
    const second = server.stop();
    await Promise.all([first, second]);
    const took = performance.now() - began;
    assert(took < 10_000, `${took} ms`);
    assert(await connection.ended());
  });
  assert(linesOf("warn", log)[0].includes("GET /slow"));
});

Deno.test("a further stop ends the app's shutdown as well", async () => {
  const down = Promise.withResolvers<void>();
  const app = appFor("lifespan", async (_scope, receive, send) => {
    await receive();
    await send({ type: "lifespan.startup.complete" });
    await receive();
    down.resolve();
    await new Promise(() => {});
  });
  await withServer(app, {}, async ({ server }) => {
    const began = performance.now();
    const stopped = server.stop();
    await down.promise;
    server.stop();
    await stopped;
    const took = performance.now() - began;
    assert(took < 10_000, `${took} ms`);
  });
});

Deno.test("a server that never started stops, and does not start any more", async () => {
  let called = false;
  const app: PagiApp = () => {
    called = true;
    return Promise.resolve();
  };
  const server = new Server(
    app,
    resolveSettings({ port: 0, noAccessLog: true }),
  );
  await server.stop();
  await server.start();
  assertEquals([server.serving, server.addresses, called], [false, [], false]);
});

Deno.test("a forced stop still lets the app shut down", async () => {
  const steps: string[] = [];
  const inside = Promise.withResolvers<void>();
  const app: PagiApp = async (scope, receive, send) => {
    if (scope.type === "lifespan") {
      await receive();
      await send({ type: "lifespan.startup.complete" });
      await receive();
      await delay(30);
      steps.push("app is down");
      return;
    }
    inside.resolve();
    await new Promise(() => {});
  };
  await withServer(app, {}, async ({ connect, server }) => {
    const connection = await connect();
    await connection.request("GET /");
    await inside.promise;
    const stopped = server.stop();
    server.stop();
    await stopped;
    steps.push("stopped");
  });
  assertEquals(steps, ["app is down", "stopped"]);
});

/** The connections at `port` whose server side some process still holds. */
function heldAt(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const [, ...lines] = Deno.readTextFileSync("/proc/net/tcp").split("\n");
  return lines.map((line) => line.trim().split(/\s+/)).filter((columns) =>
    columns[1]?.endsWith(local) && columns[9] !== "0"
  ).length;
}

Deno.test("when the stop is over, the server's side of every connection is closed", async () => {
  const full = Promise.withResolvers<void>();
  const app: PagiApp = async (scope, receive, send) => {
    if (scope.type === "lifespan") throw new Error("not supported");
    if (scope.type === "websocket") {
      await send({ type: "websocket.accept" });
      await receive();
    } else {
      const connection = (scope as HttpScope)["pagi.connection"];
      await send({ type: "http.response.start", status: 200 });
      if (scope.path === "/flood") {
        const body = new Uint8Array(1 << 20);
        setTimeout(full.resolve, 50);
        for (let i = 0; i < 100 && connection.isConnected(); i++) {
          await send({ type: "http.response.body", body, more: 1 });
        }
      }
      await send({ type: "http.response.body", body: "part", more: 1 });
    }
    await new Promise(() => {});
  };
  await withServer(app, { shutdownTimeout: 0.05 }, async (test) => {
    const streaming = await test.connect();
    await streaming.request("GET /");
    await streaming.until("part");
    await RawWebSocket.open(await test.connect());
    await (await test.connect()).send("GET");
    // This one takes nothing of what it is sent.
    await (await test.connect()).request("GET /flood");
    await full.promise;
    assertEquals(heldAt(test.port), 5);
    await test.server.stop();
    assertEquals(heldAt(test.port), 0);
  });
});

import { configureLog } from "../../src/log/log.ts";
import type { HttpScope, PagiApp, Scope } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../../src/std/assert.ts";
import { DeclinedError, TestClient, TimeoutError } from "../../testing/mod.ts";
import { httpApp, readBody, reply } from "../helpers/http_app.ts";
import { webSocketApp } from "../helpers/websocket_app.ts";
import { appFor } from "../helpers/scope_app.ts";
import { delay } from "../helpers/wait.ts";

const HELLO = httpApp((_scope, _receive, send) => reply(send, '{"a":1}'));
const SLOW = { timeout: 0.05 };

Deno.test("a request gives status, headers, body and all events", async () => {
  const app = httpApp((_scope, _receive, send) =>
    reply(send, '{"a":1}', [["x-a", "1"]], 201)
  );
  const response = await new TestClient(app).request("/");
  assertEquals(response.status, 201);
  assertEquals(response.headers.get("x-a"), "1");
  assertEquals(response.text, '{"a":1}');
  assertEquals(response.json(), { a: 1 });
  assertEquals(response.body, new TextEncoder().encode('{"a":1}'));
  assertEquals(response.events.map(({ type }) => type), [
    "http.response.start",
    "http.response.body",
  ]);
});

Deno.test("the scope is the request's, with what a test puts there", async () => {
  let seen: Scope | undefined;
  const app = httpApp((scope, _receive, send) => {
    seen = scope;
    return reply(send);
  });
  await new TestClient(app).request("/%C3%A9/../b?c", {
    method: "PATCH",
    headers: [["X-A", "1"], ["x-a", "2"]],
    scope: { root_path: "/mount", "my.user": "Ada" },
  });
  const { method, path, raw_path, query_string, headers, ...rest } =
    seen as HttpScope;
  assertEquals([method, path, raw_path, query_string], [
    "PATCH",
    "/é/../b",
    "/%C3%A9/../b",
    "c",
  ]);
  assertEquals(headers, [["host", "localhost"], ["x-a", "1"], ["x-a", "2"]]);
  assertEquals([rest.root_path, rest["my.user"]], ["/mount", "Ada"]);
});

Deno.test("a target that is no path fails, and is not taken for a host", async () => {
  const client = new TestClient(HELLO);
  for (const target of ["hello", "http://example.org/", "", "?q", "*"]) {
    await assertRejects(
      () => client.request(target),
      TypeError,
      `${JSON.stringify(target)} is no target; it starts with "/"`,
    );
  }
});

Deno.test("an app receives a body whole, or piece by piece as it asks", async () => {
  const app = httpApp(async (_scope, receive, send) => {
    const parts: string[] = [];
    while (true) {
      const event = await receive();
      assert(event.type === "http.request");
      parts.push(new TextDecoder().decode(event.body));
      if (!event.more) break;
    }
    await reply(send, parts.join("|"));
  });
  const client = new TestClient(app);
  assertEquals((await client.request("/", { body: "ab" })).text, "ab");
  const pieces = ["a", new Uint8Array([98]), "c"];
  assertEquals((await client.request("/", { body: pieces })).text, "a|b|c|");
});

Deno.test("what an app throws fails the test, or is answered as on the server", async () => {
  const app = httpApp(() => Promise.reject(new RangeError("on purpose")));
  await assertRejects(
    () => new TestClient(app).request("/"),
    RangeError,
    "on purpose",
  );
  const lenient = new TestClient(app, { appErrors: "answer" });
  assertEquals((await lenient.request("/")).status, 500);
});

Deno.test("an app that does not answer fails the test", async () => {
  await assertRejects(
    () => new TestClient(httpApp(() => Promise.resolve())).request("/x"),
    Error,
    "GET /x: the app returned without a response.",
  );
  const half = httpApp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "a", more: 1 });
  });
  await assertRejects(
    () => new TestClient(half).request("/x"),
    Error,
    "GET /x: the response was cut short; of the app: it last sent http.response.body with more: 1 and has returned.",
  );
});

Deno.test("an app that takes too long fails the test, which says where it stands", async () => {
  const never = new Promise<void>(() => {});
  const cases: [PagiApp, string][] = [
    [httpApp(() => never), "it has sent nothing and waits for something"],
    [
      httpApp(async (_scope, receive, send) => {
        await send({ type: "http.response.start", status: 200 });
        await send({ type: "http.response.body", more: 1 });
        await receive();
        await receive();
        await never;
      }),
      "did not finish its response within 0.05 s; it last sent http.response.body with more: 1 and waits in receive().",
    ],
    [
      httpApp(async (_scope, _receive, send) => {
        await reply(send);
        await never;
      }),
      "did not return within 0.05 s; it last sent http.response.body and waits for something of its own.",
    ],
  ];
  for (const [app, message] of cases) {
    await assertRejects(
      () => new TestClient(app, SLOW).request("/x"),
      TimeoutError,
      message,
    );
  }
});

Deno.test("a client that leaves in mid-response tells the app", async () => {
  const notes: unknown[] = [];
  const app = httpApp(async (scope, receive, send) => {
    const connection = scope["pagi.connection"];
    connection.onDisconnect((reason) => notes.push(reason));
    await receive();
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "first", more: 1 });
    notes.push(await receive(), connection.isConnected());
    await send({ type: "http.response.body", body: "unheard" });
  });
  await using stream = await new TestClient(app).stream("/");
  assertEquals(stream.status, 200);
  assertEquals(
    new TextDecoder().decode(await stream.next() ?? undefined),
    "first",
  );
  await stream.close();
  assertEquals(notes, ["client_closed", { type: "http.disconnect" }, false]);
});

Deno.test("a client may leave before there is an answer", async () => {
  const app = httpApp(async (_scope, receive) => {
    await receive();
    const { type } = await receive();
    assertEquals(type, "http.disconnect");
  });
  const client = new TestClient(app, SLOW);
  await assertRejects(() => client.stream("/"), TimeoutError, "start its");
});

Deno.test("an app that waits for its client to leave has nothing left behind, and nothing logged", async () => {
  const lines: string[] = [];
  configureLog({ level: "warn", write: (line) => lines.push(line) });
  try {
    const app = httpApp(async (_scope, receive, send) => {
      await receive();
      void receive();
      // Clients are watched after 100 ms at most.
      await delay(150);
      await reply(send, "late");
    });
    const { text } = await new TestClient(app).request("/");
    assertEquals(text, "late");
    // Deno's sanitizer finds the timer of a request that is answered sooner.
    const quick = httpApp(async (_scope, receive, send) => {
      await receive();
      void receive();
      await reply(send, "soon");
    });
    assertEquals((await new TestClient(quick).request("/")).text, "soon");
  } finally {
    configureLog({ level: "warn" });
  }
  assertEquals(lines, []);
});

Deno.test("a stream is read piece by piece", async () => {
  const app = httpApp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    for (const body of ["a", "b"]) {
      await send({ type: "http.response.body", body, more: 1 });
    }
    await send({ type: "http.response.body" });
  });
  const pieces: string[] = [];
  const stream = await new TestClient(app).stream("/");
  for await (const piece of stream) {
    pieces.push(new TextDecoder().decode(piece));
  }
  assertEquals(pieces, ["a", "b"]);
});

Deno.test("the lifespan runs around the requests, and shares its state", async () => {
  const notes: string[] = [];
  const app: PagiApp = async (scope, receive, send) => {
    if (scope.type !== "lifespan") {
      return await reply(send, JSON.stringify(scope.state));
    }
    notes.push((await receive()).type);
    scope.state!.name = "Ada";
    await send({ type: "lifespan.startup.complete" });
    notes.push((await receive()).type);
    await send({ type: "lifespan.shutdown.complete" });
  };
  {
    await using client = await new TestClient(app).start();
    assertEquals((await client.request("/")).json(), { name: "Ada" });
    assertEquals(notes, ["lifespan.startup"]);
  }
  assertEquals(notes, ["lifespan.startup", "lifespan.shutdown"]);
});

Deno.test("an app that cannot start fails the test", async () => {
  const app: PagiApp = async (_scope, _receive, send) => {
    await send({ type: "lifespan.startup.failed", message: "no database" });
  };
  await assertRejects(
    () => new TestClient(app).start(),
    Error,
    "The app failed to start: no database",
  );
});

Deno.test("an event stream gives events, comments and its end", async () => {
  const app = appFor("sse", async (_scope, receive, send) => {
    await send({ type: "sse.start" });
    await send({ type: "sse.comment", comment: "hello" });
    await send({ type: "sse.send", data: "a\nb", event: "tick", id: "1" });
    await send({ type: "sse.send", data: "", retry: 5 });
    await receive();
  });
  const stream = await new TestClient(app).sse("/");
  assertEquals([stream.status, await stream.next()], [200, {
    event: "tick",
    data: "a\nb",
    id: "1",
    retry: null,
  }]);
  const rest = await Array.fromAsync(stream);
  assertEquals(rest, [{ event: "message", data: "", id: null, retry: 5 }]);
  assertEquals(stream.comments, ["hello"]);
});

Deno.test("an app learns that the client of a stream has left", async () => {
  let reason = "";
  const app = appFor("sse", async (_scope, receive, send) => {
    await send({ type: "sse.start" });
    await send({ type: "sse.keepalive", interval: 0.01, comment: "still" });
    await receive();
    const event = await receive();
    if (event.type === "sse.disconnect") reason = event.reason;
  });
  await using stream = await new TestClient(app, SLOW).sse("/");
  await assertRejects(() => stream.next(), TimeoutError, "waits in receive()");
  assert(stream.comments.length > 0);
  await stream.close();
  assertEquals(reason, "client_closed");
});

Deno.test("a stream or a WebSocket that is declined fails with the answer", async () => {
  const app: PagiApp = async (scope, _receive, send) => {
    if (scope.type === "lifespan") return;
    const of = scope.type as "sse" | "websocket";
    await send({ type: `${of}.http.response.start`, status: 401 });
    await send({ type: `${of}.http.response.body`, body: "Who?" });
  };
  const client = new TestClient(app);
  for (const ask of [() => client.sse("/"), () => client.websocket("/")]) {
    const error = await assertRejects(ask, DeclinedError, "status 401: Who?");
    assertEquals([error.response.status, error.response.text], [401, "Who?"]);
  }
  const closing = webSocketApp(async (_scope, _receive, send) => {
    await send({ type: "websocket.close" });
  });
  await assertRejects(
    () => new TestClient(closing).websocket("/chat"),
    DeclinedError,
    "GET /chat: the app declined with status 403",
  );
});

Deno.test("a WebSocket passes messages until either side closes it", async () => {
  const app = webSocketApp(async (scope, receive, send) => {
    await receive();
    const subprotocol = scope.subprotocols.at(-1);
    await send({ type: "websocket.accept", subprotocol });
    while (true) {
      const event = await receive();
      if (event.type !== "websocket.receive") {
        return assertEquals(event, {
          type: "websocket.disconnect",
          code: 4001,
          reason: "done",
        });
      }
      await send({ type: "websocket.send", text: `${event.text}!` });
    }
  });
  await using socket = await new TestClient(app)
    .websocket("/", { subprotocols: ["a", "b"] });
  assertEquals(socket.subprotocol, "b");
  socket.send("one");
  socket.send("two");
  assertEquals([await socket.receive(), await socket.receive()], [
    "one!",
    "two!",
  ]);
  await socket.close(4001, "done");
  assertThrows(() => socket.send("more"), Error, "the WebSocket is closed");
  await assertRejects(
    () => socket.receive(),
    Error,
    'GET /: no message came; the WebSocket was closed with 4001 "done".',
  );
});

Deno.test("an app learns that a WebSocket was lost, and that the server stops", async () => {
  const ends: unknown[] = [];
  const app = webSocketApp(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    ends.push(await receive());
  });
  const client = new TestClient(app);
  const lost = await client.websocket("/");
  await lost.drop();
  const stopped = await client.websocket("/");
  await client.stop();
  assertEquals(await stopped.closed(), { code: 1001, reason: "" });
  const type = "websocket.disconnect";
  assertEquals(ends, [
    { type, code: 1006, reason: "client_closed" },
    { type, code: 1006, reason: "server_shutdown" },
  ]);
});

Deno.test("what an app throws on a WebSocket fails the wait for its message", async () => {
  const app = webSocketApp(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    throw new RangeError("on purpose");
  });
  const socket = await new TestClient(app).websocket("/");
  await assertRejects(() => socket.receive(), RangeError, "on purpose");
});

Deno.test("a WebSocket without a message in time says where the app stands", async () => {
  const app = webSocketApp(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await receive();
  });
  const socket = await new TestClient(app, SLOW).websocket("/");
  await assertRejects(
    () => socket.receive(),
    TimeoutError,
    "GET /: the app did not send within 0.05 s; it last sent websocket.accept and waits in receive().",
  );
});

Deno.test("the server's limits hold, and wrong settings are errors", async () => {
  const app = httpApp(async (_scope, receive, send) => {
    await reply(send, await readBody(receive));
  });
  const client = new TestClient(app, { settings: { maxBodySize: 2 } });
  assertEquals((await client.request("/", { body: "abc" })).status, 413);
  assertThrows(
    () => new TestClient(HELLO, { settings: { maxBody: 2 } as never }),
    Error,
    'unknown setting "maxBody"',
  );
  assertThrows(
    () => new TestClient(HELLO, { settings: { workers: 2 } as never }),
    Error,
    "setting workers is for the program",
  );
});

Deno.test("requests of one client may run side by side", async () => {
  const gate = Promise.withResolvers<void>();
  const app = httpApp(async (scope, _receive, send) => {
    if (scope.path === "/first") await gate.promise;
    else gate.resolve();
    await reply(send, scope.path);
  });
  const client = new TestClient(app);
  const both = await Promise.all([
    client.request("/first"),
    client.request("/second"),
  ]);
  assertEquals(both.map(({ text }) => text), ["/first", "/second"]);
});

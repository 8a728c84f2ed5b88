import type { SendEvent } from "../../src/pagi/types.ts";
import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { runApp } from "../helpers/run_app.ts";
import { until } from "../helpers/wait.ts";
import { Client } from "./client.ts";
import { app, source } from "./fetching.ts";

Deno.test("fetchApp() sends an answer that is no stream as one pair of events", async () => {
  const bytes = new Uint8Array(100_000).fill(7);
  const cases: [Response, body: SendEvent & { type: "http.response.body" }][] =
    [
      [new Response("hello"), {
        type: "http.response.body",
        body: "hello",
      }],
      [new Response(bytes), {
        type: "http.response.body",
        body: bytes,
      }],
      [new Response(null), { type: "http.response.body" }],
    ];
  for (const [response, body] of cases) {
    const { events: sent } = await runApp(app(() => response));
    assertEquals(sent.length, 2);
    assertEquals(sent[0].type, "http.response.start");
    assertEquals(sent[1], body);
  }
});

Deno.test("fetchApp() keeps status, header fields and every set-cookie", async () => {
  const { status, headers } = await runApp(app(() =>
    new Response("", {
      status: 203,
      headers: [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["X-A", "1"]],
    })
  ));
  assertEquals(status, 203);
  assertEquals(headers.filter(([name]) => name === "set-cookie"), [
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ]);
  assertEquals(headers.find(([name]) => name === "x-a"), ["x-a", "1"]);
});

Deno.test("fetchApp() sends no body for HEAD, 204 and 304", async () => {
  const { body, pulled, cancelled } = source(["never"]);
  const head = await runApp(app(() => new Response(body)), { method: "HEAD" });
  assertEquals(head.text, "");
  assertEquals(head.events.length, 2);
  assertEquals(pulled(), 0);
  await cancelled;
  for (const status of [204, 304]) {
    const { events: sent } = await runApp(
      app(() => new Response(null, { status })),
    );
    assertEquals(sent.at(-1), { type: "http.response.body" });
  }
});

Deno.test("fetchApp() lets the head leave before a slow body", async () => {
  const { body } = source([]);
  const client = new Client(app(() => new Response(body)));
  await until(() => client.sent.length === 2);
  assertEquals(client.sent[1], { type: "http.response.body", more: true });
  client.leave();
  await client.finished;
});

Deno.test("fetchApp() streams a body only as fast as the client takes it", async () => {
  const { body, pulled } = source(["a", "b", "c", "d"]);
  const gate = Promise.withResolvers<void>();
  let sending = 0;
  const client = new Client(app(() => new Response(body)), {
    sending: () => ++sending > 2 ? gate.promise : Promise.resolve(),
  });
  await until(() => sending === 3);
  assertEquals(client.text, "a");
  assertEquals(pulled(), 2);
  gate.resolve();
  await until(() => client.text === "abcd");
  client.leave();
  await client.finished;
});

Deno.test("fetchApp() does not report a handler that gives up with the client", async () => {
  const client = new Client(app((request) =>
    new Promise((_, reject) => {
      request.signal.addEventListener("abort", () => {
        reject(request.signal.reason);
      });
    })
  ));
  client.leave();
  await client.finished;
  assertEquals(client.sent, []);
});

Deno.test("fetchApp() lets errors of the handler and of its body through", async () => {
  const error = new Error("broken");
  const broken = [
    app(() => Promise.reject(error)),
    app(() => {
      throw error;
    }),
    app(() =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.error(error),
        }),
      )
    ),
  ];
  for (const one of broken) {
    await assertRejects(() => runApp(one), Error, "broken");
  }
  const wrong: [given: unknown, sentence: string][] = [
    [undefined, "The fetch handler gave no Response but undefined."],
    ["a\x1b", 'The fetch handler gave no Response but "a\\u001b".'],
    [Object.create(null), "The fetch handler gave no Response but an object."],
    [
      { fetch() {} },
      "The fetch handler gave no Response but an object. If it makes the app, export what it gives, as in: export default createApp()",
    ],
    [Response.error(), "The fetch handler returned Response.error()."],
  ];
  const used = new Response("once");
  await used.text();
  wrong.push([used, "a Response whose body was already read"]);
  for (const [given, sentence] of wrong) {
    await assertRejects(
      () => runApp(app(() => given as Response)),
      TypeError,
      sentence,
    );
  }
});

Deno.test("fetchApp() cancels the body when it cannot be sent", async () => {
  const { body, cancelled } = source(["a"]);
  const client = new Client(app(() => new Response(body)), {
    sending: () => Promise.reject(new Error("refused")),
  });
  await assertRejects(() => client.finished, Error, "refused");
  await cancelled;
});

Deno.test("fetchApp() settles `completed` with the answer", async () => {
  let completed: Promise<void> | undefined;
  const client = await runApp(app((_, info) => {
    completed = info.completed;
    return new Response("x");
  }));
  await completed;
  assertEquals(client.text, "x");
  await assertRejects(() =>
    runApp(app((_, info) => {
      completed = info.completed;
      throw new Error("broken");
    }))
  );
  await assertRejects(() => completed!, Error, "broken");
});

Deno.test("fetchApp() rejects `completed` when the client leaves amid the answer", async () => {
  const { body } = source([]);
  let completed: Promise<void> | undefined;
  const client = new Client(app((_, info) => {
    completed = info.completed;
    return new Response(body);
  }));
  await until(() => client.sent.length === 2);
  client.leave();
  await client.finished;
  await assertRejects(() => completed!, DOMException, "The client has gone.");
});

Deno.test("fetchApp() denies a WebSocket with the response that is none, and supports no lifespan", async () => {
  const sent: SendEvent[] = [];
  const hello = app(() => new Response("hello"));
  const receive = () => Promise.reject(new Error("received"));
  await hello(
    { ...requestScope(), type: "websocket", scheme: "ws", subprotocols: [] },
    receive,
    (event) => Promise.resolve(void sent.push(event)),
  );
  const [start, body] = sent;
  assert(start.type === "websocket.http.response.start");
  assertEquals(start.status, 200);
  assert(body.type === "websocket.http.response.body");
  assertEquals(body.body, new TextEncoder().encode("hello"));
  await assertRejects(
    () =>
      hello(
        { type: "lifespan", pagi: { version: "0.3" } },
        receive,
        () => Promise.resolve(),
      ),
    Error,
    "does not support scopes of type lifespan",
  );
});

/** Gives `handler` the URL of a server whose text is under `coding`. */
async function withUpstream(
  coding: string,
  text: string,
  body: (url: string) => Promise<void>,
): Promise<void> {
  const zipped = new Response(text).body!.pipeThrough(
    new CompressionStream("gzip"),
  );
  const bytes = await new Response(zipped).bytes();
  const upstream = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response(bytes, { headers: { "content-encoding": coding } }),
  );
  try {
    await body(`http://127.0.0.1:${upstream.addr.port}/`);
  } finally {
    await upstream.shutdown();
  }
}

Deno.test("fetchApp() takes what tells of a coded body from what fetch has decoded", async () => {
  const text = "hello ".repeat(3000);
  await withUpstream("gzip", text, async (url) => {
    for (
      const give of [() => fetch(url), async () => (await fetch(url)).clone()]
    ) {
      const response = await runApp(app(give));
      assertEquals(response.text, text);
      assertEquals(response.header("content-encoding"), null);
      assertEquals(response.header("content-length"), null);
    }
    const head = await runApp(app(() => fetch(url, { method: "HEAD" })), {
      method: "HEAD",
    });
    assertEquals(head.header("content-encoding"), null);
  });
});

Deno.test("fetchApp() leaves the fields of what fetch has not decoded", async () => {
  const asked: [coding: string, headers: Record<string, string>][] = [
    ["x-other", {}],
    ["gzip", { "accept-encoding": "identity" }],
    ["gzip", { range: "bytes=0-" }],
  ];
  for (const [coding, headers] of asked) {
    await withUpstream(coding, "hello", async (url) => {
      const response = await runApp(app(() => fetch(url, { headers })));
      assertEquals(response.header("content-encoding"), coding);
      assertEquals(
        response.header("content-length"),
        String(response.body.length),
      );
    });
  }
});

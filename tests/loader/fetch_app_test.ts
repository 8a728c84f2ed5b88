import { fetchApp } from "../../src/loader/fetch_app.ts";
import type { FetchInfo } from "../../src/loader/fetch_app.ts";
import type { PagiApp, SendEvent } from "../../src/pagi/types.ts";
import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import { requestScope, runApp } from "../helpers/run_app.ts";
import { Client } from "./client.ts";

function app(
  fetch: (request: Request, info: FetchInfo) => Response | Promise<Response>,
): PagiApp {
  return fetchApp({ fetch });
}

/** A body of `chunks` that notes what its reader did. */
function source(chunks: string[]): {
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  pulled: () => number;
  cancelled: Promise<unknown>;
} {
  const cancelled = Promise.withResolvers<unknown>();
  let pulled = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const chunk = chunks[pulled++];
      if (chunk !== undefined) {
        controller.enqueue(new TextEncoder().encode(chunk));
      } // Else the body stays open.
    },
    cancel: (reason) => cancelled.resolve(reason),
  }, { highWaterMark: 0 });
  return { body, pulled: () => pulled, cancelled: cancelled.promise };
}

/** Waits until `condition` holds. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    assert(Date.now() < deadline, "It did not happen within 5 seconds.");
    await new Promise((done) => setTimeout(done, 1));
  }
}

Deno.test("fetchApp() gives the whole URL, as sent", async () => {
  const echo = app((request) => new Response(request.url));
  const targets = [
    ["/a%2Fb/caf%C3%A9?q=%20&r?s", "/a%2Fb/caf%C3%A9?q=%20&r?s"],
    ["//a", "//a"],
    ["/\xff\\#x", "/%FF%5C%23x"],
  ];
  const headers = { host: "example.test:5000" };
  for (const [target, path] of targets) {
    const { text } = await runApp(echo, { target, headers });
    assertEquals(text, `http://example.test:5000${path}`);
  }
  const { text } = await runApp(echo, {
    headers: [],
    scope: {
      scheme: "https",
      raw_path: undefined,
      root_path: "/x",
      path: "/é?#%",
    },
  });
  assertEquals(text, "https://localhost/x/%C3%A9%3F%23%25");
});

Deno.test("fetchApp() answers 400 to what is no request of the web", async () => {
  const never = app(() => {
    throw new Error("called");
  });
  // What the server lets through and the URL standard does not.
  for (const host of ["999.1.1.1", "a%2fb", "[::", "a:99999"]) {
    const { status } = await runApp(never, { headers: { host } });
    assertEquals(status, 400, host);
  }
  assertEquals((await runApp(never, { method: "TRACE" })).status, 400);
});

Deno.test("fetchApp() passes method, header fields and the peer's address", async () => {
  const { text } = await runApp(
    app(({ method, headers }, { remoteAddr }) =>
      Response.json([method, [...headers], remoteAddr])
    ),
    {
      method: "PURGE",
      headers: [["host", "h"], ["cookie", "a=1; b=2"], ["x-y", "\xe9"]],
    },
  );
  assertEquals(JSON.parse(text), [
    "PURGE",
    [["cookie", "a=1; b=2"], ["host", "h"], ["x-y", "\xe9"]],
    { transport: "tcp", hostname: "127.0.0.1", port: 50000 },
  ]);
  const unix = await runApp(
    app((_, { remoteAddr }) => Response.json(remoteAddr)),
    { scope: { client: undefined, server: ["/run/pagi.sock", null] } },
  );
  assertEquals(JSON.parse(unix.text), {
    transport: "unix",
    path: "/run/pagi.sock",
  });
});

Deno.test("fetchApp() sends an answer that is no stream as one pair of events", async () => {
  const bytes = new Uint8Array(100_000).fill(7);
  const cases: [Response, body: SendEvent & { type: "http.response.body" }][] =
    [
      [new Response("hello"), {
        type: "http.response.body",
        body: new TextEncoder().encode("hello"),
        more: false,
      }],
      [new Response(bytes), {
        type: "http.response.body",
        body: bytes,
        more: false,
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

Deno.test("fetchApp() reads the request's body only as fast as the handler", async () => {
  const parts = ["one ", "", "two ", "three"];
  const decoder = new TextDecoder();
  let received = (): number => NaN;
  const counts: number[] = [];
  const lazy = new Client(
    app(async (request) => {
      await null;
      counts.push(received());
      let text = "";
      for await (const part of request.body!) {
        counts.push(received());
        text += decoder.decode(part);
      }
      return new Response(text);
    }),
    { method: "POST", parts },
  );
  received = () => lazy.received;
  await lazy.finished;
  assertEquals(lazy.text, parts.join(""));
  assertEquals(counts, [0, 1, 3, 4]);

  const unread = new Client(app(() => new Response("x")), {
    method: "POST",
    parts,
  });
  await unread.finished;
  assertEquals(unread.received, 0);
});

Deno.test("fetchApp() gives GET, HEAD and empty requests no body", async () => {
  const kind = app((request) => new Response(String(request.body)));
  for (const method of ["GET", "HEAD"]) {
    await runApp(kind, { method, headers: [["content-length", "5"]] });
  }
  const headers: [string, string][] = [["host", "h"], ["content-length", "0"]];
  assertEquals((await runApp(kind, { method: "POST", headers })).text, "null");
  assertEquals((await runApp(kind, { headers: [] })).text, "null");
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

Deno.test("fetchApp() cancels the body and aborts the signal when the client leaves", async () => {
  for (const type of ["http", "sse"] as const) {
    const { body, cancelled } = source(["a"]);
    let signal: AbortSignal | undefined;
    const client = new Client(
      app((request) => {
        signal = request.signal;
        return new Response(body);
      }),
      { type },
    );
    await until(() => client.text === "a");
    assertEquals(signal?.aborted, false);
    client.leave();
    await client.finished;
    assertEquals(signal?.aborted, true);
    assertEquals(await cancelled, signal?.reason);
  }
});

Deno.test("fetchApp() tells an event stream's handler of the disconnect after a body", async () => {
  const read: ((request: Request) => Promise<unknown>)[] = [
    (request) => request.text(),
    () => Promise.resolve(),
  ];
  for (const use of read) {
    const { body, cancelled } = source(["a"]);
    const client = new Client(
      app(async (request) => {
        await use(request);
        return new Response(body);
      }),
      { type: "sse", method: "POST", parts: ["{}"] },
    );
    await until(() => client.text === "a");
    client.leave();
    await client.finished;
    await cancelled;
  }
});

Deno.test("fetchApp() fails the body's reader when the client leaves in the middle", async () => {
  for (const type of ["http", "sse"] as const) {
    let failure: unknown;
    const client = new Client(
      app(async (request) => {
        await request.text().catch((error) => failure = error);
        return new Response();
      }),
      { type, method: "POST", parts: ["part"], stalls: true },
    );
    await until(() => client.received === 2);
    client.leave();
    await client.finished;
    assert(failure instanceof DOMException);
    assertEquals(failure.name, "AbortError");
  }
});

Deno.test("fetchApp() does not abort once the answer is complete", async () => {
  let signal: AbortSignal | undefined;
  const client = new Client(
    app((request) => {
      signal = request.signal;
      return new Response("x");
    }),
    { type: "sse" },
  );
  await client.finished;
  client.leave();
  await until(() => client.received === 2);
  await new Promise((done) => setTimeout(done));
  assertEquals(signal?.aborted, false);
});

Deno.test("fetchApp() aborts copies of the request as well", async () => {
  const aborted: boolean[] = [];
  const client = new Client(app(async (request) => {
    const copies = [request.clone(), new Request("http://h/", request)];
    await new Promise((done) => request.signal.onabort = done);
    aborted.push(...copies.map(({ signal }) => signal.aborted));
    return new Response();
  }));
  client.leave();
  await client.finished;
  assertEquals(aborted, [true, true]);
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
  await assertRejects(
    () => runApp(app(() => undefined as unknown as Response)),
    TypeError,
    "The fetch handler gave no Response but undefined.",
  );
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

Deno.test("fetchApp() denies WebSockets and supports no lifespan", async () => {
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
  assertEquals(start.status, 403);
  assertEquals(body.type, "websocket.http.response.body");
  await assertRejects(
    () =>
      hello(
        { type: "lifespan", pagi: { version: "0.3" } },
        receive,
        () => Promise.resolve(),
      ),
    Error,
    "does not support lifespan scopes",
  );
});

import { loadApp } from "../../src/loader/load_app.ts";
import type { AppRequest } from "../../src/loader/load_app.ts";
import type {
  LifespanScope,
  PagiApp,
  ReceiveEvent,
  Scope,
  SendEvent,
} from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { runApp } from "../helpers/run_app.ts";

const EXAMPLES = fromFileUrl(new URL("../../examples", import.meta.url));

async function load(request: Partial<AppRequest>): Promise<PagiApp> {
  const { app } = await loadApp({
    positionals: [],
    app: null,
    lib: [],
    modules: [],
    eval: null,
    ...request,
  });
  return app;
}

function example(name: string): Promise<PagiApp> {
  return load({ positionals: [`${EXAMPLES}/${name}/app.ts`] });
}

/** Runs `app` on `scope`: `events` come in, what it sends goes to `onSend`. */
function run(
  app: PagiApp,
  scope: Scope,
  events: AsyncIterator<ReceiveEvent> | Iterator<ReceiveEvent>,
  onSend: (event: SendEvent) => void,
): Promise<void> {
  return app(
    scope,
    async () => {
      const { done, value } = await events.next();
      assert(!done, "The app received more than there was.");
      return value;
    },
    (event) => Promise.resolve(onSend(event)),
  );
}

Deno.test("every example has an app and a README that names it", async () => {
  const index = await Deno.readTextFile(`${EXAMPLES}/README.md`);
  const names = [];
  for await (const { name, isDirectory } of Deno.readDir(EXAMPLES)) {
    if (isDirectory) names.push(name);
  }
  assert(names.length >= 10);
  for (const name of names) {
    const readme = await Deno.readTextFile(`${EXAMPLES}/${name}/README.md`);
    assert(readme.includes("pagi-server "), name);
    assert(readme.includes(`./examples/${name}`), name);
    assert(index.includes(`(${name}/)`), name);
  }
});

Deno.test("every PAGI example throws on a scope that it does not support", async () => {
  const scope = { ...requestScope(), type: "none" } as unknown as Scope;
  const names = ["01-hello-http", "02-streaming-response", "03-request-body"];
  names.push("04-websocket-echo", "05-sse-clock", "06-lifespan-state");
  for (const name of [...names, "10-middleware"]) {
    const app = await example(name);
    const sent: SendEvent[] = [];
    await assertRejects(
      () => run(app, scope, [].values(), (event) => sent.push(event)),
      Error,
      "No support for none",
      name,
    );
    assertEquals(sent, [], name);
  }
});

Deno.test("01-hello-http says hello", async () => {
  const { status, text } = await runApp(await example("01-hello-http"));
  assertEquals([status, text], [200, "Hello from PAGI\n"]);
});

Deno.test("02-streaming-response sends its lines one by one", async () => {
  const { text, events } = await runApp(await example("02-streaming-response"));
  assertMatch(text, /^line 1\n.*line 10\ndone\n$/s);
  assertEquals(events.length, 12);
});

Deno.test("02-streaming-response stops when the client leaves", async () => {
  const scope = requestScope();
  let sends = 0;
  const connection = { isConnected: () => sends < 3 };
  const app = await example("02-streaming-response");
  await run(
    app,
    { ...scope, "pagi.connection": connection } as Scope,
    [].values(),
    () => sends++,
  );
  assertEquals(sends, 4);
});

Deno.test("03-request-body sends each part back before it asks for the next", async () => {
  const order: string[] = [];
  const part = (text: string, more: 0 | 1): ReceiveEvent => ({
    type: "http.request",
    body: new TextEncoder().encode(text),
    more,
  });
  function* upload(): Generator<ReceiveEvent> {
    for (const text of ["one", "two", "three"]) {
      order.push(`> ${text}`);
      yield part(text, text === "three" ? 0 : 1);
    }
  }
  await run(
    await example("03-request-body"),
    requestScope({ method: "POST" }),
    upload(),
    (event) => {
      if (event.type === "http.response.body" && "body" in event) {
        order.push(`< ${new TextDecoder().decode(event.body as Uint8Array)}`);
      }
    },
  );
  assertEquals(order.join(" "), "> one < one > two < two > three < three");
});

Deno.test("04-websocket-echo sends text and bytes back", async () => {
  const bytes = new Uint8Array([0, 255]);
  const events: ReceiveEvent[] = [
    { type: "websocket.connect" },
    { type: "websocket.receive", text: "" },
    { type: "websocket.receive", bytes },
    { type: "websocket.disconnect", code: 1000, reason: "" },
  ];
  const sent: SendEvent[] = [];
  await run(
    await example("04-websocket-echo"),
    {
      ...requestScope(),
      type: "websocket",
      scheme: "ws",
      subprotocols: [],
    },
    events.values(),
    (event) => sent.push(event),
  );
  assertEquals(sent, [
    { type: "websocket.accept" },
    { type: "websocket.send", text: "" },
    { type: "websocket.send", bytes },
  ]);
});

Deno.test("05-sse-clock ticks until the client leaves", async () => {
  const ticked = Promise.withResolvers<void>();
  async function* client(): AsyncGenerator<ReceiveEvent> {
    yield { type: "sse.request", body: new Uint8Array(), more: 0 };
    await ticked.promise;
    yield { type: "sse.disconnect", reason: "client_closed" };
  }
  const sent: SendEvent[] = [];
  await run(
    await example("05-sse-clock"),
    requestScope({ type: "sse" }),
    client(),
    (event) => {
      sent.push(event);
      if (event.type === "sse.send") ticked.resolve();
    },
  );
  const [start, keepalive, tick, ...rest] = sent;
  assertEquals(start, { type: "sse.start" });
  assertEquals(keepalive, { type: "sse.keepalive", interval: 15 });
  assert(tick.type === "sse.send" && !Number.isNaN(Date.parse(tick.data)));
  assertEquals(rest, []);
});

Deno.test("06-lifespan-state shares what it opened at start", async () => {
  const app = await example("06-lifespan-state");
  const stop = Promise.withResolvers<void>();
  async function* server(): AsyncGenerator<ReceiveEvent> {
    yield { type: "lifespan.startup" };
    await stop.promise;
    yield { type: "lifespan.shutdown" };
  }
  const state = {};
  const scope: LifespanScope = {
    type: "lifespan",
    state,
    pagi: { version: "0.3", is_worker: 0, worker_num: null },
  };
  const started = Promise.withResolvers<void>();
  const sent: string[] = [];
  const life = run(app, scope, server(), (event) => {
    sent.push(event.type);
    started.resolve();
  });
  await started.promise;
  for (const visit of [1, 2]) {
    const { text } = await runApp(app, { scope: { state: { ...state } } });
    assertEquals(text, `Visit number ${visit}\n`);
  }
  stop.resolve();
  await life;
  assertEquals(sent, [
    "lifespan.startup.complete",
    "lifespan.shutdown.complete",
  ]);
});

Deno.test("07-fetch-handler routes its requests", async () => {
  const app = await example("07-fetch-handler");
  const search = await runApp(app, { target: "/search?q=camel" });
  assertEquals(search.text, '{"query":"camel"}');
  const upper = await runApp(app, {
    method: "POST",
    target: "/upper",
    body: "shout",
  });
  assertEquals(upper.text, "SHOUT");
  assertEquals((await runApp(app, { target: "/none" })).status, 404);
});

Deno.test("08-hono answers with routes and with an event stream", async () => {
  const app = await example("08-hono");
  const user = await runApp(app, { target: "/users/camel" });
  assertEquals(user.text, '{"name":"camel"}');
  const countdown = await runApp(app, { type: "sse", target: "/countdown" });
  assertEquals(countdown.text, "data: 3\n\ndata: 2\n\ndata: 1\n\n");
});

Deno.test("09-class-app is found by name and by file, with options", async () => {
  const folder = `${EXAMPLES}/09-class-app`;
  const named = await load({
    lib: [folder],
    positionals: ["My::App", "greeting=Good morning", "loud=1"],
  });
  assertEquals((await runApp(named)).text, "GOOD MORNING!\n");
  const file = await load({
    positionals: [`${folder}/My/App.ts`, "greeting=Hi", "loud=0"],
  });
  assertEquals((await runApp(file)).text, "Hi\n");
  await assertRejects(
    () => load({ lib: [folder], positionals: ["My::App", "lod=1"] }),
    Error,
    'My::App has no option "lod"',
  );
});

Deno.test("10-middleware adds header fields and a key of the scope", async () => {
  const { header, text } = await runApp(await example("10-middleware"));
  const id = header("x-request-id");
  assertEquals(text, `This is request ${id}\n`);
  assertMatch(header("server-timing") ?? "", /^app;dur=\d+\.\d$/);
});

Deno.test("11-bundled-apps answers at every place of its map", async () => {
  const app = await example("11-bundled-apps");
  const ask = async (target: string): Promise<string> => {
    const { status, text } = await runApp(app, { target });
    return `${status} ${text}`;
  };
  assertEquals(await ask("/greet/Ada"), "200 Hello, Ada!\n");
  assertEquals(await ask("/file.txt"), "200 A file of the example.\n");
  assertEquals(await ask("/nothing"), "404 Nothing here\n");
  assertMatch(await ask("/health"), /^200 .*"version":"1.0"/s);
  const { status, header } = await runApp(app, { target: "/old" });
  assertEquals([status, header("location")], [301, "/"]);
});

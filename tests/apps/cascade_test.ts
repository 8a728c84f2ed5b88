import { assertEquals, assertRejects } from "../../src/std/assert.ts";
import { CascadeApp } from "../../src/apps/cascade.ts";
import { OptionError } from "../../src/options/option_error.ts";
import type {
  PagiApp,
  ReceiveEvent,
  Scope,
  SendEvent,
} from "../../src/pagi/types.ts";
import { runApp } from "../helpers/run_app.ts";

function answering(status: number, text: string): PagiApp {
  return async (_scope, receive, send) => {
    const event = await receive();
    const body = "body" in event ? new TextDecoder().decode(event.body) : "";
    await send({ type: "http.response.start", status });
    await send({ type: "http.response.body", body: text, more: 1 });
    await send({ type: "http.response.body", body });
  };
}

async function ask(cascade: CascadeApp, body = ""): Promise<string> {
  const { status, text } = await runApp(cascade.toApp(), {
    method: body ? "POST" : "GET",
    body,
  });
  return `${status} ${text}`;
}

Deno.test("Cascade moves on after 404 and 405 only, by default (PAGI.md 114)", async () => {
  for (const status of [404, 405]) {
    const cascade = new CascadeApp({
      apps: [answering(status, "first"), answering(200, "second")],
    });
    assertEquals(await ask(cascade), "200 second");
  }
  for (const status of [200, 301, 403, 410, 500]) {
    const cascade = new CascadeApp({
      apps: [answering(status, "first"), answering(200, "second")],
    });
    assertEquals(await ask(cascade), `${status} first`);
  }
});

Deno.test("the last answer stands, caught or not", async () => {
  const cascade = new CascadeApp()
    .add(answering(404, "first")).add(answering(405, "second"));
  assertEquals(await ask(cascade), "405 second");
  assertEquals((await ask(new CascadeApp())).slice(0, 3), "404");
});

Deno.test("catch says which statuses move on", async () => {
  const cascade = new CascadeApp({
    apps: [answering(500, "first"), answering(404, "second")],
    catch: [500],
  });
  assertEquals(await ask(cascade), "404 second");
});

Deno.test("each app is told that a request has no body", async () => {
  const events: ReceiveEvent[] = [];
  const listening: PagiApp = async (_scope, receive, send) => {
    events.push(await receive());
    await send({ type: "http.response.start", status: 404 });
    await send({ type: "http.response.body" });
  };
  await ask(new CascadeApp({ apps: [listening, listening, listening] }));
  assertEquals(events.length, 3);
  for (const event of events) {
    assertEquals(event, {
      type: "http.request",
      body: new Uint8Array(0),
      more: 0,
    });
  }
});

Deno.test("a body that an app has received is not there for the next", async () => {
  const cascade = new CascadeApp({
    apps: [answering(404, ""), answering(200, "got:")],
  });
  assertEquals(await ask(cascade, "data"), "200 got:");
});

Deno.test("an app that throws on a request is not passed over", async () => {
  const cascade = new CascadeApp({
    apps: [() => Promise.reject(new Error("broken")), answering(200, "")],
  });
  await assertRejects(() => ask(cascade), Error, "broken");
});

async function connect(cascade: CascadeApp): Promise<SendEvent[]> {
  const sent: SendEvent[] = [];
  let connected = false;
  await cascade.toApp()(
    {
      type: "websocket",
      path: "/",
      headers: [],
      subprotocols: [],
    } as unknown as Scope,
    () => {
      if (connected) throw new Error("connect is received once only");
      connected = true;
      return Promise.resolve({ type: "websocket.connect" });
    },
    (event) => Promise.resolve(void sent.push(event)),
  );
  return sent;
}

Deno.test("WebSockets cascade: an app that knows none, or denies with 404, is passed over", async () => {
  const accepting: PagiApp = async (_scope, receive, send) => {
    assertEquals(await receive(), { type: "websocket.connect" });
    await send({ type: "websocket.accept" });
  };
  const denying: PagiApp = async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.http.response.start", status: 404 });
    await send({ type: "websocket.http.response.body" });
  };
  const ignorant: PagiApp = () => Promise.reject(new Error("http only"));
  assertEquals(
    await connect(new CascadeApp({ apps: [ignorant, denying, accepting] })),
    [{ type: "websocket.accept" }],
  );
  await assertRejects(
    () => connect(new CascadeApp({ apps: [denying, ignorant] })),
    Error,
    "http only",
  );
});

Deno.test("compose() tries the apps by their numbers", async () => {
  const cascade = await CascadeApp.compose(
    { "2": "200", "1": "410", catch: "410,404" },
    (name) => Promise.resolve(answering(Number(name), name)),
  );
  assertEquals(await ask(cascade), "200 200");
});

Deno.test("compose() refuses what is no number, wrong statuses, and nothing", async () => {
  const load = () => Promise.resolve(answering(200, ""));
  for (
    const [pairs, words] of [
      [{ app: "x" }, 'unknown option "app"'],
      [{}, "nothing to try"],
      [{ "1": "x", catch: "4o4" }, "option catch"],
      [{ "1": "x", catch: "999" }, "option catch"],
    ] as const
  ) {
    await assertRejects(
      () => CascadeApp.compose(pairs, load),
      OptionError,
      words,
    );
  }
});

/**
 * The app's start and stop around a server's life (PAGI.md 5).
 *
 * @module
 */

import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import { configureLog } from "../../src/log/log.ts";
import type { Settings } from "../../src/options/settings.ts";
import type {
  LifespanScope,
  PagiApp,
  Receive,
  Send,
  SendEvent,
} from "../../src/pagi/types.ts";
import { StartupError } from "../../src/server/lifespan.ts";
import { Server } from "../../src/server/server.ts";
import { linesOf } from "../helpers/http_app.ts";
import { fetchApp } from "../../src/loader/fetch_app.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

type ServeLifespan = (
  scope: LifespanScope,
  receive: Receive,
  send: Send,
) => Promise<void>;

/** An app whose lifespan is `serve`, and whose requests get `ok`. */
function lifespanApp(
  serve: ServeLifespan,
  request: (scope: { state?: Record<string, unknown> }) => string = () => "ok",
): PagiApp {
  return async (scope, receive, send) => {
    if (scope.type === "lifespan") return await serve(scope, receive, send);
    const body = request(scope as { state?: Record<string, unknown> });
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body });
  };
}

/** Tells whether a server answers there. */
async function answers(url: string): Promise<boolean> {
  try {
    return await (await fetch(url)).text() === "ok";
  } catch {
    return false;
  }
}

/** Expects a start to fail; returns the sentence and the log. */
async function failedStart(
  app: PagiApp,
  settings: Partial<Settings> = {},
): Promise<{ message: string; log: string[] }> {
  const log: string[] = [];
  configureLog({ level: "debug", write: (text) => void log.push(text) });
  try {
    const port = freePort();
    const server = new Server(
      app,
      resolveSettings({ port, noAccessLog: true, ...settings }),
    );
    const { message } = await assertRejects(
      () => server.start(),
      StartupError,
    );
    assertEquals(server.serving, false);
    assertEquals(server.addresses, []);
    Deno.listen({ hostname: "127.0.0.1", port }).close(); // it is free
    await server.stop();
    return { message, log };
  } finally {
    configureLog({ level: "info" });
  }
}

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

Deno.test("no connection is accepted before lifespan.startup.complete (PAGI.md 84)", async () => {
  const asked = Promise.withResolvers<string>();
  const ready = Promise.withResolvers<void>();
  const app = lifespanApp(async (_scope, receive, send) => {
    asked.resolve((await receive()).type);
    await ready.promise;
    await send({ type: "lifespan.startup.complete" });
    await receive();
    await send({ type: "lifespan.shutdown.complete" });
  });
  const port = freePort();
  const server = new Server(app, resolveSettings({ port, noAccessLog: true }));
  const started = server.start();
  assertEquals(await asked.promise, "lifespan.startup");
  assertEquals(server.serving, false);
  await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port }));
  ready.resolve();
  await started;
  assertEquals(server.serving, true);
  assert(await answers(`http://127.0.0.1:${port}/`));
  await server.stop();
});

Deno.test("the scope tells the version, the worker, and has the state", async () => {
  let seen: LifespanScope | undefined;
  const app = lifespanApp(async (scope, _receive, send) => {
    seen = scope;
    await send({ type: "lifespan.startup.complete" });
  });
  await withServer(app, {}, () => Promise.resolve());
  assertEquals(seen?.type, "lifespan");
  assertEquals(seen?.pagi.version, "0.3");
  assertEquals(seen?.pagi.is_worker, 0);
  assertEquals(seen?.pagi.worker_num, null);
  assertEquals(seen?.state, {});
});

Deno.test("lifespan.startup.failed prevents the start, in auto and on (PAGI.md 85)", async () => {
  for (const lifespan of ["auto", "on"] as const) {
    const app = lifespanApp(async (_scope, receive, send) => {
      await receive();
      await send({ type: "lifespan.startup.failed", message: "no database" });
      await send({ type: "lifespan.startup.complete" });
    });
    const { message } = await failedStart(app, { lifespan });
    assertEquals(message, "The app failed to start: no database");
  }
  const silent = lifespanApp((_scope, _receive, send) =>
    send({ type: "lifespan.startup.failed" })
  );
  const { message } = await failedStart(silent);
  assertEquals(message, "The app failed to start: lifespan.startup.failed");
});

Deno.test("in auto, a throw or an early return still starts the server, without state (PAGI.md 86)", async () => {
  const ways: Record<string, ServeLifespan> = {
    throws: () => Promise.reject(new Error("lifespan is not supported")),
    "throws at once": () => {
      throw new Error("lifespan is not supported");
    },
    "throws what is no text": () => Promise.reject(Symbol("no lifespan")),
    "throws what cannot be text": () => Promise.reject(Object.create(null)),
    returns: () => Promise.resolve(),
    "receives, then throws": async (_scope, receive) => {
      await receive();
      throw undefined;
    },
  };
  for (const [name, way] of Object.entries(ways)) {
    const app = lifespanApp(way, (scope) => "state" in scope ? "state" : "ok");
    const log = await withServer(app, {}, async ({ url }) => {
      assert(await answers(url), name);
    });
    assertEquals(linesOf("error", log), [], name);
    const news = linesOf("info", log);
    assertEquals(news.filter((line) => line.includes("lifespan")), [], name);
  }
});

Deno.test("that a fetch handler has no lifespan is no news", async () => {
  const app = fetchApp({ fetch: () => new Response("hello") });
  const log = await withServer(app, {}, async ({ url }) => {
    assertEquals(await (await fetch(url)).text(), "hello");
  });
  assertEquals(log.filter((line) => line.includes("lifespan")), []);
});

Deno.test("in on, a throw or an early return prevents the start (PAGI.md 86)", async () => {
  const thrown = await failedStart(
    lifespanApp(() => Promise.reject(new Error("broken"))),
    { lifespan: "on" },
  );
  assert(thrown.message.includes("threw on"), thrown.message);
  const returned = await failedStart(
    lifespanApp(() => Promise.resolve()),
    { lifespan: "on" },
  );
  assert(returned.message.includes("returned from"), returned.message);
});

Deno.test("in off, no lifespan scope is created (PAGI.md 87)", async () => {
  let called = false;
  const app = lifespanApp(
    () => {
      called = true;
      return Promise.resolve();
    },
    (scope) => "state" in scope ? "state" : "ok",
  );
  await withServer(app, { lifespan: "off" }, async ({ url }) => {
    assert(await answers(url));
  });
  assertEquals(called, false);
});

Deno.test("silence beyond the startup timeout fails the startup (PAGI.md 88)", async () => {
  for (const lifespan of ["auto", "on"] as const) {
    const late = Promise.withResolvers<void>();
    const app = lifespanApp(async (_scope, receive, send) => {
      await receive();
      await late.promise;
      await send({ type: "lifespan.startup.complete" });
    });
    const settings = { lifespan, lifespanStartupTimeout: 0.05 };
    const { message } = await failedStart(app, settings);
    assert(message.includes("within 0.05 s"), message);
    late.resolve();
  }
});

Deno.test("a startup timeout of 0 waits for as long as it takes", async () => {
  const app = lifespanApp(async (_scope, _receive, send) => {
    await delay(60);
    await send({ type: "lifespan.startup.complete" });
  });
  await withServer(app, { lifespanStartupTimeout: 0 }, async ({ url }) => {
    assert(await answers(url));
  });
});

Deno.test("each request gets a copy of the state: top level private, objects shared (PAGI.md 19, 20)", async () => {
  const app = lifespanApp(
    async (scope, receive, send) => {
      scope.state!.own = "start";
      scope.state!.shared = { visits: 0 };
      await send({ type: "lifespan.startup.complete" });
      await receive();
      await receive();
      scope.state!.own = "late";
    },
    ({ state }) => {
      const shared = state!.shared as { visits: number };
      const seen = `${state!.own} ${shared.visits++}`;
      state!.own = "mine";
      return seen;
    },
  );
  await withServer(app, {}, async ({ url }) => {
    assertEquals(await (await fetch(url)).text(), "start 0");
    assertEquals(await (await fetch(url)).text(), "start 1");
  });
});

Deno.test("what lifespan puts into the state after its start reaches later requests: it is the live object", async () => {
  const set = Promise.withResolvers<void>();
  const app = lifespanApp(
    async (scope, _receive, send) => {
      await send({ type: "lifespan.startup.complete" });
      await set.promise;
      scope.state!.late = "late";
    },
    ({ state }) => String(state!.late),
  );
  await withServer(app, {}, async ({ url }) => {
    assertEquals(await (await fetch(url)).text(), "undefined");
    set.resolve();
    await set.promise;
    assertEquals(await (await fetch(url)).text(), "late");
  });
});

Deno.test("a throw after complete is logged, the server keeps serving, and there is no shutdown event", async () => {
  const thrown = Promise.withResolvers<void>();
  const app = lifespanApp(async (_scope, _receive, send) => {
    await send({ type: "lifespan.startup.complete" });
    await thrown.promise;
    throw new Error("background task died");
  });
  const log = await withServer(app, {}, async ({ url, log }) => {
    thrown.resolve();
    await thrown.promise;
    assert(await answers(url));
    assertEquals(linesOf("error", log).length, 1);
  });
  const errors = linesOf("error", log);
  assertEquals(errors.length, 1);
  assert(errors[0].includes("background task died"));
});

Deno.test("an app that returned after complete is not told of the shutdown", async () => {
  const app = lifespanApp((_scope, _receive, send) =>
    send({ type: "lifespan.startup.complete" })
  );
  const log = await withServer(app, {}, async ({ server, url }) => {
    assert(await answers(url));
    await server.stop();
  });
  assertEquals(linesOf("warn", log), []);
  assertEquals(linesOf("error", log), []);
});

Deno.test("lifespan.shutdown follows the draining of connections (PAGI.md 89)", async () => {
  const order: string[] = [];
  const inside = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const app: PagiApp = async (scope, receive, send) => {
    if (scope.type === "lifespan") {
      await receive();
      await send({ type: "lifespan.startup.complete" });
      order.push((await receive()).type);
      await delay(20);
      order.push("app is down");
      await send({ type: "lifespan.shutdown.complete" });
      return;
    }
    inside.resolve();
    await finish.promise;
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "ok" });
    order.push("request is over");
  };
  await withServer(app, {}, async ({ server, url }) => {
    const response = fetch(url).then((response) => response.text());
    await inside.promise;
    const stopped = server.stop();
    await delay(30);
    assertEquals(order, []);
    finish.resolve();
    assertEquals(await response, "ok");
    await stopped;
    order.push("stopped");
  });
  assertEquals(order, [
    "request is over",
    "lifespan.shutdown",
    "app is down",
    "stopped",
  ]);
});

Deno.test("a shutdown that fails or throws is logged, and ends the wait", async () => {
  const ways: Record<string, (send: Send) => Promise<void>> = {
    "disk is full": (send) =>
      send({ type: "lifespan.shutdown.failed", message: "disk is full" }),
    "lifespan.shutdown.failed": (send) =>
      send({ type: "lifespan.shutdown.failed" }),
    "threw late": () => Promise.reject(new Error("threw late")),
  };
  for (const [words, way] of Object.entries(ways)) {
    const app = lifespanApp(async (_scope, receive, send) => {
      await receive();
      await send({ type: "lifespan.startup.complete" });
      await receive();
      await way(send);
    });
    const log = await withServer(app, {}, () => Promise.resolve());
    const errors = linesOf("error", log);
    assertEquals(errors.length, 1);
    assert(errors[0].includes(words), errors[0]);
  }
});

Deno.test("an app that does not answer the shutdown is left after the timeout, with a warning", async () => {
  const app = lifespanApp(async (_scope, receive, send) => {
    await receive();
    await send({ type: "lifespan.startup.complete" });
    await receive();
    await receive();
  });
  const began = performance.now();
  const log = await withServer(
    app,
    { shutdownTimeout: 0.1 },
    () => Promise.resolve(),
  );
  const took = performance.now() - began;
  assert(took > 95 && took < 10_000, `${took} ms`);
  const warnings = linesOf("warn", log);
  assertEquals(warnings.length, 1);
  assert(warnings[0].includes("lifespan.shutdown within 0.1 s"));
});

Deno.test("events at the wrong moment are ignored, foreign and wrong ones reject (PAGI.md 3, 5)", async () => {
  const outcomes: string[] = [];
  const app = lifespanApp(async (_scope, receive, send) => {
    const attempt = async (event: unknown) => {
      try {
        await send(event as SendEvent);
        outcomes.push("ignored");
      } catch (error) {
        assert(error instanceof TypeError);
        outcomes.push("rejects");
      }
    };
    await attempt({ type: "lifespan.shutdown.complete" });
    await attempt({ type: "http.response.start", status: 200 });
    await attempt({ type: "lifespan.startup" });
    await attempt({ type: "lifespan.startup.failed", message: 7 });
    await attempt({});
    await receive();
    await send({ type: "lifespan.startup.complete" });
    await attempt({ type: "lifespan.startup.complete" });
    await attempt({ type: "lifespan.startup.failed" });
    await attempt({ type: "lifespan.shutdown.failed" });
    await receive();
    await send({ type: "lifespan.shutdown.complete" });
    await attempt({ type: "lifespan.shutdown.failed" });
  });
  const log = await withServer(app, {}, async ({ url }) => {
    assert(await answers(url));
  });
  assertEquals(outcomes, [
    "ignored",
    "rejects",
    "rejects",
    "rejects",
    "rejects",
    "ignored",
    "ignored",
    "ignored",
    "ignored",
  ]);
  assertEquals(linesOf("error", log), []);
});

Deno.test("a stop during the startup ends at once; the app that starts after all is told to stop", async () => {
  const events: string[] = [];
  const asked = Promise.withResolvers<void>();
  const ready = Promise.withResolvers<void>();
  const app = lifespanApp(async (_scope, receive, send) => {
    events.push((await receive()).type);
    asked.resolve();
    await ready.promise;
    await send({ type: "lifespan.startup.complete" });
    events.push((await receive()).type);
    await send({ type: "lifespan.shutdown.complete" });
  });
  const port = freePort();
  const server = new Server(app, resolveSettings({ port, noAccessLog: true }));
  const started = server.start();
  await asked.promise;
  await server.stop();
  ready.resolve();
  await started;
  assertEquals(events, ["lifespan.startup", "lifespan.shutdown"]);
  assertEquals(server.serving, false);
  assertEquals(server.addresses, []);
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

Deno.test("a startup that fails after a stop still says so", async () => {
  const asked = Promise.withResolvers<void>();
  const ready = Promise.withResolvers<void>();
  const app = lifespanApp(async (_scope, _receive, send) => {
    asked.resolve();
    await ready.promise;
    await send({ type: "lifespan.startup.failed", message: "no" });
  });
  const server = new Server(
    app,
    resolveSettings({ port: 0, noAccessLog: true }),
  );
  const started = server.start();
  await asked.promise;
  await server.stop();
  ready.resolve();
  await assertRejects(() => started, StartupError, "no");
});

Deno.test("a start that cannot listen tells the app that has started to stop", async () => {
  const events: string[] = [];
  const app = lifespanApp(async (_scope, receive, send) => {
    await receive();
    await send({ type: "lifespan.startup.complete" });
    events.push((await receive()).type);
    await send({ type: "lifespan.shutdown.complete" });
  });
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const server = new Server(app, resolveSettings({ port, noAccessLog: true }));
  await assertRejects(() => server.start());
  assertEquals(events, ["lifespan.shutdown"]);
});

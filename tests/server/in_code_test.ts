import { keptThreads } from "../../src/pagi/kept_threads.ts";
import { serve } from "../../src/server/mod.ts";
import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import { httpApp, reply } from "../helpers/http_app.ts";

const HELLO = httpApp((_scope, _receive, send) => reply(send, "hello"));
const QUIET = { port: 0, noAccessLog: true, lifespan: "off" } as const;

async function assertClosed(url: string): Promise<void> {
  await assertRejects(() => fetch(url), TypeError);
}

Deno.test("serve() serves an app until it is stopped (PAGI.md 6, In code)", async () => {
  const server = await serve(HELLO, QUIET);
  const { url, addresses } = server;
  assertEquals(url, `http://127.0.0.1:${new URL(url).port}/`);
  assertEquals(addresses, [{ host: "127.0.0.1", port: +new URL(url).port }]);
  assertEquals(await (await fetch(url)).text(), "hello");
  await server.stop();
  await server.finished;
  await assertClosed(url);
});

Deno.test("a server that stops ends the threads that apps keep, as a program could not end", async () => {
  const server = await serve(HELLO, QUIET);
  const ended = Promise.withResolvers<void>();
  const thread = { endWhenIdle: ended.resolve };
  keptThreads.add(thread);
  await server.stop();
  keptThreads.delete(thread);
  await ended.promise;
});

Deno.test("serve() listens at a Unix socket, and await using stops it", async () => {
  const folder = await Deno.makeTempDir();
  const socket = `${folder}/app.sock`;
  {
    await using server = await serve(HELLO, {
      socket,
      noAccessLog: true,
      lifespan: "off",
    });
    assertEquals(server.url, `unix:${socket}`);
    assert((await Deno.stat(socket)).isSocket);
  }
  await assertRejects(() => Deno.stat(socket), Deno.errors.NotFound);
  await Deno.remove(folder);
});

Deno.test("serve() stops when its signal is aborted, before, during and after the start", async () => {
  const after = new AbortController();
  const server = await serve(HELLO, { ...QUIET, signal: after.signal });
  after.abort();
  await server.finished;
  await assertClosed(server.url);

  const reason = new Error("not today");
  const signal = AbortSignal.abort(reason);
  await assertRejects(() => serve(HELLO, { ...QUIET, signal }), Error, "today");

  const during = new AbortController();
  const events: string[] = [];
  const start = serve(async (_scope, receive, send) => {
    events.push((await receive()).type);
    during.abort(reason);
    await send({ type: "lifespan.startup.complete" });
    events.push((await receive()).type);
    await send({ type: "lifespan.shutdown.complete" });
  }, { ...QUIET, lifespan: "on", signal: during.signal });
  await assertRejects(() => start, Error, "today");
  assertEquals(events, ["lifespan.startup", "lifespan.shutdown"]);

  const giving = new AbortController();
  const failing = serve(async (_scope, receive) => {
    await receive();
    giving.abort(reason);
    throw new Error("no database");
  }, { ...QUIET, lifespan: "on", signal: giving.signal });
  await assertRejects(() => failing, Error, "today");
});

Deno.test("serve() refuses settings that are unknown, wrong, or the program's", async () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ prot: 1 }, 'unknown setting "prot"'],
    [{ port: "x" }, "setting port"],
    [{ workers: 2 }, "setting workers is for the program pagi-server"],
    [{ daemonize: true }, "setting daemonize is for the program"],
  ];
  for (const [settings, message] of cases) {
    await assertRejects(() => serve(HELLO, settings), Error, message);
  }
  await assertRejects(
    () => serve({} as never),
    TypeError,
    "a function of scope, receive and send, and got object",
  );
});

Deno.test("serve() fails when the address is taken or the app does not start", async () => {
  await using server = await serve(HELLO, QUIET);
  const port = Number(new URL(server.url).port);
  await assertRejects(
    () => serve(HELLO, { ...QUIET, port }),
    Error,
    `Cannot listen on 127.0.0.1:${port}`,
  );
  await assertRejects(
    () =>
      serve(async (_scope, _receive, send) => {
        await send({ type: "lifespan.startup.failed", message: "no database" });
      }, { ...QUIET, lifespan: "on" }),
    Error,
    "The app failed to start: no database",
  );
});

Deno.test("importing @pagi/server starts nothing and gives serve()", async () => {
  const { serve: same } = await import("../../mod.ts");
  assertEquals(same, serve);
});

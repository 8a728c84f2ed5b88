/**
 * HTTP/2, over TLS and in clear text.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import type { HttpScope, PagiApp, SseScope } from "../../src/pagi/types.ts";
import { CERTIFICATE, certificateFiles } from "../helpers/certificate.ts";
import { httpApp, linesOf, readBody, reply } from "../helpers/http_app.ts";
import { BoundClient } from "../helpers/bound_client.ts";
import {
  block,
  FLAG,
  frame,
  get,
  joined,
  settings,
  text,
  TYPE,
} from "../helpers/http2_frames.ts";
import { Http2Client } from "../helpers/http2_client.ts";
import { appFor } from "../helpers/scope_app.ts";
import { delay, until } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

/** Answers, and keeps the scopes. */
function scopeKeeper(): { app: PagiApp; scopes: HttpScope[] } {
  const scopes: HttpScope[] = [];
  const app = httpApp(async (scope, _receive, send) => {
    scopes.push(scope);
    await reply(send, "ok", [["connection", "close"], ["x-one", "1"]]);
  });
  return { app, scopes };
}

Deno.test("clear text with prior knowledge is HTTP/2, whatever the authority", async () => {
  const { app, scopes } = scopeKeeper();
  await withServer(app, {}, async ({ port }) => {
    // `localhost:PORT` is what the engine makes up where a host is missing.
    for (const host of ["127.0.0.1", "localhost"]) {
      await using client = await Http2Client.open(`http://${host}:${port}`);
      const { status, headers, body } = await client.get("/a%20b?c=d", {
        "x-two": "2",
      });
      assertEquals([status, body], [200, "ok"]);
      assertEquals(headers["x-one"], "1");
      assert(!("connection" in headers));
      assert("date" in headers);
      const scope = scopes.pop()!;
      assertEquals(scope.http_version, "2");
      assertEquals(scope.scheme, "http");
      assertEquals([scope.path, scope.query_string], ["/a b", "c=d"]);
      assertEquals(scope.extensions, {});
      const fields = new Map(scope.headers);
      assertEquals(fields.get("host"), `${host}:${port}`);
      assertEquals(fields.get("x-two"), "2");
      assert(![...fields.keys()].some((name) => name.startsWith(":")));
    }
  });
});

Deno.test("a length that the app announces for a status without a body does not break the stream", async () => {
  const app = httpApp((scope, _receive, send) =>
    reply(
      send,
      "hello",
      [["content-length", "5"]],
      Number(scope.path.slice(1)),
    )
  );
  await withServer(app, {}, async ({ port }) => {
    await using client = await Http2Client.open(`http://127.0.0.1:${port}`);
    for (const status of [204, 205, 304]) {
      const response = await client.get(`/${status}`);
      assertEquals([response.status, response.body], [status, ""]);
      const length = response.headers["content-length"];
      assert(
        status === 304 || length === undefined || length === "0",
        length as string,
      );
    }
  });
});

Deno.test("one listener speaks both HTTP/1.1 and HTTP/2", async () => {
  const { app, scopes } = scopeKeeper();
  await withServer(app, {}, async ({ port, connect }) => {
    await using client = await Http2Client.open(`http://127.0.0.1:${port}`);
    await client.get("/");
    const connection = await connect();
    await connection.request("GET /");
    assertEquals((await connection.response()).body, "ok");
  });
  assertEquals(scopes.map((scope) => scope.http_version), ["2", "1.1"]);
});

Deno.test({
  name:
    "a port that was an HTTP/2 client's is known for HTTP/1.1 when it comes back",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { app, scopes } = scopeKeeper();
    await withServer(app, {}, async ({ port }) => {
      const to = { hostname: "127.0.0.1", port };
      const first = new BoundClient(0, to);
      await first.send(joined([
        text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        frame(TYPE.SETTINGS, 0, 0, settings({})),
        ...[1, 3, 5].map((id) =>
          frame(
            TYPE.HEADERS,
            FLAG.END_HEADERS | FLAG.END_STREAM,
            id,
            block(get("/")),
          )
        ),
      ]));
      let read = "";
      while (read.split("ok").length <= 3) read += await first.read();
      const { port: own } = first;
      first[Symbol.dispose]();
      // A connection that was open may be taken for open for that millisecond.
      const seen = Date.now();
      await until(() => Date.now() > seen);
      using second = new BoundClient(own, to);
      await second.send("GET / HTTP/1.1\r\n\r\n");
      assertEquals((await second.read()).slice(0, 12), "HTTP/1.1 400");
    });
    assertEquals(scopes.map((scope) => scope.http_version), ["2", "2", "2"]);
  },
});

Deno.test("ALPN chooses HTTP/2 over TLS; scheme and extensions tell of TLS", async () => {
  const { app, scopes } = scopeKeeper();
  using files = certificateFiles();
  await withServer(app, { ...files }, async ({ port }) => {
    using client = Deno.createHttpClient({ caCerts: [CERTIFICATE] });
    const response = await fetch(`https://localhost:${port}`, { client });
    assertEquals(await response.text(), "ok");
  });
  const [scope] = scopes;
  assertEquals(scope.http_version, "2");
  assertEquals(scope.scheme, "https");
  assertEquals(scope.extensions.tls, {
    server_cert: CERTIFICATE,
    client_cert_chain: [],
    client_cert_name: null,
    client_cert_error: null,
    tls_version: null,
    cipher_suite: null,
  });
});

Deno.test("a request body arrives, and a long response leaves", async () => {
  const app = httpApp(async (_scope, receive, send) => {
    const body = await readBody(receive);
    await send({ type: "http.response.start", status: 201 });
    for (let i = 0; i < 40; i++) {
      await send({ type: "http.response.body", body, more: 1 });
    }
    await send({ type: "http.response.body" });
  });
  await withServer(app, {}, async ({ port }) => {
    await using client = await Http2Client.open(`http://127.0.0.1:${port}`);
    const posted = "x".repeat(100_000);
    const stream = client.request("/", { ":method": "POST" }, posted);
    const { status, body } = await stream.response;
    assertEquals([status, body.length], [201, 4_000_000]);
  });
});

Deno.test("of 100 streams at a time one is reset: its app is told, the others get their answers", async () => {
  let running = 0;
  const all = Promise.withResolvers<void>();
  const told = Promise.withResolvers<string>();
  const app = httpApp(async (scope, receive, send) => {
    if (++running === 100) all.resolve();
    if (scope.path === "/50") {
      scope["pagi.connection"].onDisconnect(told.resolve);
      await receive();
      await receive();
      return;
    }
    await told.promise;
    await reply(send, scope.path);
  });
  const log = await withServer(app, {}, async ({ port }) => {
    await using client = await Http2Client.open(`http://127.0.0.1:${port}`);
    const streams = Array.from(
      { length: 100 },
      (_, i) => client.request(`/${i}`),
    );
    await all.promise;
    streams[50].reset();
    assertEquals(await told.promise, "client_closed");
    await Promise.all(streams.map(async ({ response }, i) => {
      if (i !== 50) assertEquals((await response).body, `/${i}`);
    }));
    assertEquals((await client.get("/still")).body, "/still");
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("an event stream over HTTP/2 arrives as it is sent; its reset is a disconnect", async () => {
  const open = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<unknown>();
  let scope: SseScope | undefined;
  const app = appFor("sse", async (given, receive, send) => {
    scope = given;
    await receive();
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "hello" });
    open.resolve();
    ended.resolve(await receive());
  });
  await withServer(app, {}, async ({ port }) => {
    await using client = await Http2Client.open(`http://127.0.0.1:${port}`);
    const stream = client.request("/", { accept: "text/event-stream" });
    const head = await stream.head;
    assertEquals(head["content-type"], "text/event-stream");
    assertEquals(head["cache-control"], "no-cache");
    assert(!("connection" in head));
    await open.promise;
    while (stream.text() === "") {
      await delay(1);
    }
    assertEquals(stream.text(), "data: hello\n\n");
    stream.reset();
    assertEquals(await ended.promise, {
      type: "sse.disconnect",
      reason: "client_closed",
    });
    assertEquals(scope?.http_version, "2");
  });
});

Deno.test("an app that fails before its response gives 500, and the other streams go on", async () => {
  const others = Promise.withResolvers<void>();
  const app = httpApp(async (scope, _receive, send) => {
    if (scope.path === "/fail") throw new Error("app broke");
    await others.promise;
    await reply(send, "fine");
  });
  const log = await withServer(app, {}, async ({ port }) => {
    await using client = await Http2Client.open(`http://127.0.0.1:${port}`);
    const other = client.request("/other");
    assertEquals((await client.get("/fail")).status, 500);
    others.resolve();
    assertEquals((await other.response).body, "fine");
  });
  assertEquals(linesOf("error", log).length, 1);
});

Deno.test("an app that fails in mid-response resets its stream alone", async () => {
  const failed = Promise.withResolvers<void>();
  const app = httpApp(async (scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "part", more: 1 });
    if (scope.path === "/fail") throw new Error("app broke");
    await failed.promise;
    await send({ type: "http.response.body", body: " and rest" });
  });
  await withServer(app, {}, async ({ port }) => {
    await using client = await Http2Client.open(`http://127.0.0.1:${port}`);
    const other = client.request("/other");
    await assertRejects(() => client.get("/fail"));
    failed.resolve();
    assertEquals((await other.response).body, "part and rest");
  });
});

Deno.test("a stopping server lets streams finish, and ends idle connections (PAGI.md 91)", async () => {
  const inside = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const app = httpApp(async (scope, _receive, send) => {
    if (scope.path === "/slow") {
      inside.resolve();
      await finish.promise;
    }
    await reply(send, `${scope.http_version} done`);
  });
  using files = certificateFiles();
  await withServer(app, { ...files }, async ({ port, server }) => {
    const url = `https://localhost:${port}`;
    const options = { caCerts: [CERTIFICATE], http1: false };
    using busy = Deno.createHttpClient(options);
    using idle = Deno.createHttpClient(options);
    const get = async (path: string, client: Deno.HttpClient) =>
      await (await fetch(url + path, { client })).text();
    assertEquals(await get("/", idle), "2 done");
    const slow = get("/slow", busy);
    await inside.promise;
    const began = performance.now();
    const stopped = server.stop();
    finish.resolve();
    assertEquals(await slow, "2 done");
    await stopped;
    const took = performance.now() - began;
    assert(took < 10_000, `${took} ms`);
  });
});

for (const workerNumber of [null, 1]) {
  const where = workerNumber === null ? "a process" : "a worker";
  Deno.test({
    name: `a silent HTTP/2 client does not hold up the stop of ${where}`,
    ignore: workerNumber !== null && Deno.build.os !== "linux",
    async fn() {
      const { app } = scopeKeeper();
      await withServer(app, {}, async ({ connect, server }) => {
        const connection = await connect();
        // The preface and empty SETTINGS; nothing is answered from here on.
        await connection.send(
          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        );
        await connection.read(9);
        const began = performance.now();
        await server.stop();
        const took = performance.now() - began;
        assert(took < 10_000, `${took} ms`);
        assert(await connection.ended());
      }, { workerNumber });
    },
  });
}

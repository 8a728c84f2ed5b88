import { ProxyApp } from "../../src/apps/proxy.ts";
import type {
  HttpScope,
  PagiApp,
  PagiConnection,
  ReceiveEvent,
} from "../../src/pagi/types.ts";
import {
  assertEquals,
  assertLess,
  assertRejects,
} from "../../src/std/assert.ts";
import { fieldOf, RawUpstream } from "../helpers/raw_upstream.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { runApp } from "../helpers/run_app.ts";
import type { AppRequest } from "../helpers/run_app.ts";
import { delay } from "../helpers/wait.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** A port at which nobody listens. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** What a client gets, and after how many seconds. */
async function timed(
  app: PagiApp,
  request: AppRequest = {},
): Promise<{ status: number; text: string; seconds: number }> {
  const start = performance.now();
  const { status, text } = await runApp(app, request);
  return { status, text, seconds: (performance.now() - start) / 1000 };
}

Deno.test("an unreachable target gets 502 at once (PAGI.md 116)", async () => {
  using refused = new ProxyApp({ target: `http://127.0.0.1:${closedPort()}` });
  const answer = await timed(refused.toApp());
  assertEquals([answer.status, answer.text], [502, "Bad Gateway"]);
  assertLess(answer.seconds, 10);
  using unknown = new ProxyApp({ target: "http://no-such-host.invalid" });
  assertEquals((await timed(unknown.toApp())).status, 502);
});

Deno.test("a target that was down is used again as soon as it is back", async () => {
  const port = closedPort();
  using proxy = new ProxyApp({ target: `http://127.0.0.1:${port}` });
  const app = proxy.toApp();
  assertEquals((await timed(app)).status, 502);
  {
    await using _upstream = new RawUpstream(async ({ raw, head }) => {
      while (await head() !== "") await raw.send(OK);
    }, port);
    assertEquals((await timed(app)).status, 200);
    assertEquals((await timed(app)).status, 200);
  }
  // Killed with a connection lying idle.
  assertEquals((await timed(app)).status, 502);
});

Deno.test("a target that takes too long gets 504, and its connection is closed", async () => {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    await raw.ended();
    close();
  });
  using proxy = new ProxyApp({ target: upstream.url, firstByteTimeout: 0.1 });
  const answer = await timed(proxy.toApp());
  assertEquals([answer.status, answer.text], [504, "Gateway Timeout"]);
  assertLess(answer.seconds, 10);
  await closed;
});

Deno.test("half a head that stalls gets 504, also when it drips", async () => {
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    await raw.send("HTTP/1.1 200 OK\r\n");
    for (let i = 0; i < 100; i++) {
      await raw.send("x: 1\r\n");
      await delay(20);
    }
  });
  using proxy = new ProxyApp({ target: upstream.url, firstByteTimeout: 0.1 });
  const answer = await timed(proxy.toApp());
  assertEquals(answer.status, 504);
  assertLess(answer.seconds, 10);
});

Deno.test("a target that nobody lets connect to gets 504 after connect_timeout", async () => {
  // A TLS target that never says a word is the same to the proxy.
  await using upstream = new RawUpstream(({ raw }) => raw.ended());
  using proxy = new ProxyApp({
    target: `https://127.0.0.1:${upstream.port}`,
    connectTimeout: 0.1,
  });
  const answer = await timed(proxy.toApp());
  assertEquals(answer.status, 504);
  assertLess(answer.seconds, 10);
});

Deno.test(
  "a target that takes no more connections gets 504 after connect_timeout",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    using listener = Deno.listen({
      hostname: "127.0.0.1",
      port: 0,
      tcpBacklog: 1,
    });
    const { port } = listener.addr;
    const waiting: Deno.Conn[] = [];
    try {
      // Until the queue is full.
      for (;;) {
        const signal = AbortSignal.timeout(100);
        waiting.push(await Deno.connect({ port, signal }));
      }
    } catch {
      using proxy = new ProxyApp({
        target: `http://127.0.0.1:${port}`,
        connectTimeout: 0.1,
      });
      assertEquals((await timed(proxy.toApp())).status, 504);
    } finally {
      for (const connection of waiting) connection.close();
    }
  },
);

Deno.test("a target that speaks no TLS gets 502", async () => {
  await using upstream = new RawUpstream(async ({ raw }) => {
    await raw.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  using proxy = new ProxyApp({ target: `https://127.0.0.1:${upstream.port}` });
  assertEquals((await timed(proxy.toApp())).status, 502);
});

Deno.test("an answer that stalls in mid-body is cut after idle_timeout", async () => {
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    await raw.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    await raw.ended();
  });
  using proxy = new ProxyApp({ target: upstream.url, idleTimeout: 0.1 });
  await assertRejects(
    () => runApp(proxy.toApp()),
    Error,
    "was silent for too long (0.1 s)",
  );
});

Deno.test("a target that stops taking a request body gets 504", async () => {
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    await delay(500);
    await raw.ended();
  });
  using proxy = new ProxyApp({ target: upstream.url, idleTimeout: 0.2 });
  const body = new Uint8Array(30_000_000);
  const answer = await timed(proxy.toApp(), { method: "POST", body });
  assertEquals(answer.status, 504);
});

Deno.test("connections are used again, for bodies too", async () => {
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    for (let text; (text = await head()) !== "";) {
      if (fieldOf(text, "content-length") === "3") await raw.until("abc");
      await raw.send(OK);
    }
  });
  using proxy = new ProxyApp({ target: upstream.url });
  const app = proxy.toApp();
  for (const method of ["GET", "POST", "HEAD", "PUT", "GET"]) {
    if (method === "HEAD") continue;
    const body = /^P/.test(method) ? "abc" : "";
    assertEquals((await timed(app, { method, body })).text, "ok");
  }
  assertEquals([upstream.connections, upstream.heads.length], [1, 4]);
});

Deno.test("a connection is not used again where the target does not mean it so", async () => {
  for (
    const answer of [
      OK.replace("\r\n", "\r\nconnection: Close\r\n"),
      OK.replace("1.1", "1.0"),
      OK + "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
    ]
  ) {
    await using upstream = RawUpstream.answering(answer);
    using proxy = new ProxyApp({ target: upstream.url });
    const app = proxy.toApp();
    assertEquals((await timed(app)).text, "ok");
    assertEquals((await timed(app)).text, "ok");
    assertEquals(upstream.connections, 2, answer);
  }
});

Deno.test("what an idle connection says is no answer", async () => {
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    await raw.send(OK);
    await raw.send("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n");
    await raw.ended();
  });
  using proxy = new ProxyApp({ target: upstream.url });
  const app = proxy.toApp();
  assertEquals((await timed(app)).status, 200);
  await delay(20);
  assertEquals((await timed(app)).status, 200);
  assertEquals(upstream.connections, 2);
});

/** Answers the first request, and closes when the second one comes. */
function closingAtReuse(): RawUpstream {
  return new RawUpstream(async ({ raw, head, number }) => {
    await head();
    await raw.send(OK);
    await head();
    if (number > 0) await raw.send(OK);
  });
}

Deno.test("a GET that meets a connection just being closed is made again", async () => {
  for (const method of ["GET", "OPTIONS", "PUT", "DELETE"]) {
    await using upstream = closingAtReuse();
    using proxy = new ProxyApp({ target: upstream.url });
    const app = proxy.toApp();
    await timed(app);
    assertEquals((await timed(app, { method })).status, 200);
    assertEquals(upstream.heads.length, 3);
  }
});

Deno.test("a POST is never doubled, whatever becomes of the connection", async () => {
  for (
    const [method, body] of [["POST", "x"], ["POST", ""], ["PUT", "x"], [
      "PATCH",
      "x",
    ]]
  ) {
    await using upstream = closingAtReuse();
    using proxy = new ProxyApp({
      // Another target would be there.
      target: [upstream.url, upstream.url],
    });
    const app = proxy.toApp();
    await timed(app);
    await timed(app);
    // On a connection that was in use just now.
    assertEquals((await timed(app, { method, body })).status, 502);
    const made = upstream.heads.filter((head) => head.startsWith(method));
    assertEquals(made.length, 1, method);
  }
});

Deno.test("a POST takes no connection that has been idle for long", async () => {
  await using upstream = closingAtReuse();
  using proxy = new ProxyApp({ target: upstream.url });
  const app = proxy.toApp();
  await timed(app);
  await delay(1050);
  assertEquals((await timed(app, { method: "POST", body: "x" })).status, 200);
  assertEquals(upstream.connections, 2);
});

Deno.test("a GET is not made again on the same target once an answer has begun", async () => {
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    await raw.send("HTTP/1.1 200 OK\r\nx");
  });
  using proxy = new ProxyApp({ target: upstream.url });
  assertEquals((await timed(proxy.toApp())).status, 502);
  assertEquals(upstream.heads.length, 1);
});

Deno.test("several targets take turns", async () => {
  await using one = RawUpstream.answering(OK);
  await using two = RawUpstream.answering(OK);
  await using three = RawUpstream.answering(OK);
  const all = [one, two, three];
  using proxy = new ProxyApp({ target: all.map(({ url }) => url).join(",") });
  for (let i = 0; i < 9; i++) await timed(proxy.toApp());
  assertEquals(all.map(({ heads }) => heads.length), [3, 3, 3]);
});

Deno.test("a request of any kind goes to the next target where one cannot be reached", async () => {
  await using upstream = RawUpstream.answering(OK);
  const down = `http://127.0.0.1:${closedPort()}`;
  for (const request of [{}, { method: "POST", body: "x" }]) {
    using proxy = new ProxyApp({ target: [down, upstream.url] });
    assertEquals((await timed(proxy.toApp(), request)).status, 200);
  }
  assertEquals(upstream.heads.length, 2);
});

Deno.test("a target that failed rests, and is tried again afterwards", async () => {
  let broken = true;
  await using ill = new RawUpstream(async ({ raw, head }) => {
    while (await head() !== "" && !broken) await raw.send(OK);
  });
  await using well = RawUpstream.answering(OK);
  using proxy = new ProxyApp({
    target: [ill.url, well.url],
    failTimeout: 0.3,
  });
  const app = proxy.toApp();
  for (let i = 0; i < 6; i++) assertEquals((await timed(app)).status, 200);
  assertEquals([ill.heads.length, well.heads.length], [1, 6]);
  broken = false;
  await delay(310);
  for (let i = 0; i < 6; i++) assertEquals((await timed(app)).status, 200);
  assertEquals([ill.heads.length, well.heads.length], [4, 9]);
});

Deno.test("when all targets rest they are tried all the same", async () => {
  const ports = [closedPort(), closedPort()];
  const target = ports.map((port) => `http://127.0.0.1:${port}`);
  using proxy = new ProxyApp({ target, failTimeout: 60 });
  assertEquals((await timed(proxy.toApp())).status, 502);
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    while (await head() !== "") await raw.send(OK);
  }, ports[1]);
  for (let i = 0; i < 4; i++) {
    assertEquals((await timed(proxy.toApp())).status, 200);
  }
  assertEquals(upstream.heads.length, 4);
});

Deno.test("a request that timed out is not made again", async () => {
  await using silent = new RawUpstream(({ raw }) => raw.ended());
  await using other = RawUpstream.answering(OK);
  using proxy = new ProxyApp({
    target: [silent.url, other.url],
    firstByteTimeout: 0.1,
  });
  assertEquals((await timed(proxy.toApp())).status, 504);
  assertEquals(other.heads.length, 0);
});

/** A client that sends `parts` and then leaves when told to. */
function leavingClient(parts: string[], leaves: Promise<void>) {
  const left = [...parts];
  return async (): Promise<ReceiveEvent> => {
    const part = left.shift();
    if (part === undefined) {
      await leaves;
      return { type: "http.disconnect" };
    }
    const body = new TextEncoder().encode(part);
    return { type: "http.request", body, more: part === "" ? 0 : 1 };
  };
}

Deno.test("a client that leaves while it waits aborts the request to the target", async () => {
  const { promise: leaves, resolve: leave } = Promise.withResolvers<void>();
  const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    leave();
    await raw.ended();
    abort();
  });
  using proxy = new ProxyApp({ target: upstream.url });
  const events: string[] = [];
  const scope = requestScope() as HttpScope;
  const connection: PagiConnection = {
    ...scope["pagi.connection"],
    onDisconnect: (act) => void leaves.then(() => act("client_closed")),
  };
  await proxy.toApp()(
    { ...scope, "pagi.connection": connection },
    leavingClient([""], leaves),
    (event) => Promise.resolve(void events.push(event.type)),
  );
  await aborted;
  assertEquals(events, []);
});

Deno.test("a client that leaves in the middle of its body ends no request", async () => {
  for (const length of [null, "100"]) {
    const { promise: leaves, resolve: leave } = Promise.withResolvers<void>();
    const { promise: rest, resolve: end } = Promise.withResolvers<string>();
    await using upstream = new RawUpstream(async ({ raw, head }) => {
      await head();
      await raw.until("second");
      leave();
      end(await raw.rest());
    });
    using proxy = new ProxyApp({ target: upstream.url });
    const headers: Record<string, string> = length === null
      ? { "transfer-encoding": "chunked" }
      : { "content-length": length };
    await proxy.toApp()(
      requestScope({ method: "POST", headers }),
      leavingClient(["first", "second"], leaves),
      () => Promise.resolve(),
    );
    // No last chunk.
    assertEquals((await rest).trim(), "");
  }
});

Deno.test("a body that is longer than the client said is not sent on", async () => {
  const { promise: rest, resolve: end } = Promise.withResolvers<string>();
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    end(await raw.rest());
  });
  using proxy = new ProxyApp({ target: upstream.url });
  await assertRejects(
    () =>
      proxy.toApp()(
        requestScope({ method: "POST", headers: { "content-length": "6" } }),
        leavingClient(["GET ", "/evil HTTP/1.1"], new Promise(() => {})),
        () => Promise.resolve(),
      ),
    Error,
    "not as long as its content-length",
  );
  assertEquals(await rest, "GET ");
});

Deno.test("a part of a body that is empty does not end it", async () => {
  let body = "";
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    body = await raw.until("0\r\n\r\n");
    await raw.send(OK);
  });
  using proxy = new ProxyApp({ target: upstream.url });
  const app = proxy.toApp();
  const parts = ["", "abc", "", "d"].map((text) =>
    new TextEncoder().encode(text)
  );
  const { status } = await runApp((scope, _receive, send) =>
    app(scope, () => {
      const part = parts.shift();
      if (part === undefined) return new Promise(() => {});
      const more = parts.length > 0 ? 1 : 0;
      return Promise.resolve({ type: "http.request", body: part, more });
    }, send), { method: "POST" });
  assertEquals(status, 200);
  assertEquals(body, "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n");
});

Deno.test("an answer that comes before the body is whole is passed on, and ends the use of the connection", async () => {
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    await raw.send("HTTP/1.1 413 X\r\ncontent-length: 2\r\n\r\nno");
    await raw.ended();
  });
  using proxy = new ProxyApp({ target: upstream.url, timeout: 1 });
  const app = proxy.toApp();
  const { status, text } = await runApp(
    (scope, _receive, send) =>
      app(scope, leavingClient(["first"], new Promise(() => {})), send),
    {
      method: "POST",
      headers: { "content-length": "1000" },
    },
  );
  assertEquals([status, text], [413, "no"]);
  // What is left of the body must not be taken for a request.
  assertEquals((await timed(app)).status, 413);
  assertEquals(upstream.connections, 2);
});

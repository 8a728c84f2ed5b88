/** The proxy in a real server, in front of real servers. */

import { ProxyApp } from "../../src/apps/proxy.ts";
import type { PagiApp, ReceiveEvent } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { cert, key } from "../guard/certificate.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { RawUpstream } from "../helpers/raw_upstream.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { withProxy } from "../helpers/with_proxy.ts";
import { withServer } from "../helpers/with_server.ts";

/** Answers with what it was asked. */
const echo: PagiApp = httpApp(async (scope, receive, send) => {
  let body = "";
  for (let more = 1; more;) {
    const event = await receive();
    if (event.type !== "http.request") return;
    body += new TextDecoder().decode(event.body);
    more = event.more;
  }
  const { method, raw_path, query_string, headers } = scope;
  await reply(
    send,
    JSON.stringify({ method, raw_path, query_string, headers, body }),
    [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x-seen", "1"]],
  );
});

/** What it answers. */
interface Echo {
  method: string;
  raw_path: string;
  query_string: string;
  headers: [string, string][];
  body: string;
}

Deno.test("a request goes through two servers as it is, and so does the answer", async () => {
  await withServer(echo, {}, async (upstream) => {
    await withProxy(upstream.url, async (proxy) => {
      const client = await proxy.connect();
      await client.request(
        "GET //a/../b%2Fc/?x=%20&y",
        "x-b: 1",
        "X-A: 2",
        "x-b: 3",
      );
      const { status, head, body } = await client.response();
      assertEquals(status, 200);
      assertEquals(head.match(/^set-cookie: .*$/gm), [
        "set-cookie: a=1",
        "set-cookie: b=2",
      ]);
      assertEquals(head.match(/^date: /gm)?.length, 1);
      assert(!/^(transfer-encoding|connection|via):/m.test(head), head);
      const seen: Echo = JSON.parse(body);
      assertEquals(seen.method, "GET");
      assertEquals(seen.raw_path, "//a/../b%2Fc/");
      assertEquals(seen.query_string, "x=%20&y");
      assertEquals(seen.headers.slice(0, 4), [
        ["host", upstream.url.slice(7)],
        ["x-b", "1"],
        ["x-a", "2"],
        ["x-b", "3"],
      ]);
    });
  });
});

Deno.test("bodies go through, with a length, in chunks and after 100 Continue", async () => {
  await withServer(echo, {}, async (upstream) => {
    await withProxy(upstream.url, async (proxy) => {
      const client = await proxy.connect();
      const post = "POST / HTTP/1.1\r\nhost: x\r\n";
      await client.send(`${post}content-length: 3\r\n\r\nabc`);
      assertEquals(JSON.parse((await client.response()).body).body, "abc");
      await client.send(
        `${post}transfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n`,
      );
      assertEquals(JSON.parse((await client.response()).body).body, "abc");
      await client.send(
        `${post}expect: 100-continue\r\ncontent-length: 3\r\n\r\n`,
      );
      assertStringIncludes(await client.until("\r\n\r\n"), "100 Continue");
      await client.send("abc");
      const seen: Echo = JSON.parse((await client.response()).body);
      assertEquals(seen.body, "abc");
      assert(!seen.headers.some(([name]) => name === "expect"));
    });
  });
});

Deno.test("HEAD and 304 keep the length of the body that is not there", async () => {
  const app = httpApp(async ({ method }, _receive, send) => {
    await send({
      type: "http.response.start",
      status: method === "HEAD" ? 200 : 304,
      headers: [["content-length", "5"], ["etag", '"x"']],
    });
    await send({ type: "http.response.body" });
  });
  await withServer(app, {}, async (upstream) => {
    await withProxy(upstream.url, async (proxy) => {
      const client = await proxy.connect();
      for (const [method, status] of [["HEAD", 200], ["GET", 304]] as const) {
        await client.request(`${method} /`);
        const response = await client.response(true);
        assertEquals(response.status, status);
        assertEquals(response.headers.get("etag"), '"x"');
        if (method === "HEAD") {
          assertEquals(response.headers.get("content-length"), "5");
        }
      }
    });
  });
});

Deno.test("a redirect of the target is passed on, not followed", async () => {
  let asked = 0;
  const app = httpApp(async (_scope, _receive, send) => {
    asked++;
    await reply(send, "", [["location", "/other"]], 307);
  });
  await withServer(app, {}, async (upstream) => {
    await withProxy(upstream.url, async (proxy) => {
      const response = await fetch(proxy.url, { redirect: "manual" });
      await response.body?.cancel();
      assertEquals(response.headers.get("location"), "/other");
    });
  });
  assertEquals(asked, 1);
});

Deno.test("a target that dies in mid-body cuts the client's answer, with and without a length", async () => {
  for (
    const head of [
      "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ]
  ) {
    await using upstream = new RawUpstream(async ({ raw, head: request }) => {
      await request();
      await raw.send(head);
    });
    await withProxy(upstream.url, async (proxy) => {
      const client = await proxy.connect();
      await client.request("GET /");
      const all = await client.rest();
      assertStringIncludes(all, "200 OK");
      assert(!all.endsWith("0\r\n\r\n"), "the body was ended");
      assertMatch(proxy.log.join(""), /closed the connection in the middle/);
    });
  }
});

Deno.test("a client that leaves in mid-body ends the connection to the target", async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    await raw.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    await raw.ended();
    end();
  });
  await withProxy(upstream.url, async (proxy) => {
    const client = await proxy.connect();
    await client.request("GET /");
    await client.until("abc");
    client.close();
    await ended;
  });
});

Deno.test("a client that leaves while it waits ends the connection to the target", async () => {
  for (const accept of ["*/*", "text/event-stream"]) {
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    await using upstream = new RawUpstream(async ({ raw, head }) => {
      await head();
      asked.resolve();
      await raw.ended();
      ended.resolve();
    });
    await withProxy(upstream.url, async (proxy) => {
      const client = await proxy.connect();
      await client.request("GET /", `accept: ${accept}`);
      await asked.promise;
      client.close();
      await ended.promise;
    });
  }
});

Deno.test("event streams flow, and end when the client leaves", async () => {
  const left = Promise.withResolvers<string>();
  const app: PagiApp = async (scope, receive, send) => {
    if (scope.type !== "sse") throw new Error(`${scope.type}?`);
    await receive();
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: "one", id: "1" });
    await next.promise;
    await send({ type: "sse.send", data: "two" });
    const event = await receive();
    if (event.type === "sse.disconnect") left.resolve(event.reason);
  };
  const next = Promise.withResolvers<void>();
  await withServer(app, {}, async (upstream) => {
    await withProxy(upstream.url, async (proxy) => {
      const client = await proxy.connect();
      await client.request("GET /", "accept: text/event-stream");
      assertStringIncludes(await client.until("\r\n\r\n"), "text/event-stream");
      await client.until("data: one\nid: 1\n\n");
      next.resolve();
      await client.until("data: two\n\n");
      client.close();
      assertEquals(await left.promise, "client_closed");
    });
  });
});

Deno.test("a target that stops gets 502 at once, and is used when it is back (PAGI.md 116)", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await withProxy(`http://127.0.0.1:${port}`, async (proxy) => {
    const status = async (): Promise<number> => {
      const response = await fetch(proxy.url);
      await response.body?.cancel();
      return response.status;
    };
    for (let i = 0; i < 2; i++) {
      await withServer(echo, { port }, async () => {
        assertEquals([await status(), await status()], [200, 200]);
      });
      const begun = performance.now();
      assertEquals(await status(), 502);
      assert(performance.now() - begun < 10_000);
    }
  });
});

Deno.test("the log tells once that a target fails, and once that it is back", async () => {
  let broken = true;
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    if (!broken) {
      await raw.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    }
  });
  await withProxy(upstream.url, async (proxy) => {
    const client = await proxy.connect();
    for (broken of [true, true, false, false]) {
      await client.request("GET /");
      assertEquals((await client.response()).status, broken ? 502 : 200);
    }
    const told = proxy.log.filter((line) => line.includes(upstream.url));
    assertEquals(told.length, 2);
    assertMatch(
      told[0],
      / warn .* closed the connection without an answer\.$/m,
    );
    assertMatch(told[1], / info .* answers again\.$/m);
  });
});

Deno.test("an https target is asked by TLS, where its certificate is trusted", async () => {
  const folder = tempFolder("pagi proxy ");
  const [sslCert, sslKey] = [join(folder, "c.pem"), join(folder, "k.pem")];
  try {
    Deno.writeTextFileSync(sslCert, cert);
    Deno.writeTextFileSync(sslKey, key);
    await withServer(echo, { sslCert, sslKey }, async ({ port }) => {
      for (const host of ["127.0.0.1", "localhost"]) {
        const target = `https://${host}:${port}`;
        await withProxy(target, async (proxy) => {
          for (let i = 0; i < 2; i++) {
            const seen: Echo = await (await fetch(proxy.url)).json();
            assertEquals(seen.headers[0], ["host", `${host}:${port}`]);
          }
        }, { ca_cert: sslCert });
        await withProxy(target, async (proxy) => {
          const response = await fetch(proxy.url);
          await response.body?.cancel();
          assertEquals(response.status, 502);
        });
      }
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a target may be a Unix socket", async () => {
  const folder = tempFolder("pagi proxy ");
  const socket = join(folder, "app.sock");
  try {
    await withServer(echo, { socket }, async () => {
      for (
        const [target, path] of [
          [`unix:${socket}`, "/x"],
          [`http://unix:${socket}:/base/`, "/base/x"],
        ]
      ) {
        await withProxy(target, async (proxy) => {
          for (let i = 0; i < 2; i++) {
            const body = "x".repeat(100_000);
            const response = await fetch(`${proxy.url}/x`, {
              method: "POST",
              body,
            });
            const seen: Echo = await response.json();
            assertEquals(seen.raw_path, path);
            assertEquals(seen.body, body);
            assert(
              seen.headers.some(([name, value]) =>
                name === "host" && value === "localhost"
              ),
            );
          }
        });
      }
    });
    await withProxy(`unix:${socket}`, async (proxy) => {
      const response = await fetch(proxy.url);
      await response.body?.cancel();
      assertEquals(response.status, 502);
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("the proxy does not support lifespan scopes", async () => {
  using proxy = new ProxyApp();
  await assertRejects(
    () =>
      proxy.toApp()(
        { type: "lifespan", pagi: { version: "0.3" } },
        () => new Promise<ReceiveEvent>(() => {}),
        () => Promise.resolve(),
      ),
    Error,
    "PAGI::App::Proxy does not support scopes of type lifespan",
  );
});

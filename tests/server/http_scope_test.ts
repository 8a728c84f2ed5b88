/** What an `http` scope says of a request (PAGI.md 2, 3.1). */

import type { HttpScope, Scope } from "../../src/pagi/types.ts";
import type { Settings } from "../../src/options/settings.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { withServer } from "../helpers/with_server.ts";

/** The scope of a request as it stands on the wire. */
async function scopeOf(
  request: string,
  settings: Partial<Settings> = {},
): Promise<HttpScope> {
  let seen: HttpScope | undefined;
  const app = httpApp(async (scope, _, send) => {
    seen = scope;
    await reply(send);
  });
  await withServer(app, settings, async ({ connect }) => {
    const client = await connect();
    await client.send(request);
    assertEquals((await client.response()).status, 200);
  });
  return seen!;
}

function get(target: string, ...headers: string[]): Promise<HttpScope> {
  const lines = [`GET ${target} HTTP/1.1`, "Host: localhost", ...headers];
  return scopeOf([...lines, "", ""].join("\r\n"));
}

/** A string as its UTF-8 bytes, one code unit each. */
function bytes(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

Deno.test("an http scope carries pagi.version 0.3 (PAGI.md 2)", async () => {
  const { type, pagi } = await get("/");
  assertEquals(type, "http");
  assertEquals(pagi.version, "0.3");
});

Deno.test("an http scope says who asks whom, and how", async () => {
  let seen: HttpScope | undefined;
  const app = httpApp(async (scope, _, send) => {
    seen = scope;
    await reply(send);
  });
  await withServer(app, {}, async ({ connect, port }) => {
    const client = await connect();
    await client.request("GET /");
    await client.response();
    const { localAddr } = client.connection;
    assert(localAddr.transport === "tcp");
    assertEquals(seen!.client, [localAddr.hostname, localAddr.port]);
    assertEquals(seen!.server, ["127.0.0.1", port]);
  });
  const { scheme, http_version, root_path, method } = seen!;
  assertEquals({ scheme, http_version, root_path, method }, {
    scheme: "http",
    http_version: "1.1",
    root_path: "",
    method: "GET",
  });
});

Deno.test("HTTP/1.0 is reported as 1.1, from which it cannot be told (PAGI.md 32, exception)", async () => {
  const scope = await scopeOf("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
  assertEquals(scope.http_version, "1.1");
});

Deno.test("a cleartext connection has no extensions.tls (PAGI.md 21)", async () => {
  assertEquals("tls" in (await get("/")).extensions, false);
});

for (
  const [title, target, path, rawPath, query] of [
    ["percent-encoded UTF-8 is decoded (PAGI.md 13)", "/caf%C3%A9", "/café"],
    ["a byte that is not UTF-8 is kept (PAGI.md 14)", "/%FF", "/\xFF"],
    [
      "all bytes are kept where some are not UTF-8",
      "/%C3%A9%FF",
      "/\xC3\xA9\xFF",
    ],
    [
      "raw_path keeps its escapes and query_string omits the ? (PAGI.md 15)",
      "/a%20b%2Fc?d=%20&e",
      "/a b/c",
      "/a%20b%2Fc",
      "d=%20&e",
    ],
    ["only the first ? divides", "/a?b?c", "/a", "/a", "b?c"],
    ["an empty query is empty", "/a?", "/a", "/a", ""],
    ["malformed escapes and + are left alone", "/%zz%2+%", "/%zz%2+%"],
    ["a BOM is not dropped", "/%EF%BB%BFa", "/\uFEFFa"],
    ["NUL is a character", "/a%00b", "/a\0b"],
    ["nothing is resolved or merged", "//a/../b%2Fc", "//a/../b/c"],
    ["a backslash and a semicolon stay", "/a\\b;c=d", "/a\\b;c=d"],
    [
      "characters that a URL would escape stay",
      '/"<>|^`{}',
      '/"<>|^`{}',
    ],
    [
      "unencoded UTF-8 is text in path and bytes elsewhere",
      bytes("/é?é"),
      "/é",
      bytes("/é"),
      bytes("é"),
    ],
  ] as const
) {
  Deno.test(`path: ${title}`, async () => {
    const scope = await get(target);
    assertEquals(scope.path, path);
    assertEquals(scope.raw_path, rawPath ?? target);
    assertEquals(scope.query_string, query ?? "");
  });
}

Deno.test("header names arrive in lower case, in order, duplicates apart (PAGI.md 16)", async () => {
  const { headers } = await get("/", "X-One: 1", "Accept: a", "X-ONE:  2 \t");
  assertEquals(headers, [
    ["host", "localhost"],
    ["x-one", "1"],
    ["accept", "a"],
    ["x-one", "2"],
  ]);
});

Deno.test("cookie fields arrive as one, joined by '; ' (PAGI.md 17)", async () => {
  const { headers } = await get("/", "Cookie: a=1", "X: y", "cookie: b=2");
  assertEquals(headers.filter(([name]) => name === "cookie"), [
    ["cookie", "a=1; b=2"],
  ]);
});

Deno.test("header values are opaque bytes", async () => {
  const { headers } = await get("/", "X-Bytes: \xE9\t\xFF", "X-Empty:");
  assertEquals(headers.slice(1), [["x-bytes", "\xE9\t\xFF"], ["x-empty", ""]]);
});

for (
  const method of ["get", "delete", "Patch", "hEAD", "PROPFIND", "m-search!"]
) {
  Deno.test(`the method ${method} arrives as it was sent`, async () => {
    const scope = await scopeOf(
      `${method} / HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    );
    assertEquals(scope.method, method);
  });
}

Deno.test("OPTIONS * arrives with the path /* (the engine's doing)", async () => {
  const scope = await scopeOf("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assertEquals([scope.path, scope.raw_path], ["/*", "/*"]);
});

for (
  const [target, path, query, host] of [
    ["http://other:81/p?q", "/p", "q", "other:81"],
    ["http://other?q", "/", "q", "other"],
    ["http://other", "/", "", "other"],
    ["HTTP://localhost/a%2Fb", "/a/b", "", "localhost"],
    ["http://localhosts/p", "/p", "", "localhosts"],
    ["http://localhost:99/p", "/p", "", "localhost:99"],
    ["http://localhost.example/p", "/p", "", "localhost.example"],
  ]
) {
  Deno.test(`the target ${target} names path and host`, async () => {
    const scope = await get(target);
    assertEquals(scope.path, path);
    assertEquals(scope.query_string, query);
    assertEquals(scope.headers, [["host", host]]);
  });
}

Deno.test("only http scopes carry pagi.connection (PAGI.md 76)", async () => {
  const seen = new Map<string, boolean>();
  const app = async (
    scope: Scope,
    _: unknown,
    send: Parameters<typeof reply>[0],
  ) => {
    seen.set(scope.type, "pagi.connection" in scope);
    if (scope.type === "websocket") {
      return await send({ type: "websocket.close" });
    }
    if (scope.type !== "lifespan") await reply(send);
  };
  await withServer(app, {}, async ({ url, connect }) => {
    await (await fetch(url)).body?.cancel();
    const headers = { accept: "text/event-stream" };
    await (await fetch(url, { headers })).body?.cancel();
    const client = await connect();
    await client.request(
      "GET /",
      "upgrade: websocket",
      "connection: upgrade",
      "sec-websocket-version: 13",
      "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    );
    assertEquals((await client.response()).status, 403);
  });
  assertEquals(Object.fromEntries(seen), {
    lifespan: false,
    http: true,
    sse: false,
    websocket: false,
  });
});

Deno.test("accept decides between http and sse; URL and method do not", async () => {
  const kinds: string[] = [];
  await withServer(
    async (scope, _, send) => {
      if (scope.type === "lifespan") throw new Error("not supported");
      kinds.push(scope.type);
      await reply(send);
    },
    {},
    async ({ connect }) => {
      const client = await connect();
      const ask = async (line: string, ...headers: string[]) => {
        await client.request(line, ...headers);
        await client.response();
      };
      await ask("GET /events", "accept: */*");
      await ask("GET /", "accept: text/html, text/event-stream;q=0.5");
      await ask("DELETE /", "accept: TEXT/EVENT-STREAM");
      await ask("GET /", "accept: text/html", "accept: text/event-stream");
      await ask("GET /", "accept: text/event-streams");
      await ask("GET /", "accept: application/text/event-stream");
    },
  );
  assertEquals(kinds, ["http", "sse", "sse", "sse", "http", "http"]);
});

Deno.test("each request has its own scope, headers and state", async () => {
  const scopes: HttpScope[] = [];
  await withServer(
    async (scope, receive, send) => {
      if (scope.type === "lifespan") {
        scope.state!.shared = { count: 0 };
        await receive();
        await send({ type: "lifespan.startup.complete" });
        await receive();
        return await send({ type: "lifespan.shutdown.complete" });
      }
      assert(scope.type === "http");
      scopes.push(scope);
      scope.headers.push(["x-mine", "1"]);
      scope.state!.mine = true;
      scope.path = "/changed";
      await reply(send);
    },
    {},
    async ({ connect }) => {
      const client = await connect();
      for (let i = 0; i < 2; i++) {
        await client.request("GET /");
        await client.response();
      }
    },
  );
  const [one, two] = scopes;
  assertEquals(two.headers, [["host", "localhost"], ["x-mine", "1"]]);
  assert(one.state !== two.state);
  assert(one.state!.shared === two.state!.shared);
});

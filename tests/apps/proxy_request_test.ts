import { ProxyApp } from "../../src/apps/proxy.ts";
import { UrlMapApp } from "../../src/apps/url_map.ts";
import type { HeaderList } from "../../src/pagi/types.ts";
import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { fieldOf, RawUpstream } from "../helpers/raw_upstream.ts";
import { runApp } from "../helpers/run_app.ts";
import type { AppRequest } from "../helpers/run_app.ts";
import { withServer } from "../helpers/with_server.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** The head of what the target gets, the base path of which is `base`. */
async function passedOn(
  request: AppRequest,
  options: Record<string, unknown> = {},
  base = "",
): Promise<string> {
  await using upstream = RawUpstream.answering(OK);
  using proxy = new ProxyApp({ ...options, target: upstream.url + base });
  const response = await runApp(proxy.toApp(), request);
  assertEquals(response.text, "ok");
  assertEquals(upstream.heads.length, 1);
  return upstream.heads[0];
}

function target(head: string): string {
  return head.split(" ")[1];
}

Deno.test("the proxy passes the path and the query on as they came", async () => {
  for (
    const path of [
      "/",
      "//",
      "//a/../b/./c",
      "/a%2Fb%2fc/%2e%2E/%zz%/%FF/%00",
      "/caf%C3%A9?q=%20+&?/../#".slice(0, -1),
      "/|\"<>^`{}\\'[]?|\"<>^`{}\\'[]",
      "/?",
      "/*",
      "/http://other.example/",
    ]
  ) {
    const expected = path === "/?" ? "/" : path;
    assertEquals(target(await passedOn({ target: path })), expected);
  }
});

Deno.test("the proxy encodes what would break the request line", async () => {
  const scope = { raw_path: "/a b\r\nX: y\xff", path: "/a b\r\nX: y\xff" };
  const head = await passedOn({
    scope: { ...scope, query_string: "q= \n\x7f" },
  });
  assertEquals(target(head), "/a%20b%0d%0aX:%20y%ff?q=%20%0a%7f");
});

Deno.test("the proxy puts the base path of the target before the path", async () => {
  for (const base of ["/base", "/base/"]) {
    assertEquals(target(await passedOn({ target: "/" }, {}, base)), "/base/");
    assertEquals(
      target(await passedOn({ target: "/x//%2f?y" }, {}, base)),
      "/base/x//%2f?y",
    );
  }
});

Deno.test("the proxy refuses a path that would climb above the base path or the mount", async () => {
  await using upstream = RawUpstream.answering(OK);
  using proxy = new ProxyApp({ target: `${upstream.url}/base` });
  const app = proxy.toApp();
  for (
    const path of [
      "/..",
      "/../admin",
      "/%2e%2e/admin",
      "/a/.%2E/../admin",
      "/..%2fadmin",
      "/a/..%5c..%5cadmin",
      "/\\..\\admin",
      "/..;x=y/admin",
      "//../admin",
      "/./../admin",
      "/..%00/admin",
      "/..%00.html",
      "/%252e%252e/admin",
      "/%25252e%2525252e/admin",
      "/%%32%65%%32%65/admin",
      "/.%252E%255cadmin",
      "/..%252fadmin",
      "/%u002e%u002E/admin",
      "/%c0%ae%c0%ae/admin",
      "/..%c0%afadmin",
      "/%e0%80%ae./admin",
      "/%f0%80%80%ae./admin",
      "/%fc%80%80%80%80%ae./admin",
      "/..%e0%81%9cadmin",
      "/..%c0%80/admin",
      "/%c0%a52e./admin",
      "/%ef%bc%8e%ef%bc%8e/admin",
      "/..%uff0fadmin",
      "/%e2%80%a5/admin",
      "/.%00./admin",
      "/..%3bx/admin",
      "/..%3f",
      "/..%23",
      "/.%09./admin",
      "/..%20/admin",
      // Who does not decode %2F first sees one segment before the dots.
      "/a%2fb/../../admin",
      "/a%252fb/../../admin",
      "/;x/../../admin",
    ]
  ) {
    const response = await runApp(app, { target: path });
    assertEquals([path, response.status], [path, 400]);
  }
  assertEquals(upstream.heads.length, 0);
  for (
    const path of [
      "/a/../b",
      "/...",
      "/..a",
      "/a/%2e%2e/",
      "/a/%252e%252e/",
      "/100%25/..",
      "/a%2fb",
      "/%zz/..",
      "/caf%c3%a9/..%00",
      "/%f0%9f%98%80/..",
      "/%e0%80/..",
      "/%ae%ae/..",
      "/a.b%00",
    ]
  ) {
    assertEquals((await runApp(app, { target: path })).status, 200, path);
  }
  using mounted = new ProxyApp({ target: upstream.url });
  const { status } = await runApp(mounted.toApp(), {
    target: "/mount/../admin",
    rootPath: "/mount",
  });
  assertEquals(status, 400);
});

Deno.test("a mounted proxy takes the mount off the path as the client wrote it", async () => {
  const cases: [string, string, string][] = [
    ["/api/x%2Fy", "/api", "/x%2Fy"],
    ["/%61pi/x", "/api", "/x"],
    ["/api", "/api", "/"],
    ["/api/", "/api", "/"],
    ["/api//", "/api", "//"],
    ["/caf%C3%A9/%C3%A9", "/café", "/%C3%A9"],
  ];
  for (const [path, rootPath, expected] of cases) {
    const head = await passedOn({
      target: path,
      rootPath,
      scope: expected === "/" ? { path: "/" } : {
        path: decodeURIComponent(expected),
      },
    });
    assertEquals(target(head), expected);
    assertEquals(
      fieldOf(head, "x-forwarded-prefix"),
      encodeURI(rootPath),
    );
  }
});

Deno.test("a mount takes its prefix off paths that are not UTF-8, escaped or doubled", async () => {
  await using upstream = RawUpstream.answering(OK);
  using proxy = new ProxyApp({ target: upstream.url });
  const cases: [path: string, mount: string, expected: string][] = [
    ["/%FF/caf%C3%A9", "/\xff", "/caf%C3%A9"],
    ["/%ff", "/\xff", "/"],
    ["/%/%41%zz", "/%", "/%41%zz"],
    ["/%F0%9F%98%80/%F0%9F%98%80", "/😀", "/%F0%9F%98%80"],
    ["/a%2Fb/c", "/a/b", "/c"],
    ["/%61%2fb/", "/a/b", "/"],
    ["/a%2Fb%2fc", "/a/b", "/c"],
    ["/a%2F", "/a", "/"],
    ["/api/api/api", "/api", "/api/api"],
  ];
  for (const [path, mount, expected] of cases) {
    const app = new UrlMapApp().mount(mount, proxy).toApp();
    assertEquals((await runApp(app, { target: path })).status, 200, path);
    assertEquals([path, target(upstream.heads.at(-1)!)], [path, expected]);
  }
});

Deno.test("a question mark without a query is passed on", async () => {
  await using upstream = RawUpstream.answering(OK);
  using proxy = new ProxyApp({ target: upstream.url });
  await withServer(proxy.toApp(), {}, async ({ connect }) => {
    for (const path of ["/x?", "/x", "/?", "/x??", "/x?#".slice(0, -1)]) {
      const client = await connect();
      await client.request(`GET ${path}`);
      await client.response();
      assertEquals(target(upstream.heads.at(-1)!), path);
    }
  });
});

Deno.test("a start page is found with and without a slash, whichever the target wants", async () => {
  for (const wanted of ["/docs", "/docs/"]) {
    await using upstream = new RawUpstream(async ({ raw, head }) => {
      for (let text; (text = await head()) !== "";) {
        const [path] = target(text).split("?");
        const other = wanted === "/docs" ? "/docs/" : "/docs";
        await raw.send(
          path === other
            ? `HTTP/1.1 308 X\r\nlocation: ${wanted}\r\ncontent-length: 0\r\n\r\n`
            : OK,
        );
      }
    });
    for (const written of ["/docs", "/docs/"]) {
      using proxy = new ProxyApp({ target: upstream.url + written });
      const top = proxy.toApp();
      for (const _ of [1, 2]) {
        const { status } = await runApp(top, { target: "/" });
        assertEquals(status, 200, `${written} for ${wanted}`);
      }
      assertEquals(target(upstream.heads.at(-1)!), wanted);
      // A mount can be asked for in both ways.
      for (const mount of ["/docs", "/else"]) {
        const app = new UrlMapApp().mount(mount, proxy).toApp();
        const seen = [mount];
        while (seen.length < 4) {
          const response = await runApp(app, { target: seen.at(-1)! });
          if (response.status === 200) break;
          seen.push(response.header("location")!);
        }
        const last = wanted === "/docs" ? mount : `${mount}/`;
        assertEquals(seen.at(-1), last);
        assertEquals(
          (await runApp(app, { target: `${mount}/` })).header("location"),
          wanted === "/docs" ? mount : null,
        );
      }
    }
  }
});

Deno.test("a path that a middleware has rewritten wins over the client's", async () => {
  const head = await passedOn({ target: "/old", scope: { path: "/new é?#%" } });
  assertEquals(target(head), "/new%20%C3%A9%3F%23%25");
  const without = await passedOn({
    scope: { raw_path: undefined, path: "/a b" },
  });
  assertEquals(target(without), "/a%20b");
});

Deno.test("the proxy names the target as host, or the client's, or the one given", async () => {
  const headers = { host: "shop.example" };
  const plain = await passedOn({ headers });
  assertMatch(plain, /^GET \/ HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n/);
  assertEquals(fieldOf(plain, "x-forwarded-host"), "shop.example");
  assertEquals(
    fieldOf(await passedOn({ headers }, { preserve_host: "1" }), "host"),
    "shop.example",
  );
  const given = { headers: { Host: "inner.example" }, preserve_host: true };
  assertEquals(
    fieldOf(await passedOn({ headers }, given), "host"),
    "inner.example",
  );
});

Deno.test("what the client asks for never chooses the target", async () => {
  const requests: AppRequest[] = [
    { headers: { host: "169.254.169.254" } },
    { headers: { host: "127.0.0.1:1" } },
    { target: "//127.0.0.1:1/" },
    { target: "/http://127.0.0.1:1/", headers: { "x-forwarded-host": "a" } },
  ];
  for (const request of requests) await passedOn(request);
});

Deno.test("header fields keep their order, their number and their bytes", async () => {
  const headers: HeaderList = [
    ["x-b", "1"],
    ["accept-encoding", "br"],
    ["x-a", "caf\xe9 \x80 \t x"],
    ["x-b", "2"],
    ["cookie", "a=b; c=d"],
    ["x-empty", ""],
  ];
  const head = await passedOn({ headers });
  const lines = head.split("\r\n").slice(2, 2 + headers.length);
  assertEquals(lines, headers.map(([name, value]) => `${name}: ${value}`));
  // Nothing is added that would change the answer.
  assertEquals(fieldOf(head, "accept"), null);
  assertEquals(fieldOf(head, "user-agent"), null);
});

Deno.test("fields of one connection stay behind, also those that connection names", async () => {
  const head = await passedOn({
    headers: [
      ["connection", "Keep-Alive, X-One,x-two , upgrade"],
      ["connection", "x-three"],
      ["x-one", "1"],
      ["x-two", "2"],
      ["x-three", "3"],
      ["x-four", "4"],
      ["keep-alive", "timeout=5"],
      ["proxy-connection", "keep-alive"],
      ["proxy-authorization", "Basic eA=="],
      ["te", "gzip"],
      ["trailer", "x"],
      ["upgrade", "h2c"],
      ["http2-settings", "AA"],
      ["expect", "100-continue"],
      ["content_length", "5"],
      ["transfer_encoding", "chunked"],
    ],
  });
  const names = head.split("\r\n").map((line) => line.split(":")[0]);
  assertEquals(names.slice(1, 3), ["host", "x-four"]);
  for (const name of names.slice(3).filter(Boolean)) {
    assertMatch(name, /^(via|forwarded|x-forwarded-(for|proto|host))$/);
  }
});

Deno.test("of te only trailers goes on", async () => {
  const head = await passedOn({
    headers: { te: "gzip, Trailers;q=0.5, trailers", connection: "te" },
  });
  assertEquals(fieldOf(head, "te"), "trailers");
  assertEquals(fieldOf(head, "connection"), "te");
});

Deno.test("the proxy tells who asked, and not what the client says of it", async () => {
  const head = await passedOn({
    headers: {
      host: "a.example:81",
      "x-forwarded-for": "6.6.6.6",
      "x-forwarded-proto": "https",
      "x_forwarded_host": "evil",
      "x-forwarded-prefix": "/evil",
      "x-forwarded-port": "1",
      "x-real-ip": "6.6.6.6",
      forwarded: "for=6.6.6.6",
      connection: "x-forwarded-for, forwarded, host",
    },
  });
  assertEquals(fieldOf(head, "x-forwarded-for"), "127.0.0.1");
  assertEquals(fieldOf(head, "x-forwarded-proto"), "http");
  assertEquals(fieldOf(head, "x-forwarded-host"), "a.example:81");
  assertEquals(
    fieldOf(head, "forwarded"),
    'for=127.0.0.1;host="a.example:81";proto=http',
  );
  for (const name of ["x_forwarded_host", "x-forwarded-port", "x-real-ip"]) {
    assertEquals(fieldOf(head, name), null);
  }
  assertEquals(fieldOf(head, "x-forwarded-prefix"), null);
});

Deno.test("with trust_forwarded the proxy adds to what the client says", async () => {
  const trusting = { trust_forwarded: 1 };
  const head = await passedOn({
    headers: [
      ["host", "inner"],
      ["x-forwarded-for", "192.0.2.1"],
      ["x-forwarded-for", "192.0.2.2"],
      ["x-forwarded-proto", "https"],
      ["x-forwarded-host", "a.example"],
      ["x-forwarded-port", "443"],
      ["forwarded", "for=192.0.2.1"],
    ],
  }, trusting);
  assertEquals(
    fieldOf(head, "x-forwarded-for"),
    "192.0.2.1, 192.0.2.2, 127.0.0.1",
  );
  assertEquals(fieldOf(head, "x-forwarded-proto"), "https");
  assertEquals(fieldOf(head, "x-forwarded-host"), "a.example");
  assertEquals(fieldOf(head, "x-forwarded-port"), "443");
  assertEquals(
    fieldOf(head, "forwarded"),
    'for=192.0.2.1, for=127.0.0.1;host="inner";proto=http',
  );
});

Deno.test("addresses stand in forwarded as RFC 7239 has them", async () => {
  const cases: [Record<string, unknown>, string | null, string][] = [
    [{ client: ["2001:db8::1", 5] }, "2001:db8::1", 'for="[2001:db8::1]"'],
    [{ client: undefined }, null, "for=unknown"],
  ];
  for (const [scope, plain, element] of cases) {
    const head = await passedOn({
      headers: { host: 'a"\\b' },
      scope: { ...scope, scheme: "https" },
    });
    assertEquals(fieldOf(head, "x-forwarded-for"), plain);
    assertEquals(
      fieldOf(head, "forwarded"),
      `${element};host="a\\"\\\\b";proto=https`,
    );
  }
});

Deno.test("headers are set in place of the client's, remove_headers removed", async () => {
  const head = await passedOn({
    headers: { "x-key": "mine", x_key: "mine", cookie: "a=b", accept: "*/*" },
  }, {
    headers: "X-Key: secret, x-list: a, b",
    remove_headers: "cookie,Via,forwarded,x-forwarded-for",
  });
  assertEquals(fieldOf(head, "x-key"), "secret");
  assertEquals(fieldOf(head, "x_key"), null);
  assertEquals(fieldOf(head, "x-list"), "a, b");
  assertEquals(fieldOf(head, "accept"), "*/*");
  for (const name of ["cookie", "via", "forwarded", "x-forwarded-for"]) {
    assertEquals(fieldOf(head, name), null);
  }
});

Deno.test("the proxy knows its own requests by via, and no others", async () => {
  await using upstream = RawUpstream.answering(OK);
  using proxy = new ProxyApp({ target: upstream.url });
  using other = new ProxyApp({ target: upstream.url });
  await runApp(proxy.toApp(), { headers: { via: "1.0 Fred (x)" } });
  const via = fieldOf(upstream.heads[0], "via") ?? "";
  assertMatch(via, /^1\.0 Fred \(x\), 1\.1 pagi-[0-9a-f]{8}$/);
  const request = { headers: { via } };
  assertEquals((await runApp(proxy.toApp(), request)).status, 508);
  assertEquals((await runApp(other.toApp(), request)).status, 200);
});

Deno.test("a body is framed anew, whatever the client said of it", async () => {
  const cases: [AppRequest, string | null, string | null][] = [
    [{ method: "POST", body: "abc" }, "3", null],
    [
      { method: "POST", body: "abc", headers: { "content-length": "99" } },
      "3",
      null,
    ],
    [
      {
        method: "POST",
        body: "abc",
        headers: { "content-length": "0", "transfer-encoding": "chunked" },
      },
      "3",
      null,
    ],
    [{ method: "POST" }, "0", null],
    [{ method: "DELETE" }, null, null],
    [{ method: "DELETE", headers: { "content-length": "0" } }, "0", null],
    [{ method: "GET", body: "abc" }, "3", null],
    [{ method: "HEAD" }, null, null],
  ];
  for (const [request, length, coding] of cases) {
    const head = await passedOn(
      {
        ...request,
        method: request.method === "HEAD" ? "GET" : request.method,
      },
    );
    assertEquals(fieldOf(head, "content-length"), length);
    assertEquals(fieldOf(head, "transfer-encoding"), coding);
  }
});

Deno.test("the proxy refuses TRACE, which would show what it adds", async () => {
  using proxy = new ProxyApp({ target: "http://127.0.0.1:1" });
  assertEquals((await runApp(proxy.toApp(), { method: "TRACE" })).status, 501);
});

import { assertEquals } from "../../src/std/assert.ts";
import { UrlMapApp } from "../../src/apps/url_map.ts";
import { runApp } from "../helpers/run_app.ts";
import { app } from "./fetching.ts";

Deno.test("fetchApp() gives the whole URL, as sent", async () => {
  const echo = app((request) => new Response(request.url));
  const targets = [
    ["/a%2Fb/caf%C3%A9?q=%20&r?s", "/a%2Fb/caf%C3%A9?q=%20&r?s"],
    ["//a", "//a"],
    ["/\xff\\#x", "/%ff%5C%23x"],
  ];
  const headers = { host: "example.test:5000" };
  for (const [target, path] of targets) {
    const { text } = await runApp(echo, { target, headers });
    assertEquals(text, `http://example.test:5000${path}`);
  }
  const scope = { "pagi.empty_query": 1 };
  assertEquals(
    (await runApp(echo, { target: "/a?", headers, scope })).text,
    "http://example.test:5000/a?",
  );
  const { text } = await runApp(echo, {
    headers: [],
    scope: {
      scheme: "https",
      raw_path: undefined,
      root_path: "/x",
      path: "/é?#%",
    },
  });
  assertEquals(text, "https://localhost/%C3%A9%3F%23%25");
});

Deno.test("a mounted fetch handler sees the URL below its mount, as sent", async () => {
  const echo = app((request) => new Response(new URL(request.url).pathname));
  const map = new UrlMapApp().mount("/api/v1", echo).toApp();
  for (
    const [target, path] of [
      ["/api/v1", "/"],
      ["/api/v1/", "/"],
      ["/api/v1/a%2Fb/caf%C3%A9", "/a%2Fb/caf%C3%A9"],
      ["/%61pi/v1/a", "/a"],
      ["/api//v1/x", "/x"],
    ]
  ) {
    for (const root_path of ["", "/outer"]) {
      const { text } = await runApp(map, { target, scope: { root_path } });
      assertEquals(text, path, target);
    }
  }
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

Deno.test("fetchApp() gives GET and HEAD no body", async () => {
  const kind = app((request) => new Response(String(request.body)));
  for (const method of ["GET", "HEAD"]) {
    await runApp(kind, { method, headers: [["content-length", "5"]] });
  }
  assertEquals((await runApp(kind, { headers: [] })).text, "null");
});

Deno.test("fetchApp() gives methods as they were sent, also to clones", async () => {
  const echo = app((request) =>
    new Response(`${request.method} ${request.clone().method}`)
  );
  for (const method of ["get", "delete", "Post", "hEAD", "patch", "PURGE"]) {
    const { status, text } = await runApp(echo, { method });
    assertEquals([status, text], [200, `${method} ${method}`]);
  }
});

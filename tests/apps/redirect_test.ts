import { RedirectApp } from "../../src/apps/redirect.ts";
import { UrlMapApp } from "../../src/apps/url_map.ts";
import { OptionError } from "../../src/options/option_error.ts";
import {
  assertEquals,
  assertMatch,
  assertThrows,
} from "../../src/std/assert.ts";
import { runApp } from "../helpers/run_app.ts";

async function locationOf(
  options: Record<string, unknown>,
  target = "/",
): Promise<string | null> {
  const app = new RedirectApp(options).toApp();
  return (await runApp(app, { target })).header("location");
}

Deno.test("every request is redirected, with an empty body", async () => {
  const app = new RedirectApp({ location: "https://example.com/" }).toApp();
  for (const method of ["GET", "HEAD", "POST"]) {
    const response = await runApp(app, { method, target: "/any/path" });
    assertEquals(response.status, 302);
    assertEquals(response.headers, [
      ["content-type", "text/plain"],
      ["location", "https://example.com/"],
      ["content-length", "0"],
    ]);
    assertEquals(response.text, "");
  }
  const stream = await runApp(app, { type: "sse" });
  assertEquals(stream.status, 302);
});

Deno.test("the query is appended, respecting an existing ? (PAGI.md 115)", async () => {
  const cases: [location: string, query: string, result: string][] = [
    ["/new", "", "/new"],
    ["/new", "?", "/new"],
    ["/new", "?a=1&b", "/new?a=1&b"],
    ["/new", "?0", "/new?0"],
    ["/new?x=1", "?a=1", "/new?x=1&a=1"],
    ["/new?", "?a=1", "/new?a=1"],
    ["/new?x&", "?a=1", "/new?x&a=1"],
    ["/new#part", "?a=1", "/new?a=1#part"],
    ["/new?x#part?y", "?a=1", "/new?x&a=1#part?y"],
  ];
  for (const [location, query, result] of cases) {
    assertEquals(await locationOf({ location }, `/old${query}`), result);
  }
});

Deno.test("preserve_path appends the path, where no host but the one given can be reached", async () => {
  const cases: [location: string, target: string, result: string][] = [
    ["https://example.com", "/a/b?c", "https://example.com/a/b?c"],
    ["https://example.com/", "/", "https://example.com/"],
    ["https://example.com/new/", "/a%2Fb", "https://example.com/new/a%2Fb"],
    ["/new?x=1#part", "/a?y", "/new/a?x=1&y#part"],
    ["/", "//evil.example/", "/evil.example/"],
    ["/", "/\\evil.example/", "/evil.example/"],
    ["//example.com", "//a", "//example.com//a"],
  ];
  for (const [location, target, result] of cases) {
    assertEquals(
      await locationOf({ location, preserve_path: "1" }, target),
      result,
    );
  }
});

Deno.test("location names parts of the request", async () => {
  const cases: [location: string, target: string, result: string][] = [
    ["https://{host}{uri}", "/a%2Fb?c=1", "https://a.example/a%2Fb?c=1"],
    ["https://{host}{path}", "/a?c", "https://a.example/a?c"],
    ["https://{hostport}/x", "/", "https://a.example:8080/x"],
    ["https://b.example{path}{query}", "/a?c", "https://b.example/a?c"],
    ["{path}", "//evil.example", "/evil.example"],
    ["/x?to={path}", "/a", "/x?to=/a"],
    ["https://{host}{uri}", "/", "https://a.example/"],
  ];
  for (const [location, target, result] of cases) {
    const app = new RedirectApp({ location }).toApp();
    const headers = { host: "a.example:8080" };
    const response = await runApp(app, { target, headers });
    assertEquals([target, response.header("location")], [target, result]);
  }
  assertThrows(
    () => new RedirectApp({ location: "https://{hostname}/" }),
    OptionError,
    '"{hostname}" is not a placeholder; use {host}, {hostport}, {path}',
  );
});

Deno.test("below a mount, {path} and preserve_path are what is below it, {uri} is all", async () => {
  for (
    const [options, result] of [
      [{ location: "/new", preservePath: true }, "/new/x%2Fy?q"],
      [{ location: "/new{path}" }, "/new/x%2Fy?q"],
      [{ location: "https://{host}{uri}" }, "https://a.example/old/x%2Fy?q"],
    ] as const
  ) {
    const app = new UrlMapApp().mount("/old", new RedirectApp(options)).toApp();
    const response = await runApp(app, {
      target: "/old/x%2Fy?q",
      headers: { host: "a.example" },
    });
    assertEquals(response.header("location"), result);
  }
});

Deno.test("preserve_query=0 leaves the query out", async () => {
  const options = { location: "/new", preserve_query: "0" };
  assertEquals(await locationOf(options, "/old?a=1"), "/new");
});

Deno.test("location may be called to, and may be a function of the scope", async () => {
  assertEquals(await locationOf({ to: "/new" }), "/new");
  const location = (scope: { path: string }) => `/v2${scope.path}`;
  assertEquals(await locationOf({ location }, "/a?b"), "/v2/a?b");
  const later = (scope: { path: string }) =>
    Promise.resolve(`/v3${scope.path}`);
  assertEquals(await locationOf({ location: later }, "/a"), "/v3/a");
});

Deno.test("neither line breaks nor other foreign characters reach the field", async () => {
  const location = (scope: { path: string }) => scope.path;
  assertEquals(
    await locationOf({ location }, "/a%0D%0Aset-cookie:%20x"),
    "/a%0D%0Aset-cookie:%20x",
  );
  assertEquals(
    await locationOf({ location: "/日本 x%20\ud800" }),
    "/%E6%97%A5%E6%9C%AC%20x%20%EF%BF%BD",
  );
  assertEquals(
    await locationOf({ location: "/new" }, "/?q=\xff\r\n\x7f"),
    "/new?q=%ff%0d%0a%7f",
  );
});

Deno.test("status is one of the five that redirect", async () => {
  for (const status of ["301", 302, "303", 307, "308"]) {
    const app = new RedirectApp(
      { location: "/", status } as Record<string, unknown>,
    ).toApp();
    assertEquals((await runApp(app)).status, Number(status));
  }
  for (const status of ["200", 304, "abc", 300, "0302"]) {
    const error = assertThrows(
      () =>
        new RedirectApp({ location: "/", status } as Record<string, unknown>),
      OptionError,
    );
    assertMatch(error.message, /status.*one of 301, 302, 303, 307, 308/);
  }
});

Deno.test("without a location there is no app", () => {
  for (const options of [{}, { location: "" }, { location: undefined }]) {
    const error = assertThrows(() => new RedirectApp(options), OptionError);
    assertMatch(error.message, /^PAGI::App::Redirect needs .*location=/);
  }
  assertThrows(
    () => new RedirectApp({ location: 5 } as Record<string, unknown>),
    OptionError,
  );
  assertThrows(
    () => new RedirectApp({ locatoin: "/" } as Record<string, unknown>),
    OptionError,
  );
});

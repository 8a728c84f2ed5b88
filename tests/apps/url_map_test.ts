import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../../src/std/assert.ts";
import { FileApp } from "../../src/apps/file.ts";
import { UrlMapApp } from "../../src/apps/url_map.ts";
import { OptionError } from "../../src/options/option_error.ts";
import type { PagiApp, Scope } from "../../src/pagi/types.ts";
import { hostileTree } from "../helpers/hostile_tree.ts";
import { runApp } from "../helpers/run_app.ts";

/** Answers with its name and what it sees of the path. */
function named(name: string): PagiApp {
  return async (scope, _receive, send) => {
    if (scope.type === "lifespan") throw new Error("no lifespan");
    await send({ type: "http.response.start", status: 200 });
    await send({
      type: "http.response.body",
      body: `${name} ${scope.root_path} ${scope.path}`,
    });
  };
}

async function ask(
  map: UrlMapApp,
  target: string,
  host = "localhost",
): Promise<string> {
  const { status, text } = await runApp(map.toApp(), {
    target,
    headers: { host },
  });
  return status === 404 ? "404" : text;
}

Deno.test("URLMap /api matches at a slash only, not /apix (PAGI.md 113)", async () => {
  const map = new UrlMapApp().mount("/api", named("api"));
  assertEquals(await ask(map, "/api"), "api /api /");
  assertEquals(await ask(map, "/api/"), "api /api /");
  assertEquals(await ask(map, "/api/x?y"), "api /api /x");
  assertEquals(await ask(map, "/apix"), "404");
  assertEquals(await ask(map, "/API"), "404");
  assertEquals(await ask(map, "/"), "404");
});

Deno.test("the longest prefix wins, whatever the order", async () => {
  const map = new UrlMapApp().map({
    "/": named("root"),
    "/a": named("a"),
    "/a/b/": named("ab"),
  });
  assertEquals(await ask(map, "/a/b/c"), "ab /a/b /c");
  assertEquals(await ask(map, "/a/bc"), "a /a /bc");
  assertEquals(await ask(map, "/b"), "root  /b");
});

Deno.test("however a path is written, it leads to one mount, and out of none", async () => {
  const map = new UrlMapApp().map({
    "/": named("root"),
    "/a": named("a"),
    "/a/b": named("ab"),
  });
  const cases: Record<string, string> = {
    "/a/./x": "a /a /./x",
    "/a//x": "a /a //x",
    "/./a/x": "a /a /x",
    "//a/x": "a /a /x",
    "/%2e/a/x/": "a /a /x/",
    "/x/../a/y": "a /a /y",
    "/a/../b": "root  /b",
    "/a/..": "root  /",
    "/a/../a/x": "a /a /x",
    "/a/./b/x": "ab /a/b /x",
    "/a/x/../b": "ab /a/b /",
    "/a/b/../x": "a /a /x",
    "/a/c/../x": "a /a /c/../x",
    "/a%5C..%5Ca%5Cb/x": "ab /a/b /x",
    // Beyond all mounts: for the app to refuse.
    "/a/../../b": "a /a /../../b",
    "/..": "root  /..",
  };
  for (const [target, expected] of Object.entries(cases)) {
    assertEquals(await ask(map, target), expected, target);
  }
});

Deno.test("a folder that another mount answers for is reached by no spelling", async () => {
  using tree = hostileTree();
  const map = new UrlMapApp().map({
    "/": new FileApp({ root: tree.root }),
    "/sub": named("guarded"),
  });
  for (
    const target of [
      "/sub/b.txt",
      "//sub/b.txt",
      "/./sub/b.txt",
      "/x/../sub/b.txt",
      "/%5csub%5cb.txt",
      "/sub%2fb.txt",
      "/%73ub/b.txt",
      "/sub/../sub/b.txt",
    ]
  ) assertMatch(await ask(map, target), /^guarded/, target);
});

Deno.test("a mount that names the host goes before one that does not", async () => {
  const map = new UrlMapApp().map({
    "/": named("any"),
    "//Static.example.com/": named("static"),
    "//static.example.com/img": named("img"),
    "//[::1]": named("v6"),
  });
  assertEquals(await ask(map, "/x", "STATIC.example.com:8080"), "static  /x");
  assertEquals(await ask(map, "/img/a", "static.example.com"), "img /img /a");
  assertEquals(await ask(map, "/x", "example.com"), "any  /x");
  assertEquals(await ask(map, "/x", "[::1]:5000"), "v6  /x");
});

Deno.test("a mount that names a port answers for that port only", async () => {
  const map = new UrlMapApp().map({
    "//a.test/": named("any port"),
    "//a.test:81": named("81"),
    "//A.test:80/": named("80"),
    "//[::1]:82/": named("v6"),
  });
  for (
    const [host, app] of [
      ["a.test:81", "81"],
      ["a.test.:81", "81"],
      ["a.test", "80"],
      ["a.test:80", "80"],
      ["a.test:", "80"],
      ["a.test:8181", "any port"],
      ["[::1]:82", "v6"],
    ]
  ) assertEquals(await ask(map, "/x", host), `${app}  /x`, host);
  assertEquals(await ask(map, "/x", "[::1]:83"), "404");
});

Deno.test("mounting at a place again replaces what is there", async () => {
  const map = new UrlMapApp().mount("/a", named("old")).mount(
    "/a/",
    named("new"),
  );
  assertEquals(await ask(map, "/a/x"), "new /a /x");
});

Deno.test("the default answers what no mount does", async () => {
  const map = new UrlMapApp({ default: named("default") }).mount(
    "/a",
    named("a"),
  );
  assertEquals(await ask(map, "/b"), "default  /b");
});

Deno.test("maps nest: the root path grows", async () => {
  const inner = new UrlMapApp().mount("/b", named("b"));
  assertEquals(
    await ask(new UrlMapApp().mount("/a", inner), "/a/b/c"),
    "b /a/b /c",
  );
});

Deno.test("the app's own scope stays as it was", async () => {
  const scopes: Scope[] = [];
  const map = new UrlMapApp().mount("/a", named("a")).toApp();
  await runApp((scope, receive, send) => {
    scopes.push(scope);
    return map(scope, receive, send);
  }, { target: "/a/x" });
  const [scope] = scopes;
  assertEquals("path" in scope && scope.path, "/a/x");
});

Deno.test("a place must begin with a slash", () => {
  for (const place of ["", "a", "http://x/"]) {
    assertThrows(
      () => new UrlMapApp().mount(place, named("a")),
      OptionError,
      "write /PREFIX",
      place,
    );
  }
});

Deno.test("compose() mounts what a command line names", async () => {
  const map = await UrlMapApp.compose(
    { "/a": "one", "//h/b": "two", default: "three" },
    (name) => Promise.resolve(named(name)),
  );
  assertEquals(await ask(map, "/a/x"), "one /a /x");
  assertEquals(await ask(map, "/b/x", "h"), "two /b /x");
  assertEquals(await ask(map, "/c"), "three  /c");
});

Deno.test("compose() refuses what is no place, and nothing at all", async () => {
  const load = (name: string) => Promise.resolve(named(name));
  await assertRejects(
    () => UrlMapApp.compose({ root: "x" }, load),
    OptionError,
    'unknown option "root"',
  );
  await assertRejects(
    () => UrlMapApp.compose({}, load),
    OptionError,
    "nothing",
  );
});

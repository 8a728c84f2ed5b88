import { gunzipSync, gzipSync } from "node:zlib";
import { FileApp } from "../../src/apps/file.ts";
import { parseHttpDate } from "../../src/http/etags.ts";
import { OptionError } from "../../src/options/option_error.ts";
import type { LifespanScope } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { HOSTILE_NAMES, hostileTree } from "../helpers/hostile_tree.ts";
import { runApp } from "../helpers/run_app.ts";

Deno.test("a file is served with all that is known of it", async () => {
  using tree = hostileTree();
  Deno.utimeSync(join(tree.root, "hello.txt"), 1e9, 1e9);
  const app = new FileApp({ root: tree.root }).toApp();
  const response = await runApp(app, { target: "/hello.txt?ignored" });
  assertEquals(response.status, 200);
  assertEquals(response.text, "hello");
  assertEquals(response.header("content-type"), "text/plain; charset=UTF-8");
  assertEquals(response.header("content-length"), "5");
  assertEquals(
    response.header("last-modified"),
    "Sun, 09 Sep 2001 01:46:40 GMT",
  );
  assertEquals(response.header("accept-ranges"), "bytes");
  assertEquals(response.header("x-content-type-options"), "nosniff");
  assertMatch(response.header("etag")!, /^"[^"]+"$/);
});

Deno.test("HEAD has the fields of GET and no body", async () => {
  using tree = hostileTree();
  // Of a file this new, the tag would become strong meanwhile.
  Deno.utimeSync(join(tree.root, "hello.txt"), 1e9, 1e9);
  const app = new FileApp({ root: tree.root }).toApp();
  for (const target of ["/hello.txt", "/missing"]) {
    const get = await runApp(app, { target });
    const head = await runApp(app, { target, method: "HEAD" });
    assertEquals(head.status, get.status);
    assertEquals(head.headers, get.headers);
  }
  const head = await runApp(app, { target: "/hello.txt", method: "HEAD" });
  assertEquals(head.text, "");
});

Deno.test("a client that accepts event streams gets its file too", async () => {
  using tree = hostileTree();
  const app = new FileApp({ root: tree.root }).toApp();
  const response = await runApp(app, { type: "sse", target: "/hello.txt" });
  assertEquals(response.text, "hello");
});

Deno.test("other methods than GET and HEAD get 405 with allow", async () => {
  using tree = hostileTree();
  const app = new FileApp({ root: tree.root }).toApp();
  for (const method of ["POST", "DELETE", "TRACE", "get", "head"]) {
    const response = await runApp(app, { method, target: "/hello.txt" });
    assertEquals(response.status, 405);
    assertEquals(response.header("allow"), "GET, HEAD");
    assertEquals(response.text, "Method Not Allowed");
  }
});

Deno.test("errors are reason phrases in plain text", async () => {
  using tree = hostileTree();
  const app = new FileApp({ root: tree.root }).toApp();
  const response = await runApp(app, { target: "/missing" });
  assertEquals(response.status, 404);
  assertEquals(response.headers, [
    ["content-type", "text/plain"],
    ["content-length", "9"],
  ]);
  assertEquals(response.text, "Not Found");
});

Deno.test("every legal file name is served, however odd", async () => {
  using tree = hostileTree();
  const app = new FileApp({ root: tree.root }).toApp();
  for (const name of HOSTILE_NAMES) {
    const target = `/names/${encodeURIComponent(name)}`;
    const response = await runApp(app, { target });
    assertEquals([response.status, response.text], [200, name]);
  }
});

Deno.test("an index file stands for its folder, the first of the list first", async () => {
  using tree = hostileTree();
  const root = tree.root;
  const app = new FileApp({ root }).toApp();
  assertEquals((await runApp(app, { target: "/indexed/" })).text, "<p>index");
  assertEquals(
    (await runApp(app, { target: "/indexed/" })).header("content-type"),
    "text/html; charset=UTF-8",
  );
  assertEquals((await runApp(app, { target: "/" })).status, 404);
  const other = new FileApp({ root, index: "none,hello.txt,index.html" });
  assertEquals((await runApp(other.toApp(), { target: "/" })).text, "hello");
  const none = new FileApp({ root, index: "" }).toApp();
  assertEquals((await runApp(none, { target: "/indexed/" })).status, 404);
});

Deno.test("a folder without its slash is redirected, if it has an index file", async () => {
  using tree = hostileTree();
  const app = new FileApp({ root: tree.root }).toApp();
  const response = await runApp(app, { target: "/indexed?a=%20b" });
  assertEquals(response.status, 301);
  assertEquals(response.header("location"), "/indexed/?a=%20b");
  assertEquals((await runApp(app, { target: "/sub" })).status, 404);
  assertEquals((await runApp(app, { target: "/sub/" })).status, 404);
});

Deno.test("a file with a slash after it is not found", async () => {
  using tree = hostileTree();
  const app = new FileApp({ root: tree.root }).toApp();
  for (const target of ["/hello.txt/", "/hello.txt/x", "/hello.txt%2F"]) {
    assertEquals((await runApp(app, { target })).status, 404, target);
  }
});

Deno.test("a large file is left to the server, whole and in part, and closed", async () => {
  using tree = hostileTree();
  const content = new Uint8Array(300_000).map((_, i) => i * 7);
  const path = join(tree.root, "large.bin");
  Deno.writeFileSync(path, content);
  const app = new FileApp({ root: tree.root }).toApp();
  const whole = await runApp(app, { target: "/large.bin" });
  assertEquals(whole.body, content);
  assertEquals(whole.events.length, 2);
  const [, event] = whole.events;
  // The path of an open descriptor, where there are such; a test beside this
  // one may have opened the same for another file by now.
  if ("file" in event) {
    const opened = await Deno.realPath(event.file).catch(() => null);
    assertNotEquals(opened, await Deno.realPath(path));
  } else {
    assert("fh" in event);
    await assertRejects(() => event.fh.read(new Uint8Array(1)));
  }

  const part = await runApp(app, {
    target: "/large.bin",
    headers: { range: "bytes=100000-249999" },
  });
  assertEquals(part.status, 206);
  assertEquals(part.body, content.subarray(100_000, 250_000));
});

Deno.test("an empty file is an empty body", async () => {
  using tree = hostileTree();
  Deno.writeTextFileSync(join(tree.root, "nothing"), "");
  const app = new FileApp({ root: tree.root }).toApp();
  const response = await runApp(app, { target: "/nothing" });
  assertEquals([response.status, response.text], [200, ""]);
  assertEquals(response.header("content-length"), "0");
});

Deno.test("programs that always ask for parts get an empty file, too", async () => {
  using tree = hostileTree();
  Deno.writeTextFileSync(join(tree.root, "nothing"), "");
  const app = new FileApp({ root: tree.root }).toApp();
  for (const range of ["bytes=0-", "bytes=0-1023", "bytes=-10"]) {
    const response = await runApp(app, {
      target: "/nothing",
      headers: { range },
    });
    assertEquals([response.status, response.text], [200, ""], range);
  }
});

Deno.test("charset is that of text that does not say its own", async () => {
  using tree = hostileTree();
  const file = (name: string, bytes: number[]) =>
    Deno.writeFileSync(join(tree.root, name), new Uint8Array(bytes));
  file("latin.txt", [0x63, 0xe9]);
  file("large.txt", new Array(200_000).fill(0xe9));
  Deno.writeTextFileSync(join(tree.root, "own.html"), "<meta charset=koi8-r>");
  const types = async (charset?: string) => {
    const options = charset === undefined ? {} : { charset };
    const app = new FileApp({ root: tree.root, ...options }).toApp();
    const found: string[] = [];
    for (const name of ["hello.txt", "latin.txt", "large.txt", "own.html"]) {
      const response = await runApp(app, { target: `/${name}` });
      found.push(response.header("content-type")!.replace("text/", ""));
    }
    return found.join(" | ");
  };
  assertEquals(
    await types(),
    "plain; charset=UTF-8 | plain | plain | html",
  );
  assertEquals(
    await types("windows-1252"),
    "plain; charset=windows-1252 | plain; charset=windows-1252 | " +
      "plain; charset=windows-1252 | html",
  );
  assertEquals(await types(""), "plain | plain | plain | html");
  assertThrows(() => new FileApp({ charset: "a b" }), OptionError, "charset");
});

Deno.test("a larger file has the same charset in memory as before", async () => {
  using tree = hostileTree();
  const bytes = new Uint8Array(200_000).fill(0x61);
  bytes[bytes.length - 1] = 0xe9;
  Deno.writeFileSync(join(tree.root, "large.txt"), bytes);
  const app = new FileApp({ root: tree.root }).toApp();
  for (const isWhole of [false, true]) {
    const response = await runApp(app, { target: "/large.txt" });
    const [, body] = response.events;
    // The second time, the app sends its bytes.
    assertEquals("body" in body && body.body !== undefined, isWhole);
    assertEquals(response.header("content-type"), "text/plain; charset=UTF-8");
  }
});

Deno.test("a compressed SVG says that it is compressed, and nothing compresses it again", async () => {
  using tree = hostileTree();
  const svg = "<svg xmlns='http://www.w3.org/2000/svg'/>".repeat(50);
  const gzipped = gzipSync(svg);
  Deno.writeFileSync(join(tree.root, "a.svgz"), gzipped);
  Deno.writeFileSync(join(tree.root, "a.svgz.br"), gzipped);
  Deno.writeTextFileSync(join(tree.root, "plain.svgz"), svg);
  const app = new FileApp({ root: tree.root }).toApp();
  for (const accepted of ["gzip, br", "br", "identity"]) {
    const response = await runApp(app, {
      target: "/a.svgz",
      headers: { "accept-encoding": accepted },
    });
    assertEquals(response.header("content-type"), "image/svg+xml");
    assertEquals(response.header("content-encoding"), "gzip");
    assertEquals(response.header("content-length"), `${gzipped.length}`);
    assertEquals(gunzipSync(response.body).toString(), svg);
  }
  const plain = await runApp(app, { target: "/plain.svgz" });
  assertEquals(plain.header("content-encoding"), null);
  assertEquals(plain.text, svg);
});

Deno.test("default_type is the type of files whose name does not tell", async () => {
  using tree = hostileTree();
  const { root } = tree;
  const target = "/names/100%25";
  const plain = await runApp(new FileApp({ root }).toApp(), { target });
  assertEquals(plain.header("content-type"), "application/octet-stream");
  const app = new FileApp({ root, defaultType: "text/x-mine" }).toApp();
  const typed = await runApp(app, { target });
  assertEquals(typed.header("content-type"), "text/x-mine");
});

Deno.test("a time in the future is told as that of the answer (RFC 9110, 8.8.2.1)", async () => {
  using tree = hostileTree();
  const path = join(tree.root, "hello.txt");
  const app = new FileApp({ root: tree.root }).toApp();
  const future = Date.now() / 1000 + 3600;
  Deno.utimeSync(path, future, future);
  const before = Date.now() - 1000;
  const response = await runApp(app, { target: "/hello.txt" });
  const told = parseHttpDate(response.header("last-modified")!)!;
  assert(before <= told && told <= Date.now(), `${told}`);
  // It tells no versions apart.
  const again = await runApp(app, {
    target: "/hello.txt",
    headers: { "if-modified-since": response.header("last-modified")! },
  });
  assertEquals(again.status, 200);
});

Deno.test("a relative root is resolved once", async () => {
  using tree = hostileTree();
  const cwd = Deno.cwd();
  let relative: FileApp;
  try {
    Deno.chdir(tree.base);
    relative = new FileApp({ root: "www" });
  } finally {
    Deno.chdir(cwd);
  }
  const { text } = await runApp(relative.toApp(), { target: "/hello.txt" });
  assertEquals(text, "hello");
});

Deno.test("a root that is missing or no folder is refused in one sentence", () => {
  using tree = hostileTree();
  for (
    const root of [
      join(tree.base, "nowhere"),
      join(tree.base, "secret.txt"),
      "",
    ]
  ) {
    const error = assertThrows(() => new FileApp({ root }), OptionError);
    assertMatch(
      error.message,
      /^PAGI::App::File, option root: (?:there is no folder "|".*" is a file)/,
    );
  }
});

Deno.test("wrong options are refused by name", () => {
  const message = (options: Record<string, unknown>) =>
    assertThrows(() => new FileApp(options), OptionError).message;
  assertMatch(message({ rot: "." }), /"rot"; did you mean root\?/);
  assertMatch(message({ show_hidden: "1" }), /show_hidden/);
  assertMatch(message({ handle_ranges: "maybe" }), /handle_ranges/);
  assertMatch(message({ default_type: "text/plain\r\nx: y" }), /default_type/);
  assertMatch(message({ default_type: "plain" }), /default_type/);
});

Deno.test("other scopes than requests are refused", async () => {
  const app = new FileApp().toApp();
  const scope: LifespanScope = { type: "lifespan", pagi: { version: "0.3" } };
  const never = () => Promise.reject(new Error("not to be called"));
  await assertRejects(() => app(scope, never, never), Error, "lifespan");
});

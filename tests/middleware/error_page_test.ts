/** The error page, as a real server sends it. */

import { errorPage } from "../../src/middleware/error_page.ts";
import { lint } from "../../src/middleware/lint.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { httpApp, type ServeHttp } from "../helpers/http_app.ts";
import { withServer } from "../helpers/with_server.ts";

const BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

/** What a client sees of such an app, and what is logged as an error. */
async function see(
  serve: ServeHttp,
  headers: Record<string, string> = BROWSER,
  { path = "/", method = "GET" } = {},
): Promise<{ response: Response; text: string; errors: string[] }> {
  let seen: { response: Response; text: string } | undefined;
  const app: PagiApp = errorPage(lint(httpApp(serve)));
  const log = await withServer(app, {}, async ({ url }) => {
    const response = await fetch(url + path, { headers, method });
    seen = { response, text: await response.text() };
  });
  const errors = log.filter((line) => line.includes(" error "));
  return { ...seen!, errors };
}

function fails(error: unknown): ServeHttp {
  return () => Promise.reject(error);
}

Deno.test("a browser gets a page with class, message, stack, causes and the request; the log has the error too", async () => {
  class NoSuchUser extends Error {}
  const cause = new TypeError("the cause");
  const { response, text, errors } = await see(
    fails(new NoSuchUser("No user 7", { cause })),
    BROWSER,
    { path: "/users/7?full=1" },
  );
  assertEquals(response.status, 500);
  const { headers } = response;
  assertEquals(headers.get("content-type"), "text/html; charset=utf-8");
  assertEquals(headers.get("cache-control"), "no-store");
  assertEquals(headers.get("x-content-type-options"), "nosniff");
  assertStringIncludes(text, '<p class="name">NoSuchUser</p>');
  assertStringIncludes(text, "<h1>No user 7</h1>");
  assertStringIncludes(text, "GET /users/7?full=1 HTTP/1.1");
  assertMatch(
    text,
    /Caused by<\/p>\n<p class="name">TypeError<\/p>\n<h2>the c/,
  );
  assertEquals(errors.length, 1);
  assertMatch(errors[0], /GET \/users\/7: the app threw\.\n.*No user 7/);
});

Deno.test("the app's own frames come first, the server's on demand", async () => {
  const { text } = await see(() => {
    throw new Error("here");
  });
  const [, first, all] = /<ol>(.*?)<\/ol><details>(.*)<\/details>/s
    .exec(text.replaceAll("\n", ""))!;
  assertMatch(first, /^<li class="own"><code>.*error_page_test\.ts:\d+:\d+/);
  assert(!first.includes("/src/"), first);
  assertStringIncludes(all, "/src/server/http.ts");
});

Deno.test("nothing of the error or the request gets into the page as markup", async () => {
  const evil = "<script>alert(1)</script>\"'&";
  const { text } = await see(fails(new Error(evil)), {
    ...BROWSER,
    [`x-evil`]: evil,
    referer: `http://a/${evil}`,
  }, { path: `/?${evil}` });
  assert(!text.includes("<script"), text);
  assertStringIncludes(text, "<h1>&lt;script&gt;alert(1)&lt;/script&gt;&quot;");
});

Deno.test("the page may load and run nothing; its style is allowed by its hash", async () => {
  const { response, text } = await see(fails(new Error("no")));
  const policy = response.headers.get("content-security-policy")!;
  assert(policy.startsWith("default-src 'none'; style-src 'sha256-"), policy);
  const [, style] = /<style>(.*)<\/style>/s.exec(text)!;
  const bytes = new TextEncoder().encode(style);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hash = btoa(String.fromCharCode(...digest));
  assertStringIncludes(policy, `'sha256-${hash}'`);
  assert(!/ (style|on\w+)=|<script|https?:\/\/[^1]/.test(text), text);
});

Deno.test("values that let their readers in are hidden", async () => {
  const names = ["cookie", "authorization", "x-api-key", "x-csrf-token"];
  const { text } = await see(fails(new Error("no")), {
    ...BROWSER,
    ...Object.fromEntries(names.map((name) => [name, "s3cret"])),
  });
  assert(!text.includes("s3cret"), text);
  for (const name of names) {
    assertStringIncludes(text, `${name}</th><td><i>(hidden)</i>`);
  }
});

Deno.test("other clients get the stack as plain text", async () => {
  for (const accept of ["*/*", "application/json"]) {
    const { response, text } = await see(fails(new Error("<no>")), { accept });
    assertEquals(response.status, 500);
    assertEquals(
      response.headers.get("content-type"),
      "text/plain; charset=utf-8",
    );
    assertMatch(text, /^Error: <no>\n {4}at .*error_page_test\.ts/);
  }
});

Deno.test("whatever is thrown gets a page", async () => {
  const circular = new Error("round");
  circular.cause = circular;
  const thrown = [undefined, null, 7, "text", { a: 1 }, circular];
  for (const value of thrown) {
    const { response, text } = await see(fails(value));
    assertEquals(response.status, 500);
    assertMatch(text, /<p class="name">(Thrown: \w+|Error)<\/p>/);
  }
});

Deno.test("an error that fails when it is looked at gets the plain 500", async () => {
  const hostile = new Error("no");
  Object.defineProperty(hostile, "message", {
    get() {
      throw new Error("Do not look.");
    },
  });
  const { response, text, errors } = await see(fails(hostile));
  assertEquals([response.status, text], [500, "Internal Server Error\n"]);
  assertStringIncludes(errors[0], "The error page could not be made.");
});

Deno.test("a mistake that lint finds before the response started is on the page", async () => {
  const { text } = await see((_scope, _receive, send) =>
    send({ type: "http.response.body", body: "x" })
  );
  assertStringIncludes(text, '<p class="name">LintError</p>');
  assertStringIncludes(text, "http.response.body was sent before");
  const forgotten = await see(() => Promise.resolve());
  assertStringIncludes(forgotten.text, "returned without http.response.start");
});

Deno.test("a response that has started is not touched", async () => {
  const app: PagiApp = errorPage(httpApp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "part", more: true });
    throw new Error("too late");
  }));
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    const wire = await client.rest();
    assertMatch(wire, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n4\r\npart\r\n$/);
  });
});

Deno.test("HEAD gets the page's head, and the connection serves on", async () => {
  const app = errorPage(httpApp(fails(new Error("no"))));
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    for (const line of ["HEAD /", "GET /"]) {
      await client.request(line, "accept: text/html");
      const { status } = await client.response(line.startsWith("HEAD"));
      assertEquals(status, 500);
    }
  });
});

Deno.test("an app that returns unanswered after its client has left is no error (PAGI.md 44)", async () => {
  const left = Promise.withResolvers<void>();
  const app = errorPage(lint(httpApp(async (scope) => {
    await scope["pagi.connection"].disconnected;
    left.resolve();
  })));
  const log = await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /", "accept: text/html");
    client.close();
    await left.promise;
  });
  assertEquals(log.filter((line) => / (warn|error) /.test(line)), []);
});

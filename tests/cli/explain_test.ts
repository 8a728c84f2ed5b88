/** `--explain`: what would answer, and why. */

import {
  CascadeApp,
  DirectoryApp,
  FileApp,
  NotFoundApp,
  ProxyApp,
  RedirectApp,
  UrlMapApp,
} from "../../src/apps/mod.ts";
import { explainRequest } from "../../src/cli/explain.ts";
import { EXIT } from "../../src/cli/terminal.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import type { Settings } from "../../src/options/settings.ts";
import { askedRequest, requestField } from "../../src/options/value_types.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { runProgram } from "../helpers/run_program.ts";
import { UploadFolder } from "../helpers/upload_folder.ts";

const handler: PagiApp = () => {
  throw new Error("the handler was run");
};

/** What is said of a request to `app`, in one text. */
async function explain(
  app: PagiApp | { toApp(): PagiApp },
  request: string,
  { fields = [], settings = {} }: {
    fields?: string[];
    settings?: Partial<Settings>;
  } = {},
): Promise<string> {
  const lines = await explainRequest(
    typeof app === "function" ? app : app.toApp(),
    resolveSettings({ host: "127.0.0.1", port: 24590, ...settings }),
    askedRequest.parse(request),
    fields.map((field) => requestField.parse(field)),
  );
  return lines.join("\n");
}

/** Each request and what its explanation must say, in this order. */
async function assertExplained(
  app: { toApp(): PagiApp },
  cases: readonly (readonly [string, ...RegExp[]])[],
): Promise<void> {
  for (const [request, ...patterns] of cases) {
    const text = await explain(app, request);
    let rest = text;
    for (const pattern of patterns) {
      const found = pattern.exec(rest);
      assert(found !== null, `${pattern} of ${request}:\n${text}`);
      rest = rest.slice(found.index + found[0].length);
    }
  }
}

Deno.test("a request that would change a folder is not run", async () => {
  using folder = new UploadFolder();
  await folder.send("PUT", "/a", { body: "kept" });
  for (const request of ["DELETE /a", "PUT /b", "MKCOL /c/"]) {
    assertMatch(await explain(folder.app, request), /it was not run/);
  }
  assertEquals(folder.tree(), { a: "kept" });
});

Deno.test("File and Directory say what is on disk and why it is or is not served", async () => {
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  const outside = Deno.makeTempFileSync();
  try {
    const root = join(folder, "root");
    Deno.mkdirSync(join(root, "sub"), { recursive: true });
    Deno.mkdirSync(join(root, "site"));
    for (const name of ["a.css", ".env", "site/index.html", "über 1.txt"]) {
      Deno.writeTextFileSync(join(root, name), "text");
    }
    Deno.symlinkSync(outside, join(root, "out"));
    Deno.symlinkSync("nowhere", join(root, "dead"));
    await assertExplained(new FileApp({ root }), [
      ["/a.css", /file \S+\/root\/a\.css, 4 bytes/, /answers 200/, /text\/css/],
      ["/%C3%BCber%201.txt", /über 1\.txt, 4 bytes/, /answers 200/],
      ["HEAD /site/", /stands for its file/, /site\/index\.html, 4 bytes/],
      ["/site", /served at \/site\//, /answers 301/],
      ["/.env", /"\.env" is hidden/, /answers 403/],
      ["/%2e%2e/x", /leads out of the root/, /answers 403/],
      ["/out", /a link to \S+, which is outside the root/, /answers 403/],
      ["/dead", /link that leads nowhere/, /answers 404/],
      ["/sub/", /directory without an index file .*\(index\.html/, /404/],
      ["/none", /there is nothing at \S+\/root\/none/, /answers 404/],
      ["POST /a.css", /answers 405/, /allow: GET, HEAD/],
      ["ws://localhost/a.css", /scope websocket/, /does not serve a websocket/],
    ]);
    await assertExplained(new DirectoryApp({ root }), [
      ["/sub/", /without an index file/, /it is listed/, /answers 200/],
    ]);
    const gzip = await explain(new FileApp({ root }), "/a.css", {
      fields: ["Range: bytes=0-1", "If-None-Match: *"],
    });
    assertMatch(gzip, /answers 304/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
    Deno.removeSync(outside);
  }
});

Deno.test("URLMap, Cascade and Redirect say which branch and why", async () => {
  const map = new UrlMapApp({ default: new NotFoundApp({ status: 410 }) })
    .mount("/api", handler)
    .mount("//www.example.com/", new RedirectApp({ location: "/{host}" }))
    .mount(
      "/try",
      new CascadeApp({ apps: [new NotFoundApp(), handler, handler] }),
    );
  await assertExplained(map, [
    [
      "/api/x",
      /mount \/api\/, by the path; its app sees the path \/x/,
      /not run/,
    ],
    ["/api/../y", /no mount has this path/, /answers 410/],
    [
      "http://www.example.com/z",
      /host www\.example\.com/,
      /mount \/\/www\.example\.com\/, by the path and the host field/,
      /answers 302/,
      /location: \/www\.example\.com/,
    ],
    [
      "/try/",
      /1: caught, the next one is tried/,
      /answers 404/,
      /2: the next one is tried if it answers 404, 405/,
      /3: its response stands/,
    ],
  ]);
});

Deno.test("Proxy says which request would leave, and to whom", async () => {
  using proxy = new ProxyApp({
    target: ["http://backend:3000/base", "http://other:1"],
    connectTimeout: 2,
    headers: { "x-key": "k" },
  });
  const text = await explain(proxy, "POST /a/b?c=d", {
    fields: ["X-Hop: 1", "Connection: x-hop", "X-Key: mine", "Accept: */*"],
  });
  assertMatch(
    text,
    /target http:\/\/backend:3000\/base, in turn with http:\/\/other:1/,
  );
  assertMatch(
    text,
    /^ +POST \/base\/a\/b\?c=d HTTP\/1\.1\n +host: backend:3000$/m,
  );
  assertMatch(text, /^ +x-key: k$/m);
  assertMatch(text, /connect 2 s, first byte 30 s/);
  assert(!/x-hop|mine/.test(text), text);
  assertMatch(await explain(proxy, "TRACE /"), /answers 501 itself/);
});

Deno.test("the server's own rules decide first: hosts, limits, scope, trusted proxies", async () => {
  const settings = { allowedHosts: ["example.com"], maxHeaderSize: 200 };
  const of = (request: string, fields: string[] = []) =>
    explain(handler, request, { fields, settings });
  assertMatch(await of("/"), /host 127\.0\.0\.1:24590/);
  assertMatch(await of("http://evil.test/"), /refused .*: 421 .*evil\.test/);
  assertMatch(await of(`/${"a".repeat(300)}`), /refused .*: 414 /);
  assertMatch(await of("/", [`x: ${"a".repeat(300)}`]), /refused .*: 431 /);
  const stream = await of("http://example.com/", ["Accept: text/event-stream"]);
  assertMatch(stream, /scope sse, by accept: text\/event-stream/);
  assertMatch(stream, /--sse-idle-timeout 0: /);
  const socket = await of("/", ["Upgrade: websocket"]);
  assertMatch(socket, /scope websocket, by upgrade: websocket/);
  assertMatch(socket, /--max-ws-frame-size 65536: /);
  const proxied = await explain(handler, "/", {
    fields: ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"],
    settings: { proxyHeaders: true, rootPath: "/app" },
  });
  assertMatch(proxied, /scheme https, .*client 1\.2\.3\.4, root path \/app/);
});

Deno.test("--explain loads the app, runs no handler, and takes fields by -H", async () => {
  const files = {
    "app.js": `export default () => { console.log("RUN"); };`,
    "pagi-server.toml": "port = 0\n[mount.'/a']\nname = './app.js'\n",
  };
  const { code, stdout, stderr } = await runProgram(
    ["--explain", "GET /a/b", "--explain=/c", "-H", "Host: x.test"],
    { files },
  );
  assertEquals([code, stderr], [EXIT.ok, ""]);
  assertMatch(
    stdout,
    /^GET \/a\/b$[^]*host x\.test[^]*\.\/app\.js: its handler answers/m,
  );
  assertMatch(stdout, /^GET \/c$[^]*no mount has this path/m);
  assert(!stdout.includes("RUN"));
});

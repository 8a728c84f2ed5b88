/** Files whose answers are ready: what clients get is what the app would send. */

import { brotliCompressSync, gunzipSync, gzipSync } from "node:zlib";
import { UrlMapApp } from "../../src/apps/url_map.ts";
import { FileApp, type FileOptions } from "../../src/apps/file.ts";
import { DocumentRoot } from "../../src/apps/files/document_root.ts";
import { FileCache } from "../../src/apps/files/file_cache.ts";
import type { ReadyFile } from "../../src/apps/files/small_file.ts";
import { readyAnswers } from "../../src/apps/files/ready_file.ts";
import {
  AT,
  newCounters,
  RequestCounters,
} from "../../src/metrics/counters.ts";
import { readyAnswersOf } from "../../src/pagi/ready_answers.ts";
import type { Settings } from "../../src/options/settings.ts";
import type { HeaderList, PagiApp } from "../../src/pagi/types.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { LaterDate } from "../helpers/fake_clock.ts";
import { Http2Client } from "../helpers/http2_client.ts";
import {
  type RawConnection,
  type RawResponse,
  toBytes,
} from "../helpers/raw_connection.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

const ALL = "gzip, deflate, br, zstd";
const TEXT = "All work and no play. ".repeat(500);
const FILES: Record<string, string | Uint8Array> = {
  "a.bin": TEXT,
  "a.css": TEXT,
  "b.css": TEXT,
  "b.css.br": brotliCompressSync(TEXT),
  "c.css": TEXT,
  "c.css.gz": gzipSync(TEXT),
  "empty.css": "",
  "short.txt": "short",
  "page.html": "<p>page",
  "index.html": `<p>${TEXT}`,
  "both.html": "<p>both",
  "docs/index.html": "<p>docs",
};

const NO_VALIDATORS = { etag: null, lastModified: null };

async function withFolder(
  body: (root: string) => Promise<void>,
): Promise<void> {
  const root = tempFolder();
  try {
    for (const name of ["docs", "both"]) Deno.mkdirSync(join(root, name));
    for (const [name, content] of Object.entries(FILES)) {
      write(join(root, name), content);
    }
    await body(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

/** Writes a file that is old enough to have a strong tag. */
function write(path: string, content: string | Uint8Array): void {
  if (typeof content === "string") Deno.writeTextFileSync(path, content);
  else Deno.writeFileSync(path, content);
  Deno.utimeSync(path, 1e9, 1e9);
}

async function ask(
  client: RawConnection,
  line: string,
  fields: readonly string[] = [],
): Promise<RawResponse> {
  await client.request(line, ...fields);
  return await client.response(line.startsWith("HEAD"));
}

/** What finds the answers that `app` keeps ready. */
function finderOf(app: PagiApp, method = "GET") {
  const find = readyAnswersOf(app)!;
  return (path: string, headers: HeaderList) =>
    find({ method, path, rawPath: path, query: "", headers }, "");
}

/** Asks until the answers to GET and HEAD are ready. */
async function ready(
  app: PagiApp,
  client: RawConnection,
  path: string,
  headers: HeaderList,
): Promise<void> {
  const [get, head] = [finderOf(app), finderOf(app, "HEAD")];
  await until(async () => {
    const lines = headers.map(([name, value]) => `${name}: ${value}`);
    await ask(client, `GET ${path}`, lines);
    return get(path, headers) !== null && head(path, headers) !== null;
  });
}

/** What fills the cache. */
const WARM: readonly (readonly string[])[] = [[], [`accept-encoding: ${ALL}`]];
const REQUESTS: readonly (readonly string[])[] = [
  [],
  ...[ALL, "gzip", "br", "zstd", "identity", "gzip;q=0", "*", "br, gzip", ""]
    .map((value) => [`accept-encoding: ${value}`]),
  ["accept: text/event-stream"],
  ["range: bytes=2-5"],
  ["range: bytes=0-0", `accept-encoding: ${ALL}`],
  ["if-none-match: *", `accept-encoding: ${ALL}`],
  ['if-match: "another"'],
  ["if-modified-since: Sun, 09 Sep 2001 01:46:40 GMT"],
  ["if-modified-since: Sun, 09 Sep 2001 01:46:39 GMT"],
  ["if-unmodified-since: Sun, 09 Sep 2001 01:46:39 GMT"],
];

/** The server's fields, in another order than the app's. */
const header: [string, string][] = [
  ["x-own", "1"],
  ["vary", "origin"],
  ["cache-control", "no-store"],
  ["link", "</a>"],
  ["link", "</b>"],
];
/** Options, and addresses where answers are ready with them. */
const SITES: readonly [FileOptions, Partial<Settings>, readonly string[]][] = [
  [{}, {}, ["/", "/docs/", "/a.css", "/docs/index.html", "/short.txt"]],
  [
    { compress: false, index: ["none.html", "index.html"] },
    { header },
    ["/", "/docs/"],
  ],
  [
    { precompressed: false, cleanUrls: true },
    { header },
    ["/", "/docs/", "/a.css", "/page"],
  ],
  [{ cleanUrls: true, spa: true, cacheControl: "max-age=60" }, {}, ["/page"]],
  [{ cleanUrls: true, index: ["page.html", "index.html"] }, {}, ["/"]],
];
const ADDRESSES = [
  ...Object.keys(FILES).map((name) => `/${name}`),
  ...["/", "/?q", "//", "/index", "/page", "/page/", "/%70age", "/none"],
  ...["/docs", "/docs/", "/docs/?q", "/docs%2F", "/docs/.", "/docs/index"],
  ...["/d%6Fcs/", "/docs//", "/both", "/both/"],
];

/**
 * Compares what clients get from `app`, once its answers are ready at `ready`,
 * with what `fresh` sends, which keeps nothing that the server could find.
 */
async function compareWays(
  app: PagiApp,
  fresh: PagiApp,
  settings: Partial<Settings>,
  readyAt: readonly string[],
  addresses: readonly string[],
): Promise<void> {
  await withServer(app, settings, async ({ connect, url }) => {
    const kept = await connect();
    await using keptHttp2 = await Http2Client.open(url);
    for (const address of readyAt) {
      await ready(app, kept, address, [["accept-encoding", ALL]]);
      await ready(app, kept, address, []);
    }
    await withServer(fresh, settings, async ({ connect, url }) => {
      const made = await connect();
      await using madeHttp2 = await Http2Client.open(url);
      const compare = async (line: string, fields: readonly string[]) => {
        const [found, expected] = await Promise.all(
          [kept, made].map(async (client) => {
            const { head, body } = await ask(client, line, fields);
            return { head: head.replace(/^date: .*/m, "date"), body };
          }),
        );
        assertEquals(found, expected, `${line} ${fields}`);
        return found.head;
      };
      for (const address of addresses) {
        for (const fields of [...WARM, ...REQUESTS]) {
          const get = await compare(`GET ${address}`, fields);
          await compare(`HEAD ${address}`, fields);
          const tag = /^etag: (.*)\r$/m.exec(get)?.[1];
          if (tag === undefined) continue;
          const conditional = [...fields, `if-none-match: "x", ${tag}`];
          await compare(`GET ${address}`, conditional);
          await compare(`HEAD ${address}`, conditional);
        }
        const [found, expected] = await Promise.all(
          [keptHttp2, madeHttp2].map(async (client) => {
            const { headers, body } = await client.get(address);
            return [Object.entries({ ...headers, date: "" }), body];
          }),
        );
        assertEquals(found, expected, address);
      }
    });
  });
}

for (const [options, settings, readyAt] of SITES) {
  Deno.test(
    `ready answers are those of the app to the byte, with ${
      JSON.stringify({ ...options, ...settings })
    }`,
    async () => {
      await withFolder(async (root) => {
        const make = () => new FileApp({ root, ...options }).toApp();
        const fresh: PagiApp = (...given) => make()(...given);
        await compareWays(make(), fresh, settings, readyAt, ADDRESSES);
      });
    },
  );
}

Deno.test("ready answers of mounted apps are those of the app to the byte", async () => {
  await withFolder(async (root) => {
    const make = () =>
      new UrlMapApp().map({
        "/": new FileApp({ root }).toApp(),
        "/m": new FileApp({ root, cleanUrls: true }).toApp(),
        "//localhost/docs": new FileApp({ root: join(root, "docs") }).toApp(),
        "//another/m/docs": new FileApp({ root }).toApp(),
      }).toApp();
    const fresh: PagiApp = (...given) => make()(...given);
    const addresses = ["/", "/m/", "/a.css", "/m/page"];
    await compareWays(make(), fresh, {}, addresses, [
      ...addresses,
      ...["/m", "/m/docs/", "/m/docs", "/m%2F", "/m/../a.css", "//m/", "/mm"],
      ...["/docs/", "/docs", "/m/page.html", "/m//page", "/%6D/", "/m/none"],
    ]);
  });
});

Deno.test("a larger file is the same from the disk and from memory", async () => {
  await withFolder(async (root) => {
    const line = "larger than what is kept at once\n";
    write(join(root, "large.txt"), line.repeat(10_000));
    // To find that it is of another file, all of it must be decompressed.
    write(join(root, "large.txt.br"), brotliCompressSync("another"));
    const app = new FileApp({ root }).toApp();
    await withServer(app, {}, async ({ connect, url }) => {
      const client = await connect();
      await using http2 = await Http2Client.open(url);
      const answers = async () => {
        const { headers: { etag } } = await http2.get("/large.txt", {
          "accept-encoding": "br",
        });
        const all: unknown[] = [etag];
        const fields = ["range: bytes=5-290000", "range: bytes=1-2", "x: y"];
        for (const field of fields) {
          const { head, body } = await ask(client, "GET /large.txt", [field]);
          all.push(head.replace(/^date: .*/m, "date"), body);
        }
        const coded = await ask(client, "GET /large.txt", [
          "accept-encoding: gzip",
        ]);
        assertEquals(coded.headers.get("content-encoding"), "gzip");
        const bytes = gunzipSync(toBytes(coded.body));
        all.push(new TextDecoder().decode(bytes));
        const { head } = await ask(client, "HEAD /large.txt");
        all.push(head.replace(/^date: .*/m, "date"));
        const { headers, body } = await http2.get("/large.txt");
        all.push({ ...headers, date: "" }, body);
        return all;
      };
      const first = await answers();
      const head = finderOf(app, "HEAD");
      await until(async () => {
        await ask(client, "GET /large.txt");
        return head("/large.txt", []) !== null;
      });
      assertEquals(await answers(), first);
      write(join(root, "large.txt"), "small");
      assertEquals((await ask(client, "GET /large.txt")).body, "small");
    });
  });
});

Deno.test("an index file that comes, changes or goes shows at once", async () => {
  await withFolder(async (root) => {
    const index = ["first.html", "second.html"];
    const app = new FileApp({ root, index }).toApp();
    await withServer(app, {}, async ({ connect }) => {
      const client = await connect();
      const [first, second] = index.map((name) => join(root, "docs", name));
      const shows = async (status: number, body: string) => {
        const found = await ask(client, "GET /docs/");
        assertEquals([found.status, found.body], [status, body]);
      };
      const showsReady = async (body: string) => {
        await shows(200, body);
        await ready(app, client, "/docs/", []);
        await shows(200, body);
      };
      await shows(404, "Not Found");
      write(second, "second");
      await showsReady("second");
      write(first, "first");
      await shows(200, "first");
      Deno.removeSync(first);
      await showsReady("second");
      Deno.symlinkSync("nowhere", first);
      await shows(403, "Forbidden");
      Deno.removeSync(first);
      await showsReady("second");
      Deno.removeSync(second);
      await shows(404, "Not Found");
    });
  });
});

Deno.test("a file in place of a page with a clean URL shows at once", async () => {
  await withFolder(async (root) => {
    const app = new FileApp({ root, cleanUrls: true }).toApp();
    await withServer(app, {}, async ({ connect }) => {
      const client = await connect();
      const [page, file] = ["page.html", "page"].map((name) =>
        join(root, name)
      );
      const shows = async (body: string) =>
        assertEquals((await ask(client, "GET /page")).body, body);
      await shows("<p>page");
      await ready(app, client, "/page", []);
      write(file, "file");
      await shows("file");
      Deno.removeSync(file);
      await shows("<p>page");
      // What the link leads to may come without a change of this folder.
      const target = join("docs", "target");
      Deno.symlinkSync(target, file);
      await shows("<p>page");
      write(join(root, "other.html"), "<p>other");
      await ready(app, client, "/other", []);
      await shows("<p>page");
      write(join(root, target), "target");
      await shows("target");
      Deno.removeSync(file);
      await shows("<p>page");
      await ready(app, client, "/page", []);
      Deno.removeSync(page);
      await shows("Not Found");
    });
  });
});

Deno.test("the answer to a browser is ready, compressed or not, and its 304", async () => {
  using _settled = new LaterDate();
  await withFolder(async (root) => {
    const app = new FileApp({ root }).toApp();
    const find = finderOf(app);
    await withServer(app, {}, async ({ connect }) => {
      const client = await connect();
      for (const name of ["a.bin", "a.css", "b.css", "c.css", "page.html"]) {
        const path = `/${name}`;
        const headers: HeaderList = [["accept-encoding", ALL]];
        await ready(app, client, path, headers);
        const { headers: fields } = await ask(client, `GET ${path}`, [
          `accept-encoding: ${ALL}`,
        ]);
        const conditional: HeaderList = [
          ...headers,
          ["if-none-match", fields.get("etag")!],
        ];
        await until(async () => {
          await ask(client, `GET ${path}`, [`accept-encoding: ${ALL}`]);
          const found = find(path, conditional);
          return found?.status === 304;
        });
      }
    });
  });
});

Deno.test("a compressed file that comes, changes or goes shows at once", async () => {
  await withFolder(async (root) => {
    const app = new FileApp({ root }).toApp();
    await withServer(app, {}, async ({ connect }) => {
      const client = await connect();
      const coding = async () => {
        const { headers } = await ask(client, "GET /c.css", [
          `accept-encoding: ${ALL}`,
        ]);
        return headers.get("content-encoding");
      };
      const path = join(root, "c.css.br");
      for (let i = 0; i < 30; i++) {
        assertEquals(await coding(), "gzip", `${i}`);
        write(path, FILES["b.css.br"]);
        assertEquals(await coding(), "br", `${i}`);
        write(path, i % 2 === 0 ? brotliCompressSync("other") : "nonsense");
        assertEquals(await coding(), "gzip", `${i}`);
        write(path, FILES["b.css.br"]);
        assertEquals(await coding(), "br", `${i}`);
        Deno.removeSync(path);
      }
      const headers: HeaderList = [["accept-encoding", ALL]];
      await ready(app, client, "/c.css", headers);
      write(path, FILES["b.css.br"]);
      assertEquals(await coding(), "br");
      await ready(app, client, "/c.css", headers);
      Deno.removeSync(path);
      assertEquals(await coding(), "gzip");
      await ready(app, client, "/c.css", headers);
      write(join(root, "c.css"), "new");
      const { body } = await ask(client, "GET /c.css", [
        `accept-encoding: ${ALL}`,
      ]);
      assertEquals(body, "new");
    });
  });
});

Deno.test("by HTTP/2 each answer is whole and has its length, and the log and metrics count it once", async () => {
  using _settled = new LaterDate();
  const memory = newCounters();
  new RequestCounters(memory);
  const hits = () => new Float64Array(memory)[AT.cacheHits];
  const { random } = Math;
  using _ = { [Symbol.dispose]: () => void (Math.random = random) };
  await withFolder(async (root) => {
    const accessLog = join(root, "log");
    const app = new FileApp({ root }).toApp();
    const settings = { accessLog, accessLogFormat: "%m %U %H %s %b" };
    await withServer(app, settings, async ({ connect, url }) => {
      await ready(app, await connect(), "/a.bin", []);
      await using client = await Http2Client.open(url);
      const { headers: { etag } } = await client.get("/a.bin");
      const before = hits();
      for (let i = 0; i < 100; i++) {
        // A sample of the answers is sent as streams.
        Math.random = () => i % 2;
        const whole = await client.get("/a.bin");
        assertEquals([whole.status, whole.body], [200, TEXT]);
        assertEquals(whole.headers["content-length"], String(TEXT.length));
        const same = await client.get("/a.bin", {
          "if-none-match": String(etag),
        });
        assertEquals([same.status, same.body], [304, ""]);
        assertEquals(same.headers.etag, etag);
      }
      assertEquals(hits() - before, 200);
    });
    const lines = Deno.readTextFileSync(accessLog).trimEnd().split("\n");
    const counted = (line: string) => lines.filter((each) => each === line);
    const whole = counted(`GET /a.bin HTTP/2 200 ${TEXT.length}`);
    assertEquals(whole.length, 101);
    assertEquals(counted("GET /a.bin HTTP/2 304 -").length, 100);
  });
});

Deno.test("middleware changes its own copy of what is ready", async () => {
  using _settled = new LaterDate();
  await withFolder(async (root) => {
    const app = new FileApp({ root }).toApp();
    const wrapped: PagiApp = (scope, receive, send) =>
      app(scope, receive, (event) => {
        if (event.type === "http.response.start") {
          event.headers![0][1] = "text/x-changed";
          event.headers!.push(["x-added", "1"]);
        }
        return send(event);
      });
    assertEquals(readyAnswersOf(wrapped), null);
    await withServer(wrapped, {}, async ({ connect }) => {
      const client = await connect();
      await ready(app, client, "/a.css", []);
      const { headers } = await ask(client, "GET /a.css");
      assertEquals(headers.get("content-type"), "text/x-changed");
      assertEquals(headers.get("x-added"), "1");
    });
    const [[, type]] = finderOf(app)("/a.css", [])!.fields;
    assertEquals(type, "text/css; charset=UTF-8");
  });
});

Deno.test("ready answers are logged, and have the fields that the server adds", async () => {
  using _settled = new LaterDate();
  await withFolder(async (root) => {
    const accessLog = join(root, "log");
    const app = new FileApp({ root }).toApp();
    const format = '%h %m %U%q %H %s %b "%{x-name}i"';
    await withServer(
      app,
      { accessLog, accessLogFormat: format },
      async ({ connect }) => {
        const client = await connect();
        await ready(app, client, "/a.bin", [["x-name", "first"]]);
        await ask(client, "GET /a.bin?q", ["x-name: last"]);
      },
    );
    const lines = Deno.readTextFileSync(accessLog).trimEnd().split("\n");
    const line = (query: string, name: string) =>
      `127.0.0.1 GET /a.bin${query} HTTP/1.1 200 ${TEXT.length} "${name}"`;
    assertEquals(lines.at(-1), line("?q", "last"));
    assert(lines.slice(0, -1).every((each) => each === line("", "first")));
    await withServer(app, { header: [["x-own", "1"]] }, async ({ connect }) => {
      const client = await connect();
      await ready(app, client, "/a.bin", []);
      const { headers } = await ask(client, "GET /a.bin");
      assertEquals(headers.get("x-own"), "1");
    });
  });
});

Deno.test("answers count as memory of the cache, and there are few for a file", async () => {
  using _settled = new LaterDate();
  await withFolder(async (root) => {
    const cache = new FileCache(new DocumentRoot("Test", root));
    await until(() => {
      cache.open("a.css");
      return cache.bytes > 0;
    });
    const file = cache.open("a.css");
    assert(typeof file === "object" && file.kind === "small");
    const { bytes } = cache;
    const answer = (size: number): ReadyFile => ({
      ...readyAnswers([], new Uint8Array(size), [], NO_VALIDATORS),
      stamps: [],
    });
    cache.keepReady("a.css", file, "br", answer(50_000));
    assert(cache.bytes >= bytes + 50_000);
    cache.keepReady("a.css", file, "br", answer(10));
    assert(cache.bytes < bytes + 50_000);
    for (let i = 0; i < 100; i++) {
      cache.keepReady("a.css", file, `coding${i}`, answer(10));
      assert(file.ready.size < 10);
    }
    Deno.removeSync(join(root, "a.css"));
    assertEquals(cache.open("a.css"), 404);
    assertEquals(cache.bytes, 0);
    cache.keepReady("a.css", file, "br", answer(10));
    assertEquals(cache.bytes, 0);
  });
});

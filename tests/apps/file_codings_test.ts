import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { FileApp } from "../../src/apps/file.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertNotEquals,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { SECRET } from "../helpers/hostile_tree.ts";
import { runApp } from "../helpers/run_app.ts";
import type { AppResponse } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

const ALL = "gzip, deflate, br, zstd";
const LONG = "All work and no play. ".repeat(5000);

/** Runs `body` with an app on a folder of files, an hour and more old. */
async function withFiles(
  files: Record<string, string | Uint8Array>,
  options: Record<string, unknown>,
  body: (app: PagiApp, root: string) => Promise<void>,
): Promise<void> {
  const root = tempFolder();
  try {
    for (const [name, content] of Object.entries(files)) {
      if (typeof content === "string") {
        Deno.writeTextFileSync(join(root, name), content);
      } else Deno.writeFileSync(join(root, name), content);
      Deno.utimeSync(join(root, name), 1e9, 1e9);
    }
    await body(new FileApp({ root, ...options }).toApp(), root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function get(
  app: PagiApp,
  target: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<AppResponse> {
  return runApp(app, { target, headers, method });
}

async function gunzip(bytes: Uint8Array): Promise<string> {
  const stream = new Blob([bytes as BlobPart]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

const SIDECARS = {
  "app.js": "plain",
  "app.js.br": new Uint8Array(brotliCompressSync("plain")),
  "app.js.zst": new Uint8Array(zstdCompressSync("plain")),
  "app.js.gz": new Uint8Array(gzipSync("plain")),
};
const PLAIN = new TextEncoder().encode("plain");

Deno.test("a compressed file next to the one asked for is sent where the client takes it", async () => {
  await withFiles(SIDECARS, {}, async (app) => {
    const cases: [string, Uint8Array, string | null][] = [
      [ALL, SIDECARS["app.js.br"], "br"],
      ["zstd, gzip", SIDECARS["app.js.zst"], "zstd"],
      ["gzip", SIDECARS["app.js.gz"], "gzip"],
      ["br;q=0.1, gzip", SIDECARS["app.js.gz"], "gzip"],
      ["br;q=0", PLAIN, null],
      ["identity", PLAIN, null],
    ];
    for (const [accepted, bytes, coding] of cases) {
      const response = await get(app, "/app.js", {
        "accept-encoding": accepted,
      });
      assertEquals([response.status, response.body], [200, bytes], accepted);
      assertEquals(response.header("content-encoding"), coding);
      assertEquals(response.header("vary"), "accept-encoding");
      assertEquals(
        response.header("content-type"),
        "application/javascript; charset=UTF-8",
      );
      assertEquals(response.header("content-length"), String(bytes.length));
    }
    const response = await get(app, "/app.js");
    assertEquals(response.text, "plain");
    assertEquals(response.header("vary"), "accept-encoding");
  });
});

Deno.test("each form of a file has a strong tag of its own", async () => {
  await withFiles(SIDECARS, {}, async (app) => {
    const tags = new Set<string>();
    for (const accepted of ["br", "zstd", "gzip", "identity"]) {
      const headers = { "accept-encoding": accepted };
      const first = await get(app, "/app.js", headers);
      const tag = first.header("etag")!;
      assertMatch(tag, /^"/);
      tags.add(tag);
      const again = await get(app, "/app.js", {
        ...headers,
        "if-none-match": tag,
      });
      assertEquals([again.status, again.header("etag")], [304, tag]);
      assertEquals(again.header("vary"), "accept-encoding");
      const other = await get(app, "/app.js", {
        "accept-encoding": accepted === "br" ? "gzip" : "br",
        "if-none-match": tag,
      });
      assertEquals(other.status, 200);
    }
    assertEquals(tags.size, 4);
  });
});

Deno.test("ranges count in the form that is sent", async () => {
  await withFiles(SIDECARS, {}, async (app) => {
    const response = await get(app, "/app.js", {
      "accept-encoding": "br",
      range: "bytes=3-",
    });
    const whole = SIDECARS["app.js.br"];
    const { length } = whole;
    assertEquals([response.status, response.body], [206, whole.subarray(3)]);
    assertEquals(response.header("content-encoding"), "br");
    assertEquals(
      response.header("content-range"),
      `bytes 3-${length - 1}/${length}`,
    );
  });
});

Deno.test("HEAD of a compressed form has the fields of GET", async () => {
  await withFiles({ ...SIDECARS, "long.txt": LONG }, {}, async (app) => {
    for (const target of ["/app.js", "/long.txt"]) {
      const headers = { "accept-encoding": "gzip" };
      const get_ = await get(app, target, headers);
      const head = await get(app, target, headers, "HEAD");
      assertEquals([head.headers, head.text], [get_.headers, ""]);
      assertEquals(head.header("content-encoding"), "gzip");
    }
  });
});

Deno.test("a compressed file outside the root is not sent, nor is a folder", async () => {
  await withFiles(
    { "a.txt": "plain", "b.txt": "plain" },
    {},
    async (app, root) => {
      const outside = tempFolder();
      Deno.writeTextFileSync(join(outside, "secret"), SECRET);
      Deno.symlinkSync(join(outside, "secret"), join(root, "a.txt.br"));
      Deno.mkdirSync(join(root, "b.txt.br"));
      for (const target of ["/a.txt", "/b.txt"]) {
        const response = await get(app, target, { "accept-encoding": ALL });
        assertEquals(response.text, "plain");
        assertEquals(response.header("content-encoding"), null);
      }
      Deno.removeSync(outside, { recursive: true });
    },
  );
});

Deno.test("a compressed file that is asked for itself is no coding of anything", async () => {
  await withFiles(SIDECARS, {}, async (app) => {
    const response = await get(app, "/app.js.gz", { "accept-encoding": ALL });
    assertEquals(response.body, SIDECARS["app.js.gz"]);
    assertEquals(response.header("content-encoding"), null);
    assertEquals(response.header("vary"), null);
    assertEquals(response.header("content-type"), "application/gzip");
  });
});

Deno.test("precompressed=0 leaves the compressed files alone", async () => {
  await withFiles(SIDECARS, { precompressed: "0" }, async (app) => {
    const response = await get(app, "/app.js", { "accept-encoding": ALL });
    assertEquals(response.text, "plain");
  });
});

Deno.test("long text is compressed on its way out, under a weak tag of its own", async () => {
  await withFiles({ "long.txt": LONG }, {}, async (app) => {
    const plain = await get(app, "/long.txt");
    const response = await get(app, "/long.txt", { "accept-encoding": ALL });
    assertEquals(response.status, 200);
    assertEquals(response.header("content-encoding"), "gzip");
    assertEquals(response.header("vary"), "accept-encoding");
    assertEquals(
      response.header("content-length"),
      String(response.body.length),
    );
    assertEquals(response.header("accept-ranges"), null);
    assertLess(response.body.length, LONG.length / 10);
    assertEquals(await gunzip(response.body), LONG);
    const tag = response.header("etag")!;
    assertMatch(tag, /^W\/"/);
    assertNotEquals(tag, `W/${plain.header("etag")}`);
    const again = await get(app, "/long.txt", {
      "accept-encoding": ALL,
      "if-none-match": tag,
    });
    assertEquals(again.status, 304);
    const match = await get(app, "/long.txt", {
      "accept-encoding": ALL,
      "if-match": tag,
    });
    assertEquals(match.status, 412);
  });
});

Deno.test("a large text is compressed in pieces, and its length is not known", async () => {
  const text = LONG.repeat(10);
  await withFiles({ "large.txt": text }, {}, async (app) => {
    const response = await get(app, "/large.txt", { "accept-encoding": ALL });
    assertEquals(response.header("content-encoding"), "gzip");
    assertEquals(response.header("content-length"), null);
    assertMatch(response.header("etag")!, /^W\/"/);
    assertEquals(await gunzip(response.body), text);
  });
});

Deno.test("what does not pay is not compressed", async () => {
  const files = {
    "short.txt": "short",
    "photo.jpg": LONG,
    "data.bin": LONG,
    "archive.gz": LONG,
    "long.txt": LONG,
  };
  await withFiles(files, {}, async (app) => {
    for (const name of ["short.txt", "photo.jpg", "data.bin", "archive.gz"]) {
      const response = await get(app, `/${name}`, { "accept-encoding": ALL });
      assertEquals(response.header("content-encoding"), null, name);
      assert(response.header("content-length") !== null);
    }
    for (const accepted of ["br", "gzip;q=0", "identity, gzip;q=0.5"]) {
      const response = await get(app, "/long.txt", {
        "accept-encoding": accepted,
      });
      assertEquals(response.text, LONG, accepted);
    }
  });
  await withFiles(files, { compress: "0", precompressed: "0" }, async (app) => {
    const response = await get(app, "/long.txt", { "accept-encoding": ALL });
    assertEquals(response.text, LONG);
    assertEquals(response.header("vary"), null);
  });
});

Deno.test("a part is asked of the file as it is, not of what is compressed on its way", async () => {
  await withFiles({ "long.txt": LONG }, {}, async (app) => {
    const response = await get(app, "/long.txt", {
      "accept-encoding": ALL,
      range: "bytes=4-7",
    });
    assertEquals([response.status, response.text], [206, "work"]);
    assertEquals(response.header("content-encoding"), null);
    assertMatch(response.header("etag")!, /^"/);
  });
});

Deno.test("compression waits for a slow client, and ends when it leaves", async () => {
  const root = tempFolder();
  try {
    // What chance makes stays large when compressed.
    const random = crypto.getRandomValues(new Uint8Array(65_536));
    using file = Deno.openSync(join(root, "large.txt"), {
      write: true,
      create: true,
    });
    for (let i = 0; i < 500; i++) file.writeSync(random);
    const inner = new FileApp({ root }).toApp();
    let sent = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    await withServer(
      async (scope, receive, send) => {
        if (scope.type !== "http") throw new Error("no");
        await inner(scope, receive, async (event) => {
          await send(event);
          if ("body" in event) sent += event.body!.length;
        });
        resolve();
      },
      {},
      async ({ connect }) => {
        const client = await connect();
        await client.request("GET /large.txt", "accept-encoding: gzip");
        let before = -1;
        while (before !== sent) {
          before = sent;
          await delay(150);
        }
        assertLess(sent, 25_000_000);
        client.close();
        await promise;
      },
    );
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("etag=content tells versions apart where time and size do not", async () => {
  await withFiles(
    { "a.txt": "one", "b.txt": "one" },
    { etag: "content" },
    async (app, root) => {
      for (const name of ["a.txt", "b.txt"]) {
        Deno.utimeSync(join(root, name), 0, 0);
      }
      const first = await get(app, "/a.txt");
      const tag = first.header("etag")!;
      assertMatch(tag, /^"[\w-]{22}"$/);
      assertEquals(first.header("last-modified"), null);
      assertEquals((await get(app, "/b.txt")).header("etag"), tag);
      assertEquals(
        (await get(app, "/a.txt", { "if-none-match": tag })).status,
        304,
      );
      Deno.writeTextFileSync(join(root, "a.txt"), "two");
      Deno.utimeSync(join(root, "a.txt"), 0, 0);
      const second = await get(app, "/a.txt", { "if-none-match": tag });
      assertEquals([second.status, second.text], [200, "two"]);
      assertNotEquals(second.header("etag"), tag);
      const part = await get(app, "/a.txt", {
        range: "bytes=1-",
        "if-range": second.header("etag")!,
      });
      assertEquals([part.status, part.text], [206, "wo"]);
    },
  );
});

Deno.test("cache_control is told of files, changed or not", async () => {
  const options = { cache_control: "public, max-age=3600" };
  await withFiles({ "a.txt": "one" }, options, async (app) => {
    const response = await get(app, "/a.txt");
    assertEquals(response.header("cache-control"), "public, max-age=3600");
    const again = await get(app, "/a.txt", {
      "if-none-match": response.header("etag")!,
    });
    assertEquals(again.header("cache-control"), "public, max-age=3600");
    assertEquals((await get(app, "/none")).header("cache-control"), null);
  });
});

Deno.test("a compressed copy that is older than its file is not sent", async () => {
  const content = "what the copy was made of\n".repeat(20);
  await withFiles({ "r.txt": content }, {}, async (app, root) => {
    const path = join(root, "r.txt");
    const copies = {
      ".gz": gzipSync(content),
      ".br": brotliCompressSync(content),
      ".zst": zstdCompressSync(content),
    };
    const cases: [file: number, copy: number, sent: boolean][] = [
      [1e9, 1e9, true],
      [1e9, 1e9 + 1, true],
      [1e9, 1e9 - 1, false],
      [1e9, 1e9 - 0.5, false],
      // A tool that sets whole seconds only.
      [1e9 + 0.75, 1e9, true],
      [1e9 + 0.75, 1e9 + 0.5, false],
      [1, 1, true],
    ];
    for (const [extension, bytes] of Object.entries(copies)) {
      Deno.writeFileSync(path + extension, bytes);
      const accept = { ".gz": "gzip", ".br": "br", ".zst": "zstd" }[extension]!;
      for (const [file, copy, sent] of cases) {
        Deno.utimeSync(path, file, file);
        Deno.utimeSync(path + extension, copy, copy);
        const response = await get(app, "/r.txt", {
          "accept-encoding": accept,
        });
        assertEquals(
          response.header("content-encoding"),
          sent ? accept : null,
          `${extension}: ${file}, ${copy}`,
        );
        if (!sent) assertEquals(response.text, content);
      }
    }
  });
});

Deno.test("a newer copy of another content is not sent", async () => {
  const large = "0123456789abcdef".repeat(20_000);
  const files = { "small.txt": "version 1", "large.txt": large };
  await withFiles(files, { compress: "0" }, async (app, root) => {
    const copy = (name: string, bytes: Uint8Array) => {
      Deno.writeFileSync(join(root, name), bytes);
      Deno.utimeSync(join(root, name), 1.5e9, 1.5e9);
    };
    const sent = async (target: string, coding: string) =>
      (await get(app, target, { "accept-encoding": coding }))
        .header("content-encoding");
    for (const other of ["version 2", "", "x".repeat(1_000_000)]) {
      copy("small.txt.gz", gzipSync(other));
      copy("small.txt.br", brotliCompressSync(other));
      copy("small.txt.zst", zstdCompressSync(other));
      for (const coding of ["gzip", "br", "zstd", ALL]) {
        const headers = { "accept-encoding": coding };
        const response = await get(app, "/small.txt", headers);
        assertEquals(response.header("content-encoding"), null, coding);
        assertEquals(response.text, "version 1");
      }
    }
    // As they are left when a build ends too early, or the disk is full.
    for (const name of ["small.txt", "large.txt"]) {
      for (const end of [".br", ".zst", ".gz"]) {
        copy(name + end, new Uint8Array());
      }
      assertEquals(await sent(`/${name}`, ALL), null, name);
      for (const end of [".br", ".zst"]) {
        Deno.removeSync(join(root, name + end));
      }
    }
    copy("small.txt.gz", gzipSync("version 1"));
    assertEquals(await sent("/small.txt", ALL), "gzip");
    // Of a large file the length tells.
    copy("large.txt.gz", gzipSync(large + "x"));
    assertEquals(await sent("/large.txt", "gzip"), null);
    copy("large.txt.gz", gzipSync(large));
    assertEquals(await sent("/large.txt", "gzip"), "gzip");
  });
});

Deno.test("what is not compressed at all is no copy, whatever it is called", async () => {
  const large = "0123456789abcdef".repeat(20_000);
  const files: Record<string, string | Uint8Array> = {
    "small.txt": "small",
    "large.txt": large,
    "cut.txt": large,
    "cut.txt.gz": new Uint8Array([0x1f]),
  };
  for (const end of [".br", ".zst", ".gz"]) {
    files[`small.txt${end}`] = "not compressed at all";
    // Nothing at the beginning of a large brotli file tells.
    if (end !== ".br") files[`large.txt${end}`] = large;
  }
  await withFiles(files, { compress: "0" }, async (app) => {
    for (const target of ["/small.txt", "/large.txt", "/cut.txt"]) {
      for (const coding of ["br", "zstd", "gzip", ALL]) {
        const response = await get(app, target, { "accept-encoding": coding });
        assertEquals(response.header("content-encoding"), null, coding);
        assertEquals(response.text, target === "/small.txt" ? "small" : large);
      }
    }
  });
});

Deno.test("with a long cache_control no page lasts, wherever it stands", async () => {
  const files = {
    "index.html": "home",
    "app.3f9a2b1c.js": "app",
    "logo.svg": "logo",
  };
  const value = "public, max-age=31536000, immutable";
  const options = { cache_control: value, spa: "1" };
  const page = { accept: "text/html" };
  await withFiles(files, options, async (app) => {
    const told = async (target: string) =>
      (await get(app, target, page)).header("cache-control");
    for (const target of ["/", "/index.html", "/users/7", "/x.html"]) {
      assertEquals(await told(target), "public, no-cache", target);
    }
    assertEquals(await told("/app.3f9a2b1c.js"), value);
    assertEquals(await told("/logo.svg"), "public, max-age=31536000");
  });
  const own = { ...options, html_cache_control: "max-age=60" };
  await withFiles(files, own, async (app) => {
    const response = await get(app, "/users/7", page);
    assertEquals(response.header("cache-control"), "max-age=60");
  });
});

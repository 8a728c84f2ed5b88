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
import { withServer } from "../helpers/with_server.ts";

const ALL = "gzip, deflate, br, zstd";
const LONG = "All work and no play. ".repeat(5000);

/** Runs `body` with an app on a folder of files, an hour and more old. */
async function withFiles(
  files: Record<string, string>,
  options: Record<string, unknown>,
  body: (app: PagiApp, root: string) => Promise<void>,
): Promise<void> {
  const root = tempFolder();
  try {
    for (const [name, content] of Object.entries(files)) {
      Deno.writeTextFileSync(join(root, name), content);
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

// Sidecars whose content tells which one it is.
const SIDECARS = {
  "app.js": "plain",
  "app.js.br": "as br",
  "app.js.zst": "as zstd",
  "app.js.gz": "as gzip",
};

Deno.test("a compressed file next to the one asked for is sent where the client takes it", async () => {
  await withFiles(SIDECARS, {}, async (app) => {
    const cases: [string, string, string | null][] = [
      [ALL, "as br", "br"],
      ["zstd, gzip", "as zstd", "zstd"],
      ["gzip", "as gzip", "gzip"],
      ["br;q=0.1, gzip", "as gzip", "gzip"],
      ["br;q=0", "plain", null],
      ["identity", "plain", null],
    ];
    for (const [accepted, text, coding] of cases) {
      const response = await get(app, "/app.js", {
        "accept-encoding": accepted,
      });
      assertEquals([response.status, response.text], [200, text], accepted);
      assertEquals(response.header("content-encoding"), coding);
      assertEquals(response.header("vary"), "accept-encoding");
      assertEquals(
        response.header("content-type"),
        "application/javascript; charset=UTF-8",
      );
      assertEquals(response.header("content-length"), String(text.length));
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
    assertEquals([response.status, response.text], [206, "br"]);
    assertEquals(response.header("content-encoding"), "br");
    assertEquals(response.header("content-range"), "bytes 3-4/5");
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
    assertEquals(response.text, "as gzip");
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
          await new Promise((resolve) => setTimeout(resolve, 150));
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

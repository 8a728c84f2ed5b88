/** Files that change: what is kept in memory must never show. */

import { brotliCompressSync } from "node:zlib";
import { DirectoryApp } from "../../src/apps/directory.ts";
import { FileApp } from "../../src/apps/file.ts";
import { UrlMapApp } from "../../src/apps/url_map.ts";
import { isSettled } from "../../src/http/etags.ts";
import { fieldValue } from "../../src/http/headers.ts";
import type { PagiApp, Scope } from "../../src/pagi/types.ts";
import { assert, assertEquals, assertNotEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { delay, until } from "../helpers/wait.ts";

/** Cases of the test at the end of this file. */
const cases: Record<string, () => Promise<void>> = {};

/**
 * Waits until later changes of what is at `path` get another time: up to 2 s, as
 * Deno tells times of changes in whole seconds.
 */
async function settle(path: string): Promise<void> {
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    const inside = join(path, name);
    if (isDirectory) await settle(inside);
    await until(() =>
      isSettled(Deno.lstatSync(inside).ctime!.getTime(), Date.now())
    );
  }
}

interface Site {
  readonly app: PagiApp;
  readonly root: string;
  /** A folder that is not served. */
  readonly outside: string;
  /** Status and body, or only the status of what is not there. */
  get(target: string, headers?: Record<string, string>): Promise<string>;
  /** Asks twice for files that changed a moment ago: they are kept now. */
  keep(...targets: string[]): Promise<void>;
}

async function withSite(
  files: Record<string, string>,
  body: (site: Site) => Promise<void>,
  options: Record<string, unknown> = {},
): Promise<void> {
  const base = Deno.realPathSync(tempFolder());
  const [root, outside] = [join(base, "www"), join(base, "outside")];
  try {
    Deno.mkdirSync(root);
    Deno.mkdirSync(outside);
    for (const [path, text] of Object.entries(files)) {
      Deno.mkdirSync(join(root, path, ".."), { recursive: true });
      Deno.writeTextFileSync(join(root, path), text);
    }
    const app = new FileApp({ root, ...options }).toApp();
    const get: Site["get"] = async (target, headers = {}) => {
      const { status, text } = await runApp(app, { target, headers });
      return status === 200 ? `200 ${text}` : `${status}`;
    };
    await body({
      app,
      root,
      outside,
      get,
      async keep(...targets) {
        await settle(base);
        for (const target of targets) {
          const first = await get(target);
          assertEquals(await get(target), first);
        }
      },
    });
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

Object.assign(cases, {
  "the very next request sees new content, of the same size or another":
    async () => {
      await withSite({ "a.txt": "one" }, async ({ root, get, keep }) => {
        for (const text of ["two", ""]) {
          await keep("/a.txt");
          Deno.writeTextFileSync(join(root, "a.txt"), text);
          assertEquals(await get("/a.txt"), `200 ${text}`);
        }
      });
    },
  "a file that takes another's place shows, even with its size and time":
    async () => {
      await withSite(
        { "a.txt": "one", "b": "two" },
        async ({ root, get, keep }) => {
          for (const name of ["a.txt", "b"]) {
            Deno.utimeSync(join(root, name), 1, 1);
          }
          await keep("/a.txt");
          Deno.renameSync(join(root, "b"), join(root, "a.txt"));
          assertEquals(await get("/a.txt"), "200 two");
          assertEquals(await get("/b"), "404");
        },
      );
    },
  "new content with the old time shows": async () => {
    await withSite({ "a.txt": "one" }, async ({ root, get, keep }) => {
      const path = join(root, "a.txt");
      Deno.utimeSync(path, 1e9, 1e9);
      await keep("/a.txt");
      Deno.writeTextFileSync(path, "two");
      Deno.utimeSync(path, 1e9, 1e9);
      assertEquals(await get("/a.txt"), "200 two");
    });
  },
  "an answer stays as it is, whatever middleware makes of its fields":
    async () => {
      await withSite({ "a.pdf": "one" }, async ({ app, keep }) => {
        const fields = async (method = "GET") =>
          (await runApp(app, { target: "/a.pdf", method })).headers;
        const changing: PagiApp = async (scope, receive, send) => {
          await app(scope, receive, (event) => {
            if (event.type !== "http.response.start") return Promise.resolve();
            for (const field of event.headers!) field[1] += " changed";
            event.headers!.length = 2;
            return Promise.resolve();
          });
          await app(scope, receive, send);
        };
        await keep();
        // The answer to HEAD is not kept ready.
        const expected = await fields("HEAD");
        assertEquals(fieldValue(expected, "content-type"), "application/pdf");
        for (let i = 0; i < 3; i++) {
          await runApp(changing, { target: "/a.pdf" });
          assertEquals(await fields(), expected);
        }
      });
    },
  "a file that is deleted is not found, and found when it is back":
    async () => {
      await withSite({ "a.txt": "one" }, async ({ root, get, keep }) => {
        await keep("/a.txt");
        Deno.removeSync(join(root, "a.txt"));
        assertEquals(await get("/a.txt"), "404");
        Deno.writeTextFileSync(join(root, "a.txt"), "back");
        assertEquals(await get("/a.txt"), "200 back");
        await keep("/a.txt");
        Deno.removeSync(join(root, "a.txt"));
        Deno.mkdirSync(join(root, "a.txt"));
        assertEquals(await get("/a.txt"), "404");
      });
    },
  "a file that may no longer be read is refused": async () => {
    await withSite({ "sub/a.txt": "one" }, async ({ root, get, keep }) => {
      // Windows has no such modes, and root reads all.
      if (Deno.build.os === "windows") return;
      const now = Deno.uid() === 0 ? "200 one" : "403";
      for (const path of ["sub/a.txt", "sub"]) {
        await keep("/sub/a.txt");
        Deno.chmodSync(join(root, path), 0);
        assertEquals(await get("/sub/a.txt"), now);
        Deno.chmodSync(join(root, path), 0o755);
        assertEquals(await get("/sub/a.txt"), "200 one");
      }
    });
  },
  "a link is followed to where it leads now": async () => {
    const files = { "a.txt": "one", "b.txt": "two" };
    await withSite(files, async ({ root, outside, get, keep }) => {
      const link = join(root, "link.txt");
      const point = (target: string) => {
        Deno.symlinkSync(target, `${link}.new`);
        Deno.renameSync(`${link}.new`, link);
      };
      Deno.writeTextFileSync(join(outside, "c.txt"), "secret");
      point("a.txt");
      await keep("/link.txt");
      point("b.txt");
      assertEquals(await get("/link.txt"), "200 two");
      await keep("/link.txt");
      point("../outside/c.txt");
      assertEquals(await get("/link.txt"), "403");
      point("nowhere");
      assertEquals(await get("/link.txt"), "404");
    });
  },
  "a folder that takes another's place brings its own files": async () => {
    const files = { "sub/a.txt": "one", "new/a.txt": "two" };
    await withSite(files, async ({ root, outside, get, keep }) => {
      const [sub, old] = [join(root, "sub"), join(root, "old")];
      await keep("/sub/a.txt");
      Deno.renameSync(sub, old);
      assertEquals(await get("/sub/a.txt"), "404");
      Deno.renameSync(join(root, "new"), sub);
      assertEquals(await get("/sub/a.txt"), "200 two");
      await keep("/sub/a.txt");
      Deno.removeSync(sub, { recursive: true });
      Deno.writeTextFileSync(join(outside, "a.txt"), "six");
      Deno.symlinkSync("../outside", sub);
      assertEquals(await get("/sub/a.txt"), "403");
    });
  },
  "a folder that is moved out of the root, and linked to, is left after a second (PAGI.md 109)":
    async () => {
      await withSite({ "sub/a.txt": "one" }, async (site) => {
        const { root, outside, get, keep } = site;
        await keep("/sub/a.txt");
        Deno.renameSync(join(root, "sub"), join(outside, "sub"));
        Deno.symlinkSync("../outside/sub", join(root, "sub"));
        const start = performance.now();
        while (await get("/sub/a.txt") !== "403") {
          assert(performance.now() - start < 10_000, "served for too long");
          await delay(20);
        }
      });
    },
  "compressed forms and index files show as soon as they are there":
    async () => {
      const long = "All work and no play. ".repeat(100);
      const files = { "a.txt": long, "sub/index.htm": "old" };
      await withSite(files, async ({ app, root, get, keep }) => {
        const coded = async () => {
          const headers = { "accept-encoding": "br, gzip" };
          const { header, body } = await runApp(app, {
            target: "/a.txt",
            headers,
          });
          return [header("content-encoding"), body] as const;
        };
        await keep("/a.txt", "/sub/");
        const [coding, first] = await coded();
        assertEquals(coding, "gzip");
        assertEquals((await coded())[1], first);
        Deno.writeTextFileSync(join(root, "a.txt"), long.toUpperCase());
        assertNotEquals((await coded())[1], first);
        Deno.writeFileSync(
          join(root, "a.txt.br"),
          brotliCompressSync(long.toUpperCase()),
        );
        assertEquals((await coded())[0], "br");
        Deno.removeSync(join(root, "a.txt.br"));
        assertEquals((await coded())[0], "gzip");
        Deno.writeTextFileSync(join(root, "sub/index.html"), "new");
        assertEquals(await get("/sub/"), "200 new");
      });
    },
  "what was not modified is, once it was": async () => {
    for (const etag of ["stat", "content"]) {
      await withSite({ "a.txt": "one" }, async ({ app, root, get, keep }) => {
        await keep("/a.txt");
        const { header } = await runApp(app, { target: "/a.txt" });
        const tag = { "if-none-match": header("etag")! };
        assertEquals(await get("/a.txt", tag), "304");
        assertEquals(await get("/a.txt", tag), "304");
        Deno.writeTextFileSync(join(root, "a.txt"), "two");
        assertEquals(await get("/a.txt", tag), "200 two");
      }, { etag });
    }
  },
  "what a wrapper does to the events of one reply does not reach the next":
    async () => {
      await withSite({ "a.txt": "one" }, async ({ app, keep }) => {
        await keep("/a.txt");
        const meddling: PagiApp = (scope, receive, send) =>
          app(scope, receive, async (event) => {
            await send(event);
            if (event.type !== "http.response.start") return;
            for (const field of event.headers!) field[1] = "changed";
            event.headers!.push(["x-more", "1"]);
          });
        await ask(meddling, requestScope({ target: "/a.txt" }));
        const after = await runApp(app, { target: "/a.txt" });
        assertEquals(after.header("x-more"), null);
        assertEquals(after.header("content-type"), "text/plain; charset=UTF-8");
        assertEquals(after.text, "one");
      });
    },
});

Deno.test("with a writer beside it, no answer is older than its request, or mixed", async () => {
  await withSite({ "a.txt": "0 " }, async ({ root, app }) => {
    const counts = new Int32Array(new SharedArrayBuffer(8));
    const writer = new Worker(import.meta.resolve("./files/rewriter.ts"), {
      type: "module",
    });
    writer.postMessage({ path: join(root, "a.txt"), counts });
    const scope = requestScope({ target: "/a.txt" });
    const tags = new Map<string, number>();
    try {
      while (Atomics.load(counts, 1) < 45 || tags.size === 0) {
        const least = Atomics.load(counts, 1);
        const { length, body, etag } = await ask(app, scope);
        const version = parseInt(body);
        assertEquals(body, `${version} `.repeat(1 + version % 500));
        assertEquals(length, body.length);
        assert(version >= least, `${version} is older than ${least}`);
        assert(version <= Atomics.load(counts, 0));
        if (!etag.startsWith("W/")) {
          assertEquals(tags.get(etag) ?? version, version, etag);
          tags.set(etag, version);
        }
        // Let the messages of the writer in.
        await delay(0);
      }
    } finally {
      await new Promise((resolve) => {
        writer.onmessage = resolve;
        writer.postMessage("stop");
      });
      writer.terminate();
    }
  });
});

/** Asks without a server, which is what thousands of requests have time for. */
async function ask(
  app: PagiApp,
  scope: Scope,
): Promise<{ length: number; body: string; etag: string }> {
  const answer = { length: NaN, body: "", etag: "" };
  await app(scope, () => new Promise(() => {}), (event) => {
    if (event.type === "http.response.start") {
      answer.length = Number(fieldValue(event.headers!, "content-length"));
      answer.etag = fieldValue(event.headers!, "etag")!;
    } else if (event.type === "http.response.body" && "body" in event) {
      answer.body = new TextDecoder().decode(event.body as Uint8Array);
    }
    return Promise.resolve();
  });
  return answer;
}

Object.assign(cases, {
  "a root that is a link is followed where it leads now, and what is gone does no harm":
    async () => {
      await withSite({
        "r1/index.html": "one",
        "r1/large.bin": "1".repeat(200_000),
        "r1/only-old.txt": "old",
        "r2/index.html": "two",
        "r2/large.bin": "2".repeat(200_000),
        "r2/sub/x.txt": "x",
      }, async ({ root, keep }) => {
        const current = join(root, "current");
        const switchTo = (release: string) => {
          Deno.symlinkSync(release, join(root, "new"));
          Deno.renameSync(join(root, "new"), current);
        };
        switchTo("r1");
        const file = new FileApp({ root: current }).toApp();
        const apps = [
          file,
          new DirectoryApp({ root: current }).toApp(),
          new UrlMapApp().mount("/", file).toApp(),
        ];
        const seen = async (target: string) => {
          const found = new Set<string>();
          for (const app of apps) {
            const { status, text } = await runApp(app, { target });
            found.add(status === 200 ? text.slice(0, 3) : `${status}`);
          }
          return [...found].join();
        };
        await keep();
        for (let i = 0; i < 3; i++) {
          assertEquals(await seen("/"), "one");
          assertEquals(await seen("/index.html"), "one");
          assertEquals(await seen("/only-old.txt"), "old");
        }
        switchTo("r2");
        assertEquals(await seen("/index.html"), "two");
        assertEquals(await seen("/"), "two");
        assertEquals(await seen("/large.bin"), "222");
        assertEquals(await seen("/only-old.txt"), "404");
        assertEquals(await seen("/sub/x.txt"), "x");
        Deno.removeSync(join(root, "r1"), { recursive: true });
        assertEquals(await seen("/index.html"), "two");
        // For a moment there is nothing at all.
        Deno.removeSync(current);
        assertEquals(await seen("/index.html"), "404");
        assertEquals(await seen("/"), "404");
        switchTo("r2");
        assertEquals(await seen("/index.html"), "two");
        // The release itself may move.
        Deno.renameSync(join(root, "r2"), join(root, "r3"));
        switchTo("r3");
        assertEquals(await seen("/index.html"), "two");
        assertEquals(await seen("/large.bin"), "222");
      });
    },
  "what lies beside the target of such a root is still outside": async () => {
    await withSite({
      "r1/a.txt": "one",
      "r2/a.txt": "two",
    }, async ({ root }) => {
      Deno.symlinkSync("r1", join(root, "current"));
      Deno.symlinkSync("../r2/a.txt", join(root, "r1/b.txt"));
      const app = new FileApp({ root: join(root, "current") }).toApp();
      const { status } = await runApp(app, { target: "/b.txt" });
      assertEquals(status, 403);
    });
  },
  "2,000 changes, each followed by a request, never show an old version":
    async () => {
      await withSite({ "a.txt": "" }, async ({ root, app }) => {
        const path = join(root, "a.txt");
        const scope = requestScope({ target: "/a.txt" });
        for (let version = 0; version < 2_000; version++) {
          // Of one size: only the times tell, and several writes share one.
          const text = String(version).padStart(8);
          Deno.writeTextFileSync(path, text);
          // One stays for long enough to be kept.
          if (version === 1000) {
            await settle(root);
            await ask(app, scope);
          }
          const { length, body } = await ask(app, scope);
          if (body !== text || length !== text.length) {
            assertEquals([body, length], [text, text.length]);
          }
        }
      });
    },
});

Deno.test("a change of a file that is kept shows", async (test) => {
  // Beside each other: each waits for its files to settle.
  await Promise.all(
    Object.entries(cases).map(([name, fn]) =>
      test.step({
        name,
        fn,
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
      })
    ),
  );
});

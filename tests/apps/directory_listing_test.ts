import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { DirectoryApp } from "../../src/apps/directory.ts";
import {
  DocumentRoot,
  openByPath,
} from "../../src/apps/files/document_root.ts";
import { endKeptThreads } from "../../src/pagi/kept_threads.ts";
import type { Entry } from "../../src/apps/files/directory_entries.ts";
import { directorySender } from "../../src/apps/files/send_listing.ts";
import type { SendDirectory } from "../../src/apps/files/serve_tree.ts";
import type { HttpScope, PagiApp } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertLess,
  assertNotMatch,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { LISTING_OPTIONS } from "../helpers/listing_options.ts";
import { hostileTree, SECRET } from "../helpers/hostile_tree.ts";
import type { HostileTree } from "../helpers/hostile_tree.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { runApp } from "../helpers/run_app.ts";

/** A tree with `empty` filled: sizes and times go against the names. */
function sortedTree(): HostileTree {
  const tree = hostileTree();
  const folder = join(tree.root, "empty");
  const add = (name: string, size: number, time: number) => {
    Deno.writeFileSync(join(folder, name), new Uint8Array(size));
    Deno.utimeSync(join(folder, name), time, time);
  };
  add("file10.txt", 10, 3e8);
  add("file2.txt", 20, 2e8);
  add("Élan", 5, 4e8);
  add("eggs", 30, 5e8);
  add("Zoo", 20, 1e8);
  Deno.mkdirSync(join(folder, "a"));
  Deno.mkdirSync(join(folder, "b"));
  Deno.utimeSync(join(folder, "a"), 1e8, 1e8);
  Deno.utimeSync(join(folder, "b"), 2e8, 2e8);
  return tree;
}

function manyFiles(root: string, count: number): void {
  for (let i = 1; i <= count; i++) {
    Deno.writeTextFileSync(join(root, `empty/f${i}`), "");
  }
}

/** What lists folders beneath a root that may misbehave. */
function senderOf(root: DocumentRoot): SendDirectory {
  return directorySender({
    ...LISTING_OPTIONS,
    root,
    changes: null,
    longest: Infinity,
  }).sendDirectory;
}

const senders = new WeakMap<DocumentRoot, SendDirectory>();

/** An app that is the listing of one folder alone. */
function listingsOf(
  root: DocumentRoot,
  parts: readonly string[],
  send: SendDirectory = senders.get(root) ?? senderOf(root),
): PagiApp {
  senders.set(root, send);
  return (scope, receive, sendEvent) =>
    send(scope as HttpScope, receive, sendEvent, parts);
}

Deno.test("a listing is sorted as the query asks, folders first", async () => {
  using tree = sortedTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const cases: Record<string, string> = {
    "": "a b eggs Élan file2.txt file10.txt Zoo",
    "?sort=name&order=desc": "b a Zoo file10.txt file2.txt Élan eggs",
    "?sort=size": "a b eggs file2.txt Zoo file10.txt Élan",
    "?sort=size&order=asc": "a b Élan file10.txt file2.txt Zoo eggs",
    "?sort=time": "b a eggs Élan file10.txt file2.txt Zoo",
    "?sort=time&order=asc": "a b Zoo file2.txt file10.txt Élan eggs",
    "?sort=nonsense&order=x&page=-1": "a b eggs Élan file2.txt file10.txt Zoo",
  };
  for (const [query, expected] of Object.entries(cases)) {
    const response = await runApp(app, {
      target: `/empty/${query}`,
      headers: { accept: "application/json" },
    });
    const names = (JSON.parse(response.text) as Entry[]).map(({ name }) =>
      name
    );
    assertEquals(names.join(" "), expected, query);
  }
});

Deno.test("the heads of a listing ask for its orders and tell the present one", async () => {
  using tree = sortedTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const heads = async (query: string) => {
    const { text } = await runApp(app, { target: `/empty/${query}` });
    return [
      ...text.matchAll(
        /<th scope="col"[^>]*?( aria-sort="\w+")?><form><input type="hidden" name="sort" value="(\w+)"><button name="order" value="(\w+)">/g,
      ),
    ].map(([, sort, key, order]) => `${key} ${order}${sort ?? ""}`);
  };
  assertEquals(await heads(""), [
    'name desc aria-sort="ascending"',
    "size desc",
    "time desc",
  ]);
  assertEquals(await heads("?sort=size"), [
    "name asc",
    'size asc aria-sort="descending"',
    "time desc",
  ]);
});

Deno.test("the option sort is the order of those who ask for none", async () => {
  using tree = sortedTree();
  const app = new DirectoryApp({ root: tree.root, sort: "time" }).toApp();
  const names = async (target: string) =>
    (await runApp(app, { target, headers: { accept: "text/plain" } })).text
      .split("\n").slice(2, 4);
  assertEquals(await names("/empty/"), ["eggs", "Élan"]);
  assertEquals(await names("/empty/?sort=size"), ["eggs", "file2.txt"]);
  const wrong: Record<string, unknown> = { sort: "colour" };
  assertThrows(() => new DirectoryApp(wrong), Error, "sort");
});

Deno.test("plain text has a name on each line, folders with a slash", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const headers = { accept: "text/plain" };
  const response = await runApp(app, { target: "/sub/", headers });
  assertEquals(response.header("content-type"), "text/plain; charset=UTF-8");
  assertEquals(response.header("vary"), "accept, accept-encoding");
  assertEquals(response.text, "deep er/\nb.txt\n");
  const names = await runApp(app, { target: "/names/", headers });
  assertStringIncludes(names.text, "new?line.txt\n");
  assertStringIncludes(names.text, "tab?and?bell.txt\n");
});

Deno.test("a long listing is one page, with every entry once", async () => {
  using tree = hostileTree();
  manyFiles(tree.root, 2100);
  const app = new DirectoryApp({ root: tree.root }).toApp();
  for (const query of ["", "?page=2"]) {
    const { text } = await runApp(app, { target: `/empty/${query}` });
    const names = [...text.matchAll(/href="\.\/(f\d+)"/g)].map(([, n]) => n);
    assertEquals(names.length, 2100);
    assertEquals([new Set(names).size, names[0], names.at(-1)], [
      2100,
      "f1",
      "f2100",
    ]);
    assertStringIncludes(text, "2100 files");
  }
  endKeptThreads();
});

Deno.test("no link of a listing has a query: programs follow all there are", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const { text } = await runApp(app, { target: "/sub/" });
  assertStringIncludes(text, '<button class="button" name="zip" value="1">');
  // The icon is in the page itself: nobody follows it.
  const links = [
    ...text.matchAll(/<(?:a|link|area)\b[^>]* href="(?!data:)([^"]*)"/g),
  ];
  assertEquals(links.map(([, href]) => href), [
    "../",
    "./",
    "../",
    "./deep%20er/",
    "./b.txt",
  ]);
  assertNotMatch(text, /<form[^>]* action=/);
});

Deno.test("listings are compressed as the client likes, each with its own tag", async () => {
  using tree = hostileTree();
  manyFiles(tree.root, 500);
  const app = new DirectoryApp({ root: tree.root }).toApp();
  for (const accept of ["text/html", "application/json", "text/plain"]) {
    const get = (coding: string, more = {}) =>
      runApp(app, {
        target: "/empty/",
        headers: { accept, "accept-encoding": coding, ...more },
      });
    const plain = await get("identity");
    assertEquals(plain.header("content-encoding"), null);
    const tags = new Set([plain.header("etag")]);
    for (
      const [accepted, coding, decode] of [
        ["gzip", "gzip", gunzipSync],
        ["gzip, br", "br", brotliDecompressSync],
      ] as const
    ) {
      const coded = await get(accepted);
      assertEquals(coded.header("content-encoding"), coding);
      assertEquals(coded.header("vary"), "accept, accept-encoding");
      assertEquals(decode(coded.body).toString(), plain.text);
      assertLess(coded.body.length, plain.body.length / 2);
      tags.add(coded.header("etag"));
      const tag = coded.header("etag")!;
      assertEquals((await get(accepted, { "if-none-match": tag })).status, 304);
      assertEquals((await get("", { "if-none-match": tag })).status, 200);
    }
    assertEquals(tags.size, 3);
  }
  const never = new DirectoryApp({ root: tree.root, compress: false }).toApp();
  const headers = { "accept-encoding": "gzip" };
  const response = await runApp(never, { target: "/empty/", headers });
  assertEquals(response.header("content-encoding"), null);
});

Deno.test("what changes in a folder shows in its next listing", async () => {
  using tree = hostileTree();
  const file = join(tree.root, "empty/a");
  Deno.writeTextFileSync(file, "1");
  Deno.writeTextFileSync(join(tree.root, "empty/README"), "first");
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const list = async () => (await runApp(app, { target: "/empty/" })).text;
  const first = await list();
  assertEquals(await list(), first);
  Deno.writeTextFileSync(file, "four");
  assertStringIncludes(await list(), 'title="4 bytes"');
  Deno.writeTextFileSync(join(tree.root, "empty/README"), "other");
  assertStringIncludes(await list(), "<pre>other</pre>");
  Deno.writeTextFileSync(join(tree.root, "empty/b"), "");
  assertStringIncludes(await list(), "3 files");
  Deno.removeSync(file);
  assertStringIncludes(await list(), "2 files");
});

Deno.test("an entry that cannot be looked at does not spoil its folder", async () => {
  using tree = hostileTree();
  Deno.symlinkSync("../hello.txt", join(tree.root, "sub/mount"));
  const root = new DocumentRoot("test", tree.root, {
    opener: (root, path) => {
      if (path.endsWith("mount")) {
        throw Object.assign(new Error("EIO"), { code: "EIO" });
      }
      return openByPath(root, path);
    },
  });
  const app = listingsOf(root, ["sub"]);
  const list = async (accept: string) =>
    (await runApp(app, { target: "/sub/", headers: { accept } })).text;
  assertStringIncludes(
    await list("text/html"),
    "1 folder, 1 file, 1 B, 1 more cannot be read",
  );
  assertEquals(await list("text/plain"), "deep er/\nb.txt\n");
});

Deno.test("programs get all entries, or the page they ask for", async () => {
  using tree = hostileTree();
  manyFiles(tree.root, 1001);
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const headers = { accept: "application/json" };
  const count = async (query: string) =>
    JSON.parse((await runApp(app, { target: `/empty/${query}`, headers })).text)
      .length;
  assertEquals(await count(""), 1001);
  assertEquals(await count("?page=2"), 1);
  assertEquals(await count("?page=3"), 0);
  endKeptThreads();
});

Deno.test("README.md stands below its folder's listing, without HTML of its own", async () => {
  using tree = hostileTree();
  const readme = join(tree.root, "empty/ReadMe.md");
  Deno.writeTextFileSync(readme, "# Hi\n<script>alert(1)</script>&\n");
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const { text } = await runApp(app, { target: "/empty/" });
  assertStringIncludes(
    text,
    '<h1 id="hi">Hi</h1>\n<p>&lt;script&gt;alert(1)&lt;/script&gt;&amp;</p>',
  );
  assertStringIncludes(text, '<h2 id="readme">ReadMe.md</h2>');
  const none = new DirectoryApp({ root: tree.root, readme: false }).toApp();
  assertNotMatch(
    (await runApp(none, { target: "/empty/" })).text,
    /id="readme"/,
  );
});

Deno.test("a README that is no text, empty, huge or elsewhere is not shown", async () => {
  using tree = hostileTree();
  const readme = join(tree.root, "empty/README.md");
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const shown = async () =>
    (await runApp(app, { target: "/empty/" })).text.includes('id="readme"');
  for (const content of ["a\0b", "", "x".repeat(200_000)]) {
    Deno.writeTextFileSync(readme, content);
    assert(!await shown(), content.slice(0, 10));
  }
  Deno.removeSync(readme);
  Deno.symlinkSync(join(tree.base, "secret.txt"), readme);
  const page = await runApp(app, { target: "/empty/" });
  assert(!page.text.includes(SECRET));
});

Deno.test("title is what listings call the root", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root, title: "A & B" }).toApp();
  const top = await runApp(app, { target: "/" });
  assertStringIncludes(top.text, "<title>A &amp; B /</title>");
  assertStringIncludes(top.text, '<h1 id="heading">A &amp; B</h1>');
  const below = await runApp(app, { target: "/sub/" });
  assertStringIncludes(below.text, '<a href="../">A &amp; B/</a>');
  assertStringIncludes(below.text, '<h1 id="heading">sub</h1>');
});

Deno.test("sizes are for people, with the exact one at hand", async () => {
  using tree = hostileTree();
  Deno.truncateSync(join(tree.root, "sub/b.txt"), 1536);
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const { text } = await runApp(app, { target: "/sub/" });
  assertStringIncludes(text, 'title="1536 bytes">1.5 KiB<');
  assertStringIncludes(text, "1 folder, 1 file, 1.5 KiB");
});

Deno.test("walks for archives beyond eight at a time get 503 and when to ask again", async () => {
  using tree = hostileTree();
  for (let i = 0; i < 9; i++) {
    for (let j = 0; j < 3; j++) {
      Deno.mkdirSync(join(tree.root, `empty/${i}/${j}`), { recursive: true });
    }
  }
  const root = new DocumentRoot("test", tree.root, {
    opener: (root, path) => {
      // A slice of time is over after each folder.
      const end = performance.now() + 6;
      while (performance.now() < end);
      return openByPath(root, path);
    },
  });
  const answers = await Promise.all(
    Array.from(
      { length: 9 },
      (_, i) =>
        runApp(listingsOf(root, ["empty", `${i}`]), {
          target: `/empty/${i}/?zip=1`,
        }),
    ),
  );
  const status = answers.map(({ status }) => status);
  assertEquals(status.toSorted(), [...Array(8).fill(200), 503]);
  const refused = answers.find(({ status }) => status === 503)!;
  assertEquals(refused.header("retry-after"), "5");
  assertStringIncludes(refused.text, "ask again in a few seconds.");
});

Deno.test("a listing that nobody waits for any more is given up", async () => {
  using tree = hostileTree();
  manyFiles(tree.root, 3000);
  const root = new DocumentRoot("test", tree.root);
  const send = senderOf(root);
  let sent = 0;
  await send(
    requestScope({ target: "/empty/" }) as HttpScope,
    () => Promise.resolve({ type: "http.disconnect", reason: "client_closed" }),
    () => Promise.resolve(void sent++),
    ["empty"],
  );
  assertEquals(sent, 0);
  const kept = await runApp(listingsOf(root, ["empty"], send), {
    target: "/empty/",
  });
  assertStringIncludes(kept.text, "3000 files");
});

import { DirectoryApp } from "../../src/apps/directory.ts";
import type { Entry } from "../../src/apps/files/read_entries.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { hostileTree, SECRET } from "../helpers/hostile_tree.ts";
import type { HostileTree } from "../helpers/hostile_tree.ts";
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

Deno.test("the heads of a listing lead to its orders and tell the present one", async () => {
  using tree = sortedTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const heads = async (query: string) => {
    const { text } = await runApp(app, { target: `/empty/${query}` });
    return [
      ...text.matchAll(
        /<th scope="col"[^>]*?( aria-sort="\w+")?><a href="([^"]+)"/g,
      ),
    ]
      .map(([, sort, href]) => `${href.replaceAll("&amp;", "&")}${sort ?? ""}`);
  };
  assertEquals(await heads(""), [
    '?sort=name&order=desc aria-sort="ascending"',
    "?sort=size&order=desc",
    "?sort=time&order=desc",
  ]);
  assertEquals(await heads("?sort=size"), [
    "?sort=name&order=asc",
    '?sort=size&order=asc aria-sort="descending"',
    "?sort=time&order=desc",
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
  assertThrows(() => new DirectoryApp({ sort: "colour" }), Error, "sort");
});

Deno.test("plain text has a name on each line, folders with a slash", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const headers = { accept: "text/plain" };
  const response = await runApp(app, { target: "/sub/", headers });
  assertEquals(response.header("content-type"), "text/plain; charset=UTF-8");
  assertEquals(response.header("vary"), "accept");
  assertEquals(response.text, "deep er/\nb.txt\n");
  const names = await runApp(app, { target: "/names/", headers });
  assertStringIncludes(names.text, "new?line.txt\n");
  assertStringIncludes(names.text, "tab?and?bell.txt\n");
});

Deno.test("a long listing comes in pages that lead to each other", async () => {
  using tree = hostileTree();
  manyFiles(tree.root, 2100);
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const page = async (query: string) => {
    const { text } = await runApp(app, { target: `/empty/${query}` });
    const names = [...text.matchAll(/href="\.\/(f\d+)"/g)].map(([, n]) => n);
    const rels = [...text.matchAll(/<link rel="(\w+)" href="([^"]+)"/g)]
      .map(([, rel, href]) => `${rel} ${href.replaceAll("&amp;", "&")}`);
    assertStringIncludes(text, "2100 files");
    return [names.length, names[0], names.at(-1), ...rels];
  };
  const order = "?sort=name&order=asc";
  assertEquals(await page(""), [1000, "f1", "f1000", `next ${order}&page=2`]);
  assertEquals(
    await page("?page=2"),
    [1000, "f1001", "f2000", `prev ${order}`, `next ${order}&page=3`],
  );
  const last = [100, "f2001", "f2100", `prev ${order}&page=2`];
  assertEquals(await page("?page=3"), last);
  assertEquals(await page("?page=99"), last);
  assertEquals(
    (await page("?order=desc&page=3"))[3],
    "prev ?sort=name&order=desc&page=2",
  );
  const { text } = await runApp(app, { target: "/empty/?page=2" });
  assertMatch(text, /<a class="button" rel="prev" [^>]*>Previous<\/a>/);
  assertStringIncludes(text, "Page 2 of 3");
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
});

Deno.test("README.md stands below its folder's listing, as text", async () => {
  using tree = hostileTree();
  const readme = join(tree.root, "empty/ReadMe.md");
  Deno.writeTextFileSync(readme, "# Hi\n<script>alert(1)</script>&\n");
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const { text } = await runApp(app, { target: "/empty/" });
  assertStringIncludes(
    text,
    "<pre># Hi\n&lt;script&gt;alert(1)&lt;/script&gt;&amp;\n</pre>",
  );
  assertStringIncludes(text, '<h2 id="readme">ReadMe.md</h2>');
  const none = new DirectoryApp({ root: tree.root, readme: "0" }).toApp();
  assertNotMatch((await runApp(none, { target: "/empty/" })).text, /<pre>/);
});

Deno.test("a README that is no text, empty, huge or elsewhere is not shown", async () => {
  using tree = hostileTree();
  const readme = join(tree.root, "empty/README.md");
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const shown = async () =>
    (await runApp(app, { target: "/empty/" })).text.includes("<pre>");
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

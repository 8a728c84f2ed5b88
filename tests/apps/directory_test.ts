import { DirectoryApp } from "../../src/apps/directory.ts";
import type { Entry } from "../../src/apps/files/directory_entries.ts";
import { endKeptThreads } from "../../src/pagi/kept_threads.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import {
  addSpecialFiles,
  HOSTILE_NAMES,
  hostileTree,
} from "../helpers/hostile_tree.ts";
import { encodeName } from "../../src/system/file_names.ts";
import {
  byteName,
  makeByteTree,
  NAMES_CAN_BE_BYTES,
} from "../helpers/byte_names.ts";
import { runApp } from "../helpers/run_app.ts";

const JSON_ONLY = { accept: "application/json" };

async function entriesOf(app: PagiApp, target: string): Promise<Entry[]> {
  const response = await runApp(app, { target, headers: JSON_ONLY });
  assertEquals(response.header("content-type"), "application/json");
  return JSON.parse(response.text);
}

async function namesIn(app: PagiApp, target: string): Promise<string[]> {
  return (await entriesOf(app, target)).map(({ name }) => name);
}

/** The targets of all links of a page, as a browser would request them. */
function linksOf(html: string, base: string): URL[] {
  const unescaped = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
  return [...html.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href]) =>
    new URL(
      href.replace(
        /&(.+?);/g,
        (_, name) => unescaped[name as keyof typeof unescaped],
      ),
      `http://here${base}`,
    )
  );
}

Deno.test("files are served as by the app File", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  assertEquals((await runApp(app, { target: "/hello.txt" })).text, "hello");
  assertEquals((await runApp(app, { target: "/indexed/" })).text, "<p>index");
  assertEquals((await runApp(app, { target: "/missing/" })).status, 404);
  assertEquals((await runApp(app, { target: "/", method: "PUT" })).status, 405);
});

Deno.test("a folder is listed as HTML that needs nothing from elsewhere", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const response = await runApp(app, { target: "/sub/" });
  assertEquals(response.status, 200);
  assertEquals(response.header("content-type"), "text/html; charset=UTF-8");
  assertEquals(response.header("vary"), "accept, accept-encoding");
  assertEquals(response.header("x-content-type-options"), "nosniff");
  assertMatch(
    response.header("content-security-policy")!,
    /^default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; img-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'self';/,
  );
  assertStringIncludes(response.text, "<!DOCTYPE html>");
  assertStringIncludes(response.text, "<title>Index of /sub/</title>");
});

Deno.test("HEAD of a listing has its fields", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const get = await runApp(app, { target: "/sub/" });
  const head = await runApp(app, { target: "/sub/", method: "HEAD" });
  assertEquals([head.status, head.headers], [get.status, get.headers]);
});

Deno.test("a listing in JSON has folders first, then goes by name", async () => {
  using tree = hostileTree();
  const path = join(tree.root, "sub/b.txt");
  Deno.utimeSync(path, 1e9, 1e9);
  Deno.writeTextFileSync(join(tree.root, "sub/a.txt"), "aa");
  Deno.mkdirSync(join(tree.root, "sub/z"));
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const entries = await entriesOf(app, "/sub/");
  assertEquals(
    entries.map(({ name, is_dir }) => [name, is_dir]),
    [["deep er", 1], ["z", 1], ["a.txt", 0], ["b.txt", 0]],
  );
  assertEquals(entries.at(-1), {
    name: "b.txt",
    is_dir: 0,
    size: 1,
    mtime: 1e9,
  });
});

Deno.test("an empty folder is an empty listing", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  assertEquals(await entriesOf(app, "/empty/"), []);
  const page = await runApp(app, { target: "/empty/" });
  assertStringIncludes(page.text, "0 folders, 0 files");
});

Deno.test("a folder without its slash is redirected with its query", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const cases: Record<string, string> = {
    "/sub": "/sub/",
    "/sub/deep%20er?q=%2F&x": "/sub/deep%20er/?q=%2F&x",
    "/sub%2F": "/sub/",
    "/sub%5C": "/sub/",
    "/sub//deep%20er/": "/sub/deep%20er/",
  };
  for (const [target, location] of Object.entries(cases)) {
    const response = await runApp(app, { target });
    assertEquals(
      [response.status, response.header("location")],
      [301, location],
    );
  }
});

Deno.test("where it is mounted, redirects and links stay inside", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const rootPath = "/my files";
  const location = async (target: string) =>
    (await runApp(app, { target, rootPath })).header("location");
  assertEquals(await location("/my%20files"), "/my%20files/");
  assertEquals(await location("/my%20files/sub?x"), "/my%20files/sub/?x");
  const target = "/my%20files/sub/";
  const page = await runApp(app, { target, rootPath });
  assertStringIncludes(page.text, "<title>Index of /my files/sub/</title>");
  const links = linksOf(page.text, target).filter(({ search }) =>
    search === ""
  );
  assertEquals(links.map(({ pathname }) => pathname), [
    "/my%20files/",
    "/my%20files/sub/",
    "/my%20files/",
    "/my%20files/sub/deep%20er/",
    "/my%20files/sub/b.txt",
  ]);
  const top = await runApp(app, { target: "/my%20files/", rootPath });
  assert(!top.text.includes('href="../'), "a link that leaves the mount");
});

Deno.test("every name is escaped, and its link leads to its file (PAGI.md 112)", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  assertEquals(
    (await namesIn(app, "/names/")).sort(),
    [...HOSTILE_NAMES].sort(),
  );
  const page = await runApp(app, { target: "/names/" });
  assert(!page.text.includes("<script>alert"), "a name became markup");
  assert(!page.text.includes('quote"'), "a name ended an attribute");
  assertStringIncludes(
    page.text,
    "&lt;script&gt;alert(1)&lt;&amp;&gt;.txt</a>",
  );
  const contents: string[] = [];
  for (const url of linksOf(page.text, "/names/")) {
    assertEquals(url.origin, "http://here");
    const target = url.pathname + url.search;
    if (url.pathname.length <= "/names/".length) continue;
    assertEquals(url.hash, "");
    contents.push((await runApp(app, { target })).text);
  }
  assertEquals(contents.sort(), [...HOSTILE_NAMES].sort());
});

Deno.test("names in the path of a page are escaped (PAGI.md 112)", async () => {
  using tree = hostileTree();
  const name = `<b>"&'`;
  Deno.mkdirSync(join(tree.root, name));
  Deno.mkdirSync(join(tree.root, name, "in"));
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const target = `/${encodeURIComponent(name)}/in/`;
  const page = await runApp(app, { target });
  const escaped = "&lt;b&gt;&quot;&amp;&#39;";
  assertStringIncludes(page.text, `<title>Index of /${escaped}/in/</title>`);
  assertStringIncludes(page.text, `<a href="../">${escaped}/</a>`);
});

Deno.test("hidden files are unlisted unless show_hidden is on (PAGI.md 107)", async () => {
  using tree = hostileTree();
  const hidden = (names: string[]) =>
    names.filter((name) => name.startsWith("."));
  const { root } = tree;
  for (const show_hidden of ["0", "", 0, false, undefined]) {
    const app = new DirectoryApp(
      { root, showHidden: show_hidden } as Record<string, unknown>,
    ).toApp();
    assertEquals(hidden(await namesIn(app, "/")), []);
  }
  for (const show_hidden of ["1", 1, true]) {
    const app = new DirectoryApp(
      { root, showHidden: show_hidden } as Record<string, unknown>,
    ).toApp();
    assertEquals(hidden(await namesIn(app, "/")), [".git", ".hidden"]);
  }
});

Deno.test("what cannot be served is not listed", async () => {
  using tree = hostileTree();
  addSpecialFiles(tree.root);
  const app = new DirectoryApp({ root: tree.root }).toApp();
  assertEquals(await namesIn(app, "/special/"), []);
  assertEquals(await namesIn(app, "/links/"), ["inside-folder", "inside.txt"]);
  assert(!(await namesIn(app, "/")).includes("back\\slash.txt"));
});

Deno.test("names that are not UTF-8 are listed, with links that lead to them", {
  ignore: !NAMES_CAN_BE_BYTES,
}, async () => {
  using tree = hostileTree();
  const name = `caf${byteName(0xe9)}.txt`;
  makeByteTree(join(tree.root, "empty"), { [name]: "latin", good: "" });
  const app = new DirectoryApp({ root: tree.root }).toApp();
  assertEquals(await namesIn(app, "/empty/"), [name, "good"]);
  const page = await runApp(app, { target: "/empty/" });
  assertStringIncludes(page.text, 'href="./caf%E9.txt"');
  assertStringIncludes(page.text, "caf\ufffd.txt</a>");
  const headers = { accept: "text/plain" };
  const plain = await runApp(app, { target: "/empty/", headers });
  assertEquals(plain.body, encodeName(`${name}\ngood\n`));
});

Deno.test("a time that no calendar has does not spoil the listing", async () => {
  using tree = hostileTree();
  const path = join(tree.root, "empty/old");
  Deno.writeTextFileSync(path, "");
  Deno.utimeSync(path, -1e10, -1e10);
  const app = new DirectoryApp({ root: tree.root }).toApp();
  assertEquals((await runApp(app, { target: "/empty/" })).status, 200);
});

Deno.test("a listing of 10,000 files lets others have their turn", async () => {
  using tree = hostileTree();
  const folder = join(tree.root, "empty");
  for (let i = 0; i < 10_000; i++) {
    Deno.openSync(join(folder, `${i}`), { write: true, create: true }).close();
  }
  const app = new DirectoryApp({ root: tree.root }).toApp();
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const started = performance.now();
  const response = await runApp(app, { target: "/empty/" });
  const took = performance.now() - started;
  clearInterval(timer);
  assertStringIncludes(response.text, "10000 files");
  assert(turns >= 3, `${turns} turns of others in ${took} ms`);
  assertLess(took, 10_000);
  endKeptThreads();
});

import { FileApp } from "../../src/apps/file.ts";
import { DirectoryApp } from "../../src/apps/directory.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { hostileTree, SECRET } from "../helpers/hostile_tree.ts";
import type { HostileTree } from "../helpers/hostile_tree.ts";
import { runApp } from "../helpers/run_app.ts";

const NAVIGATION = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

function siteTree(): HostileTree {
  const tree = hostileTree();
  const file = (path: string, content: string) =>
    Deno.writeTextFileSync(join(tree.root, path), content);
  file("index.html", "home");
  file("about.html", "about");
  file("my page.html", "spaces");
  file("sub.html", "beside the folder");
  file("both", "no extension");
  file("both.html", "extension");
  file("sub/page.html", "deep");
  return tree;
}

/** Status, and text or location. */
async function seen(
  app: PagiApp,
  target: string,
  headers: Record<string, string> = {},
  rootPath = "",
): Promise<[number, string]> {
  const response = await runApp(app, { target, headers, rootPath });
  return [response.status, response.header("location") ?? response.text];
}

Deno.test("with clean_urls pages have addresses without .html", async () => {
  using tree = siteTree();
  const app = new FileApp({ root: tree.root, cleanUrls: true }).toApp();
  const cases: Record<string, [number, string]> = {
    "/about": [200, "about"],
    "/about.html": [301, "/about"],
    "/about.html?q=1&r": [301, "/about?q=1&r"],
    "/my%20page": [200, "spaces"],
    "/my%20page.html": [301, "/my%20page"],
    "/sub/page": [200, "deep"],
    "/sub//page.html": [301, "/sub/page"],
    "/index.html": [301, "/"],
    "/indexed/index.html": [301, "/indexed/"],
    "/indexed": [301, "/indexed/"],
    "/hello.txt": [200, "hello"],
    "/about/": [301, "/about"],
    "/sub/page/?q": [301, "/sub/page?q"],
    "/none": [404, "Not Found"],
    "/none.html": [404, "Not Found"],
    "/.html": [403, "Forbidden"],
    // A page goes before the folder of its name, a file before both.
    "/sub": [200, "beside the folder"],
    "/both": [200, "no extension"],
    "/both.html": [200, "extension"],
  };
  for (const [target, expected] of Object.entries(cases)) {
    assertEquals(await seen(app, target), expected, target);
  }
  assertEquals(
    await seen(app, "/m%20y/about.html", {}, "/m y"),
    [301, "/m%20y/about"],
  );
  const page = await runApp(app, { target: "/about" });
  assertEquals(page.header("content-type"), "text/html; charset=UTF-8");
});

Deno.test("without clean_urls names are as they are", async () => {
  using tree = siteTree();
  const app = new FileApp({ root: tree.root }).toApp();
  assertEquals((await seen(app, "/about"))[0], 404);
  assertEquals(await seen(app, "/about.html"), [200, "about"]);
});

Deno.test("with spa a page that does not exist is the root's index file", async () => {
  using tree = siteTree();
  const app = new FileApp({ root: tree.root, spa: true }).toApp();
  for (const target of ["/users/7", "/users/7/", "/x.y", "/hello.txt/"]) {
    assertEquals(await seen(app, target, NAVIGATION), [200, "home"], target);
    for (const accept of ["*/*", "image/*", "application/json"]) {
      assertEquals((await seen(app, target, { accept }))[0], 404, accept);
    }
    assertEquals((await seen(app, target))[0], 404);
  }
  const page = await runApp(app, { target: "/users", headers: NAVIGATION });
  assertEquals(page.header("vary"), "accept, accept-encoding");
  const missing = await runApp(app, { target: "/users" });
  assertEquals(missing.header("vary"), "accept");
  assertEquals(await seen(app, "/hello.txt", NAVIGATION), [200, "hello"]);
  assertEquals((await seen(app, "/.git/config", NAVIGATION))[0], 403);
});

Deno.test("with spa and clean_urls a page goes before the start page", async () => {
  using tree = siteTree();
  const options = { root: tree.root, spa: true, cleanUrls: true };
  const app = new FileApp(options).toApp();
  const cases: Record<string, [number, string]> = {
    "/about": [200, "about"],
    "/about/": [301, "/about"],
    "/about.html": [301, "/about"],
    "/index.html": [301, "/"],
    "/index": [301, "/"],
    "/indexed/index": [301, "/indexed/"],
    "/none": [200, "home"],
    "/none/": [200, "home"],
    "/none.html": [200, "home"],
    "/": [200, "home"],
  };
  for (const [target, expected] of Object.entries(cases)) {
    assertEquals(await seen(app, target, NAVIGATION), expected, target);
  }
});

Deno.test("a folder whose slashes are written as escapes moves to its own address", async () => {
  using tree = siteTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const cases: Record<string, string> = {
    "/sub%2Fdeep%20er/": "/sub/deep%20er/",
    "/sub%2fdeep%20er%2F": "/sub/deep%20er/",
    "/sub%5Cdeep%20er/?q": "/sub/deep%20er/?q",
    "/%2Fsub/": "/sub/",
  };
  for (const [target, location] of Object.entries(cases)) {
    assertEquals(await seen(app, target), [301, location], target);
  }
  // A mount may hold them for good.
  assertEquals((await seen(app, "/m%5Cn/sub/", {}, "/m\\n"))[0], 200);
  assertEquals(
    await seen(app, "/m%5Cn/sub%2F", {}, "/m\\n"),
    [301, "/m%5Cn/sub/"],
  );
});

Deno.test("a Directory with spa lists the folders there are", async () => {
  using tree = siteTree();
  const app = new DirectoryApp({ root: tree.root, spa: true }).toApp();
  assert((await seen(app, "/sub/", NAVIGATION))[1].includes("b.txt"));
  assertEquals(await seen(app, "/none/", NAVIGATION), [200, "home"]);
});

Deno.test("neither clean addresses nor fallbacks lead out of the root", async () => {
  using tree = siteTree();
  Deno.removeSync(join(tree.root, "index.html"));
  Deno.symlinkSync(
    join(tree.base, "outside/index.html"),
    join(tree.root, "index.html"),
  );
  Deno.symlinkSync("../secret.txt", join(tree.root, "leak.html"));
  const options = { root: tree.root, spa: true, cleanUrls: true };
  const app = new FileApp(options).toApp();
  for (
    const target of [
      "/leak",
      "/leak.html",
      "/none",
      "/",
      "/index.html",
      "/links/outside-folder/index",
      "/..%2fsecret",
      "/%5c..%5cwww2%5csecret",
    ]
  ) {
    const response = await runApp(app, { target, headers: NAVIGATION });
    assert(response.status === 403 || response.status === 404, target);
    assert(!response.text.includes(SECRET), target);
  }
});

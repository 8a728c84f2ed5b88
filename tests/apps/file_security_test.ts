import { DirectoryApp } from "../../src/apps/directory.ts";
import { FileApp } from "../../src/apps/file.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { assertEquals } from "../../src/std/assert.ts";
import {
  addSpecialFiles,
  hostileTree,
  SECRET,
} from "../helpers/hostile_tree.ts";
import type { HostileTree } from "../helpers/hostile_tree.ts";
import { runApp } from "../helpers/run_app.ts";

/** File, Directory, and Directory with hidden files, by name. */
function apps({ root }: HostileTree): [name: string, app: PagiApp][] {
  return [
    ["File", new FileApp({ root }).toApp()],
    ["Directory", new DirectoryApp({ root }).toApp()],
    ["hidden", new DirectoryApp({ root, showHidden: true }).toApp()],
  ];
}

async function statuses(
  tree: HostileTree,
  targets: readonly string[],
): Promise<string[]> {
  const found = new Set<string>();
  for (const [name, app] of apps(tree)) {
    for (const target of targets) {
      const { status, text } = await runApp(app, { target });
      assertEquals(text.includes(SECRET), false, `${name} ${target}`);
      assertEquals(text.includes("root:"), false, `${name} ${target}`);
      found.add(`${status}`);
    }
  }
  return [...found].sort();
}

Deno.test("no spelling of .. leads anywhere (PAGI.md 108)", async () => {
  using tree = hostileTree();
  const targets = [];
  for (
    const up of [
      "..",
      "%2e%2e",
      "%2E.",
      ".%2e",
      "..%5c..",
      "..\\..",
      "%2e%2e%5C%2e%2e",
    ]
  ) {
    for (const slash of ["/", "%2f", "%2F", "%5c", "\\", "//", "/./"]) {
      targets.push(
        `/${up}${slash}secret.txt`,
        `/sub${slash}${up}${slash}${up}${slash}secret.txt`,
        `/missing${slash}${up}${slash}..${slash}secret.txt`,
        `${up}${slash}secret.txt`,
        `//${up}${slash}${up}${slash}etc/passwd`,
        `/${up}${slash}www2${slash}secret.txt`,
        `/${up}`,
        `/${up}${slash}`,
      );
    }
  }
  assertEquals(await statuses(tree, targets), ["403"]);
});

Deno.test("what only looks like .. names files, and there are none", async () => {
  using tree = hostileTree();
  assertEquals(
    await statuses(tree, [
      "/%252e%252e/secret.txt",
      "/%252e%252e%252fsecret.txt",
      "/%c0%ae%c0%ae/secret.txt",
      "/%e0%80%ae%e0%80%ae/secret.txt",
      "/%u002e%u002e/secret.txt",
      "/\uff0e\uff0e/secret.txt",
      "/\u012e\u012e/secret.txt",
      "/%ef%bc%8e%ef%bc%8e/secret.txt",
      "/..;/secret.txt".replace("..;", "%3b..%3b"),
      "/~/secret.txt",
      "/~root/",
      "/C:/secret.txt",
      "/file:///etc/passwd",
      `/${tree.base}/secret.txt`,
      "/etc/passwd",
      "//etc/passwd",
      "/proc/self/environ",
    ]),
    ["404"],
  );
});

Deno.test("NUL in a path gets 400 (PAGI.md 108)", async () => {
  using tree = hostileTree();
  assertEquals(
    await statuses(tree, [
      "/%00",
      "/hello.txt%00",
      "/hello.txt%00.png",
      "/..%00/",
    ]),
    ["400"],
  );
});

Deno.test("the server's configuration file is neither served nor listed", async () => {
  using tree = hostileTree();
  const [file, directory, shown] = apps(tree).map(([, app]) => app);
  for (const folder of ["", "sub/"]) {
    const path = `${tree.root}/${folder}pagi-server.toml`;
    Deno.writeTextFileSync(path, SECRET);
    Deno.writeTextFileSync(`${path}.md`, "about it");
    const target = `/${folder}pagi-server.toml`;
    for (const app of [file, directory]) {
      assertEquals((await runApp(app, { target })).status, 403);
      assertEquals((await runApp(app, { target: `${target}.md` })).status, 200);
    }
    const listing = await runApp(directory, { target: `/${folder}` });
    assertEquals(listing.text.includes('pagi-server.toml"'), false);
    assertEquals((await runApp(shown, { target })).text, SECRET);
  }
});

Deno.test("components that begin with a dot get 403 (PAGI.md 108)", async () => {
  using tree = hostileTree();
  for (const [name, app] of apps(tree).slice(0, 2)) {
    for (
      const target of [
        "/.hidden",
        "/%2ehidden",
        "/.git/config",
        "/.git/",
        "/.git",
        "/sub/.dots/file.txt",
        "/sub%2f.dots/file.txt",
        "/sub%5c.dots%5cfile.txt",
        "/.missing",
        "/./.hidden",
        "/sub/../.hidden",
        "/hello.txt/../.git/config",
        "/.well-known/../.git/config",
        "/.well-known/.git",
        "/sub/.well-known/x",
        "/.well-known-not/x",
        "/...",
      ]
    ) {
      assertEquals((await runApp(app, { target })).status, 403, name + target);
    }
  }
});

Deno.test("dot segments are removed within the root, and lead nowhere beyond it", async () => {
  using tree = hostileTree();
  Deno.writeTextFileSync(`${tree.root}/12:30.log`, "log");
  const cases: Record<string, string> = {
    "/./hello.txt": "hello",
    "/%2e/hello.txt": "hello",
    "/.//./hello.txt": "hello",
    "/./12:30.log": "log",
    "/sub/./b.txt": "b",
    "/sub/././deep%20er/%2E/file.txt": "deep",
    "/sub/../hello.txt": "hello",
    "/sub/%2e%2E/hello.txt": "hello",
    "/sub/deep%20er/..%2f../hello.txt": "hello",
    "/missing/../hello.txt": "hello",
    "/sub\\..\\hello.txt": "hello",
    "/.git/../hello.txt": "hello",
    "/indexed/.": "<p>index",
    "/indexed/./": "<p>index",
    "/sub/../indexed/?q": "<p>index",
    "/indexed//./": "301 /indexed/",
    "/sub/..//indexed/": "301 /indexed/",
    "/indexed/x/..": "301 /indexed/",
    "/hello.txt/.": "404",
    "/hello.txt/x/..": "404",
    "/sub/../..": "403",
    "/..": "403",
    "/./..": "403",
    "/./../hello.txt": "403",
    "/sub/../../www/hello.txt": "403",
  };
  for (const [name, app] of apps(tree)) {
    for (const [target, expected] of Object.entries(cases)) {
      const response = await runApp(app, { target });
      const { status, text } = response;
      const location = response.header("location");
      const seen = status === 200
        ? text
        : location
        ? `301 ${location}`
        : `${status}`;
      assertEquals(seen, expected, `${name} ${target}`);
    }
  }
});

Deno.test("the folder .well-known is served, where it is the first (RFC 8615)", async () => {
  using tree = hostileTree();
  Deno.mkdirSync(`${tree.root}/.well-known/acme-challenge`, {
    recursive: true,
  });
  Deno.writeTextFileSync(`${tree.root}/.well-known/acme-challenge/t`, "token");
  Deno.writeTextFileSync(`${tree.root}/.well-known/.secret`, SECRET);
  for (const [name, app] of apps(tree).slice(0, 2)) {
    const get = async (target: string) => await runApp(app, { target });
    const token = await get("/.well-known/acme-challenge/t");
    assertEquals([token.status, token.text], [200, "token"], name);
    assertEquals((await get("/.well-known/.secret")).status, 403);
    assertEquals((await get("/.well-known/missing")).status, 404);
  }
});

Deno.test("a link to what is hidden lets nothing out, unless hidden names are shown", async () => {
  using tree = hostileTree();
  const link = (target: string, name: string) =>
    Deno.symlinkSync(target, `${tree.root}/links/${name}`);
  link("../.hidden", "file");
  link("../.git", "folder");
  link("../sub/.dots/file.txt", "deep.txt");
  link("file", "chain");
  Deno.mkdirSync(`${tree.root}/index-link`);
  Deno.symlinkSync("../.hidden", `${tree.root}/index-link/index.html`);
  const targets: Record<string, string> = {
    "/links/file": "hidden",
    "/links/folder/config": "config",
    "/links/deep.txt": "dots",
    "/links/chain": "hidden",
    "/index-link/": "hidden",
  };
  for (const [name, app] of apps(tree)) {
    const shows = name === "hidden";
    for (const [target, text] of Object.entries(targets)) {
      const response = await runApp(app, { target });
      const expected = shows ? [200, text] : [403, "Forbidden"];
      assertEquals([response.status, response.text], expected, name + target);
    }
    if (name === "File") continue;
    const { status } = await runApp(app, { target: "/links/folder/" });
    assertEquals(status, shows ? 200 : 403);
    const { text } = await runApp(app, {
      target: "/links/",
      headers: { accept: "text/plain" },
    });
    assertEquals(text.includes("deep.txt"), shows);
    assertEquals(text.includes("inside.txt"), true);
  }
});

Deno.test("a root whose own path has a dot in it is served", async () => {
  using tree = hostileTree();
  const root = `${tree.root}/.git`;
  for (const folder of [root, `${tree.root}/sub/../.git/.`]) {
    const app = new FileApp({ root: folder }).toApp();
    assertEquals((await runApp(app, { target: "/config" })).text, "config");
  }
});

Deno.test("show_hidden serves names with a dot, but never .. (PAGI.md 107, 108)", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root, showHidden: true }).toApp();
  const answers = {
    "/.hidden": "hidden",
    "/.git/config": "config",
    "/sub/.dots/file.txt": "dots",
    "/./hello.txt": "hello",
    "/sub/./b.txt": "b",
  };
  for (const [target, text] of Object.entries(answers)) {
    assertEquals((await runApp(app, { target })).text, text, target);
  }
  assertEquals((await runApp(app, { target: "/sub/../../x" })).status, 403);
  const off = new DirectoryApp({ root: tree.root, showHidden: false }).toApp();
  assertEquals((await runApp(off, { target: "/.hidden" })).status, 403);
});

Deno.test("a backslash counts as a slash", async () => {
  using tree = hostileTree();
  const app = new FileApp({ root: tree.root }).toApp();
  for (const target of ["/sub%5Cb.txt", "/sub\\b.txt", "\\sub\\b.txt"]) {
    assertEquals((await runApp(app, { target })).text, "b", target);
  }
  assertEquals(
    (await runApp(app, { target: "/back%5Cslash.txt" })).status,
    404,
  );
});

Deno.test("a link that leaves the root gets 403, also into a sibling of like name (PAGI.md 109)", async () => {
  using tree = hostileTree();
  assertEquals(
    await statuses(tree, [
      "/links/outside.txt",
      "/links/absolute.txt",
      "/links/outside-folder",
      "/links/outside-folder/secret.txt",
      "/links/sibling",
      "/links/sibling/secret.txt",
      "/links/above",
      "/links/above/secret.txt",
      "/links/passwd",
      "/leaking-index/",
      "/leaking-index",
    ]),
    ["403"],
  );
  for (const [name, app] of apps(tree)) {
    const { status, text } = await runApp(app, {
      target: "/links/above/www/hello.txt",
    });
    assertEquals([status, text], [200, "hello"], name);
  }
});

Deno.test("a link that stays inside is followed, a broken or circular one not found", async () => {
  using tree = hostileTree();
  for (const [, app] of apps(tree)) {
    const text = async (target: string) => (await runApp(app, { target })).text;
    assertEquals(await text("/links/inside.txt"), "hello");
    assertEquals(await text("/links/inside-folder/b.txt"), "b");
    assertEquals(await text("/links/broken.txt"), "Not Found");
    assertEquals(await text("/links/loop"), "Not Found");
  }
});

Deno.test("devices, pipes and sockets are not served, and nobody waits for them", async () => {
  using tree = hostileTree();
  addSpecialFiles(tree.root);
  assertEquals(
    await statuses(tree, [
      "/special/pipe",
      "/special/socket",
      "/special/pipe/",
    ]),
    ["404"],
  );
  assertEquals((await statuses(tree, ["/links/zero"])).includes("200"), false);
});

Deno.test("names that are too long are not found", async () => {
  using tree = hostileTree();
  assertEquals(
    await statuses(tree, [`/${"x".repeat(256)}`, `/${"x/".repeat(5000)}`]),
    ["404"],
  );
});

Deno.test("redirects stay on this host", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const locations: Record<string, string> = {
    "/evil.com": "/evil.com/",
    "//evil.com": "/evil.com/",
    "///evil.com": "/evil.com/",
    "/%2Fevil.com": "/evil.com/",
    "/%5Cevil.com": "/evil.com/",
    "/\\evil.com": "/evil.com/",
    "//evil.com//": "/evil.com/",
    "//": "/",
    "//evil.com/%2e%2e": "/",
    "//evil.com/..//evil.com/.": "/evil.com/",
    "/%2e//evil.com": "/evil.com/",
    "/sub/deep%20er?//evil.com": "/sub/deep%20er/?//evil.com",
  };
  for (const [target, location] of Object.entries(locations)) {
    const response = await runApp(app, { target });
    assertEquals(response.status, 301, target);
    assertEquals(response.header("location"), location);
  }
});

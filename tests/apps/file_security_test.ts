import { DirectoryApp } from "../../src/apps/directory.ts";
import { FileApp } from "../../src/apps/file.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { assertEquals, assertMatch } from "../../src/std/assert.ts";
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
    ["hidden", new DirectoryApp({ root, show_hidden: "1" }).toApp()],
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
        "/./hello.txt",
        "/...",
      ]
    ) {
      assertEquals((await runApp(app, { target })).status, 403, name + target);
    }
  }
});

Deno.test("show_hidden serves names with a dot, but never .. (PAGI.md 107, 108)", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root, show_hidden: 1 }).toApp();
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
  assertEquals((await runApp(app, { target: "/sub/../.git" })).status, 403);
  const off = new DirectoryApp({ root: tree.root, show_hidden: "0" }).toApp();
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
    "/sub/deep%20er?//evil.com": "/sub/deep%20er/?//evil.com",
  };
  for (const [target, location] of Object.entries(locations)) {
    const response = await runApp(app, { target });
    assertEquals(response.status, 301, target);
    assertEquals(response.header("location"), location);
  }
  assertMatch(
    (await runApp(app, { target: "//evil.com/%2e%2e" })).text,
    /^Forbidden$/,
  );
});

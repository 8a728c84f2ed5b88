import { DirectoryApp } from "../../src/apps/directory.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import type { Entry } from "../../src/apps/files/directory_entries.ts";
import {
  byteName,
  makeByteTree,
  NAMES_CAN_BE_BYTES,
} from "../helpers/byte_names.ts";
import { HOSTILE_NAMES, hostileTree, SECRET } from "../helpers/hostile_tree.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

/** The names that a search for `query` at `path` finds. */
async function search(
  root: string,
  query: string,
  path = "/",
  options: Record<string, unknown> = {},
): Promise<string[]> {
  const app = new DirectoryApp({ root, ...options }).toApp();
  const { text } = await runApp(app, {
    target: `${path}?q=${encodeURIComponent(query)}`,
    headers: { accept: "application/json" },
  });
  return JSON.parse(text).map(({ name }: Entry) => name);
}

Deno.test("a search finds names below a folder by their words, whatever the case and the accents", async () => {
  using tree = hostileTree();
  assertEquals(await search(tree.root, "FILE"), ["sub/deep er/file.txt"]);
  assertEquals(await search(tree.root, "txt deep"), []);
  assertEquals(await search(tree.root, "er deep"), ["sub/deep er"]);
  assertEquals(await search(tree.root, "b.txt", "/sub/"), ["b.txt"]);
  const names = await search(tree.root, "CAFE", "/names/");
  assertEquals(names.sort(), ["cafe\u0301.txt", "café.txt"]);
  const all = await search(tree.root, ".", "/names/");
  assertEquals(all.sort(), HOSTILE_NAMES.filter((n) => n.includes(".")).sort());
});

Deno.test("a query that is not encoded finds the same, as curl sends it", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  // One code unit is one byte of the request.
  const { text } = await runApp(app, {
    target: "/names/?q=caf\xc3\xa9",
    headers: { accept: "text/plain" },
  });
  assertEquals(text.split("\n").length, 3);
});

Deno.test("a search finds nothing that is hidden, outside or linked in a circle", async () => {
  using tree = hostileTree();
  for (const query of ["hidden", "config", "secret", "dots", SECRET]) {
    const found = await search(tree.root, query);
    assert(
      found.every((name) => !/secret|\.git|\.hidden/.test(name)),
      `${found}`,
    );
  }
  assertEquals(await search(tree.root, "config", "/", { showHidden: true }), [
    ".git/config",
  ]);
});

Deno.test("results are a page of links that lead to them, and plain text for programs", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const target = "/?q=%3CSCRIPT%3E";
  const page = await runApp(app, { target, headers: { accept: "text/html" } });
  assertEquals(page.header("cache-control"), "no-store");
  assertStringIncludes(
    page.text,
    '<a href="./names/%3Cscript%3Ealert(1)%3C%26%3E.txt">',
  );
  assert(!page.text.includes("<script>alert"), page.text);
  assertStringIncludes(page.text, "1 result.");
  const plain = await runApp(app, {
    target,
    headers: { accept: "text/plain" },
  });
  assertEquals(plain.text, "names/<script>alert(1)<&>.txt\n");
  const attack = encodeURIComponent(`"><script>alert(1)</script>`);
  const none = await runApp(app, { target: `/?q=${attack}` });
  assert(!none.text.includes("<script>alert"), none.text);
  assertStringIncludes(none.text, "Nothing has such a name.");
  const head = await runApp(app, { target, method: "HEAD" });
  assertEquals([head.status, head.text], [200, ""]);
});

Deno.test("search=0 offers none, and an empty query is the listing", async () => {
  using tree = hostileTree();
  const { root } = tree;
  for (
    const [options, target] of [[{ search: false }, "/?q=x"], [{}, "/?q=+"]]
  ) {
    const app = new DirectoryApp({ root, ...options as object }).toApp();
    const { text } = await runApp(app, { target: target as string });
    assertStringIncludes(text, "hello.txt");
  }
});

Deno.test("a search that finds too many says that these are the first", async () => {
  const root = tempFolder();
  try {
    for (let i = 0; i < 1001; i++) {
      Deno.writeTextFileSync(join(root, `n${i}`), "");
    }
    assertEquals((await search(root, "n")).length, 1000);
    const app = new DirectoryApp({ root }).toApp();
    const { text } = await runApp(app, { target: "/?q=n" });
    assertStringIncludes(text, "These are the first 1000; add a word");
    const exact = await runApp(app, { target: "/?q=n99" });
    assertStringIncludes(exact.text, "11 results.");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("a folder that cannot be read, or goes, does not end a search", async () => {
  const root = tempFolder();
  try {
    for (const name of ["a", "b", "c"]) {
      Deno.mkdirSync(join(root, name));
      Deno.writeTextFileSync(join(root, name, "hit"), "");
    }
    Deno.removeSync(join(root, "b"), { recursive: true });
    Deno.symlinkSync("/nowhere", join(root, "b"));
    assertEquals(await search(root, "hit"), ["a/hit", "c/hit"]);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("names that are not UTF-8 are found and can be opened", {
  ignore: !NAMES_CAN_BE_BYTES,
}, async () => {
  const root = tempFolder();
  try {
    makeByteTree(root, { [`sub/caf${byteName(0xe9)}`]: "coffee" });
    const app = new DirectoryApp({ root }).toApp();
    const { text } = await runApp(app, { target: "/?q=caf" });
    assertStringIncludes(text, '<a href="./sub/caf%E9">');
    assertEquals((await runApp(app, { target: "/sub/caf%E9" })).text, "coffee");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("more searches than the server runs at a time are told to come again, and a client that leaves ends its own", async () => {
  const root = tempFolder();
  try {
    // More than the buffers of a connection hold.
    for (let i = 0; i < 60; i++) {
      Deno.mkdirSync(join(root, `${i}`));
      for (let j = 0; j < 16; j++) {
        Deno.writeTextFileSync(
          join(root, `${i}`, `${j}${"n".repeat(240)}`),
          "",
        );
      }
    }
    const app = new DirectoryApp({ root }).toApp();
    let running = 0;
    let refused = 0;
    await withServer(
      async (scope, receive, send) => {
        running++;
        try {
          await app(scope, receive, async (event) => {
            if (event.type === "http.response.start" && event.status === 503) {
              refused++;
            }
            // A client that reads slowly.
            if (event.type === "http.response.body" && event.more) {
              await until(() => refused > 0);
            }
            await send(event);
          });
        } finally {
          running--;
        }
      },
      {},
      async ({ connect }) => {
        const connections = [];
        for (let i = 0; i < 9; i++) {
          const connection = await connect();
          await connection.request("GET /?q=n");
          connections.push(connection);
        }
        await until(() => refused === 1);
        for (const connection of connections) connection.close();
        await until(() => running === 0);
        const last = await connect();
        await last.request("GET /?q=59");
        assertEquals((await last.response()).status, 200);
      },
    );
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

import { DirectoryApp } from "../../src/apps/directory.ts";
import type { SendEvent } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import {
  addSpecialFiles,
  HOSTILE_NAMES,
  hostileTree,
  SECRET,
} from "../helpers/hostile_tree.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { withServer } from "../helpers/with_server.ts";

/** What a program says of an archive in a file. */
async function tell(
  archive: Uint8Array,
  command: string,
  args: (path: string) => string[],
): Promise<{ code: number; output: string }> {
  const folder = tempFolder();
  try {
    const path = join(folder, "archive.zip");
    Deno.writeFileSync(path, archive);
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args: args(path),
      env: { PYTHONIOENCODING: "utf-8", LC_ALL: "C.UTF-8" },
    }).output();
    const decoder = new TextDecoder();
    return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Every member, as Python reads it, with its content; checksums are checked. */
async function membersOf(archive: Uint8Array): Promise<Map<string, string>> {
  const { code, output } = await tell(archive, "python3", (path) => [
    "-c",
    "import json, sys, zipfile\n" +
    "z = zipfile.ZipFile(sys.argv[1])\n" +
    "assert z.testzip() is None\n" +
    "print(json.dumps([[n, z.read(n).decode()] for n in z.namelist()]))",
    path,
  ]);
  assertEquals(code, 0, output);
  return new Map(JSON.parse(output));
}

function has(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

const NO_PYTHON = !has("python3", "--version");
const NO_UNZIP = !has("unzip", "-v");

Deno.test(
  `a folder of hostile names is one archive of the announced length${
    NO_PYTHON ? " (skipped: there is no python3 to read it)" : ""
  }`,
  { ignore: NO_PYTHON },
  async () => {
    using tree = hostileTree();
    const app = new DirectoryApp({ root: tree.root }).toApp();
    // runApp() compares the length with what is announced.
    const response = await runApp(app, { target: "/names/?zip=1" });
    assertEquals(response.header("content-type"), "application/zip");
    assertEquals(
      response.header("content-disposition"),
      'attachment; filename="names.zip"',
    );
    assertMatch(response.header("content-length")!, /^\d+$/);
    const members = await membersOf(response.body);
    assertEquals([...members.keys()].sort(), [...HOSTILE_NAMES].sort());
    for (const [name, content] of members) assertEquals(content, name);
  },
);

Deno.test(
  `unzip -t finds no fault in the archive of a whole tree${
    NO_UNZIP ? " (skipped: there is no unzip)" : ""
  }`,
  { ignore: NO_UNZIP },
  async () => {
    using tree = hostileTree();
    const app = new DirectoryApp({ root: tree.root }).toApp();
    const { body } = await runApp(app, { target: "/?zip=1" });
    const { code, output } = await tell(body, "unzip", (path) => ["-t", path]);
    assertEquals(code, 0, output);
    assertStringIncludes(output, "No errors detected");
  },
);

Deno.test("an archive holds what could be served, and nothing else", {
  ignore: NO_PYTHON,
}, async () => {
  using tree = hostileTree();
  addSpecialFiles(tree.root);
  Deno.symlinkSync("..", join(tree.root, "sub/circle"));
  const { root } = tree;
  const members = async (target: string, options = {}) => {
    const app = new DirectoryApp({ root, ...options }).toApp();
    const { body } = await runApp(app, { target });
    assert(!new TextDecoder().decode(body).includes(SECRET), target);
    return [...(await membersOf(body)).keys()];
  };
  assertEquals(await members("/links/?zip=1"), ["inside.txt"]);
  assertEquals(await members("/special/?zip=1"), []);
  assertEquals(await members("/empty/?zip=1"), []);
  assertEquals(
    (await members("/sub/?zip=1")).sort(),
    ["b.txt", "deep er/", "deep er/file.txt"],
  );
  const all = await members("/?zip=1");
  assert(!all.some((name) => /(^|\/)\.|\\/.test(name)), "hidden or unnameable");
  const shown = await members("/?zip=1", { show_hidden: "1" });
  assert(shown.includes(".git/config") && shown.includes("sub/.dots/"));
});

Deno.test("HEAD of an archive has the fields of GET and no body", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const target = "/names/?zip=1";
  const get = await runApp(app, { target });
  const head = await runApp(app, { target, method: "HEAD" });
  assertEquals([head.headers, head.text], [get.headers, ""]);
});

Deno.test("zip=0 offers no archives", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root, zip: "0" }).toApp();
  const response = await runApp(app, { target: "/sub/?zip=1" });
  assertEquals(response.header("content-type"), "text/html; charset=UTF-8");
  assert(!response.text.includes("zip=1"));
});

Deno.test("a file that changes its size meanwhile cuts the archive short", async () => {
  for (const size of [199_999, 200_001, 400_000, 0]) {
    using tree = hostileTree();
    const path = join(tree.root, "sub/b.txt");
    Deno.writeFileSync(path, new Uint8Array(200_000));
    const app = new DirectoryApp({ root: tree.root }).toApp();
    await assertRejects(
      () => {
        const events: SendEvent[] = [];
        return app(
          requestScope({ target: "/sub/?zip=1" }),
          () => new Promise(() => {}),
          (event) => {
            events.push(event);
            // The first piece of the body: the file is being read.
            if (events.length === 2) Deno.truncateSync(path, size);
            return Promise.resolve();
          },
        );
      },
      Error,
      "sub/b.txt changed while an archive of it was being sent",
    );
  }
});

Deno.test("a client sees that an archive was cut short", async () => {
  using tree = hostileTree();
  const path = join(tree.root, "sub/b.txt");
  Deno.writeFileSync(path, new Uint8Array(30_000_000));
  const app = new DirectoryApp({ root: tree.root }).toApp();
  await withServer(app, {}, async ({ url }) => {
    const response = await fetch(`${url}/sub/?zip=1`);
    const reader = response.body!.getReader();
    await reader.read();
    Deno.truncateSync(path, 1000);
    await assertRejects(async () => {
      while (!(await reader.read()).done);
    });
  });
});

Deno.test("a large archive waits for its client, and ends when the client leaves", async () => {
  using tree = hostileTree();
  Deno.truncateSync(join(tree.root, "sub/b.txt"), 200_000_000);
  const inner = new DirectoryApp({ root: tree.root }).toApp();
  let pieces = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  await withServer(
    async (scope, receive, send) => {
      await inner(scope, receive, async (event) => {
        await send(event);
        pieces++;
      });
      if (scope.type === "http") resolve();
    },
    {},
    async ({ connect }) => {
      const client = await connect();
      await client.request("GET /sub/?zip=1");
      // Until the buffers of both ends are full.
      let before = -1;
      while (before !== pieces) {
        before = pieces;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      assertLess(pieces, 500);
      client.close();
      await promise;
      assertLess(pieces, 1000);
    },
  );
});

import { DirectoryApp } from "../../src/apps/directory.ts";
import { archiveMembers } from "../../src/apps/files/archive_members.ts";
import { RequestReader } from "../../src/apps/disconnect.ts";
import {
  DocumentRoot,
  openByPath,
} from "../../src/apps/files/document_root.ts";
import { DirectoryRefused } from "../../src/apps/files/directory_cache.ts";
import {
  type ArchiveRequest,
  Archives,
} from "../../src/apps/files/send_archive.ts";
import { TimeSlice } from "../../src/apps/files/time_slice.ts";
import type { HttpScope } from "../../src/pagi/types.ts";
import { encodeName } from "../../src/system/file_names.ts";
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
  byteName,
  makeByteTree,
  NAMES_CAN_BE_BYTES,
} from "../helpers/byte_names.ts";
import {
  addSpecialFiles,
  HOSTILE_NAMES,
  hostileTree,
  SECRET,
} from "../helpers/hostile_tree.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

const ZIP: ArchiveRequest = { format: "zip", selected: [] };

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
    // Terminals would act on these, and people misread them.
    const safe = (name: string) => name.replace(/[\p{Cc}\u202e]/gu, "_");
    assertEquals(
      [...members.keys()].sort(),
      HOSTILE_NAMES.map(safe).sort(),
    );
    for (const [name, content] of members) assertEquals(safe(content), name);
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
  assertEquals(await members("/links/?zip=1"), [
    "inside.txt",
    "_NOT_INCLUDED.txt",
  ]);
  assertEquals(await members("/special/?zip=1"), ["_NOT_INCLUDED.txt"]);
  assertEquals(await members("/empty/?zip=1"), []);
  assertEquals(
    (await members("/sub/?zip=1")).sort(),
    ["_NOT_INCLUDED.txt", "b.txt", "deep er/", "deep er/file.txt"],
  );
  const all = await members("/?zip=1");
  assert(!all.some((name) => /(^|\/)\.|\\/.test(name)), "hidden or unnameable");
  const shown = await members("/?zip=1", { show_hidden: "1" });
  assert(shown.includes(".git/config") && shown.includes("sub/.dots/"));
});

Deno.test("HEAD of an archive has the fields of GET, without a walk for its length", async () => {
  using tree = hostileTree();
  let opened = 0;
  const root = new DocumentRoot("test", tree.root, {
    opener: (root, path) => {
      opened++;
      return openByPath(root, path);
    },
  });
  const target = "/names/?zip=1";
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const get = await runApp(app, { target });
  const archives = new Archives(root, false);
  const head = await runApp(
    (scope, receive, send) =>
      archives.send(scope as HttpScope, send, RequestReader.watch(receive), [
        "names",
      ], ZIP),
    { target, method: "HEAD" },
  );
  const fields = get.headers.filter(([name]) => name !== "content-length");
  assertEquals([head.headers, head.text, opened], [fields, "", 0]);
});

Deno.test("zip=0 offers no archives", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root, zip: false }).toApp();
  const response = await runApp(app, { target: "/sub/?zip=1" });
  assertEquals(response.header("content-type"), "text/html; charset=UTF-8");
  assert(!response.text.includes('name="zip"'));
});

/**
 * The archive of `sub`, in which `change` happens to b.txt, of 200,000 bytes,
 * once the first piece of the body has been sent.
 */
async function archiveWhile(change: (path: string) => void): Promise<
  { archive: Uint8Array; announced: number }
> {
  using tree = hostileTree();
  const path = join(tree.root, "sub/b.txt");
  Deno.writeTextFileSync(path, "b".repeat(200_000));
  Deno.writeTextFileSync(join(tree.root, "sub/last.txt"), "last");
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const { events, body, header } = await runApp(
    (scope, receive, send) => {
      let sent = 0;
      return app(scope, receive, async (event) => {
        await send(event);
        if (++sent === 2) change(path);
      });
    },
    { target: "/sub/?zip=1" },
  );
  assert(events.length > 3);
  return { archive: body, announced: Number(header("content-length")) };
}

Deno.test("a file that grows meanwhile is in the archive as it was", {
  ignore: NO_PYTHON,
}, async () => {
  const { archive, announced } = await archiveWhile((path) =>
    Deno.writeTextFileSync(path, "more", { append: true })
  );
  assertEquals(archive.length, announced);
  const members = await membersOf(archive);
  assertEquals(members.get("b.txt"), "b".repeat(200_000));
  assertEquals(members.get("last.txt"), "last");
});

Deno.test(
  "a file that shrinks meanwhile is named as damaged, and the others are whole",
  {
    ignore: NO_UNZIP,
  },
  async () => {
    for (const size of [0, 100_000, 199_999]) {
      const { archive, announced } = await archiveWhile((path) =>
        Deno.truncateSync(path, size)
      );
      assertEquals(archive.length, announced);
      const { code, output } = await tell(archive, "unzip", (path) => [
        "-t",
        path,
      ]);
      assertEquals(code, 2);
      assertMatch(output, /b\.txt +bad CRC/);
      assertEquals(output.match(/ OK$/gm)?.length, 3, output);
    }
  },
);

Deno.test("a file that vanished before its turn is named as damaged", {
  ignore: NO_UNZIP,
}, async () => {
  const { archive } = await archiveWhile((path) =>
    Deno.removeSync(path.replace("b.txt", "last.txt"))
  );
  const { output } = await tell(archive, "unzip", (path) => ["-t", path]);
  assertMatch(output, /last\.txt +bad CRC/);
  assertMatch(output, /b\.txt +OK/);
});

Deno.test("what an archive leaves out is told in it, by a name of its own", {
  ignore: NO_PYTHON,
}, async () => {
  using tree = hostileTree();
  addSpecialFiles(tree.root);
  Deno.symlinkSync("../sub", join(tree.root, "special/again"));
  Deno.symlinkSync("../../secret.txt", join(tree.root, "special/out\n.txt"));
  Deno.writeTextFileSync(join(tree.root, "special/back\\slash"), "");
  Deno.writeTextFileSync(join(tree.root, "special/.hidden"), "");
  Deno.writeTextFileSync(join(tree.root, "special/_not_included.TXT"), "mine");
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const { body } = await runApp(app, { target: "/special/?zip=1" });
  const members = await membersOf(body);
  assertEquals([...members.keys()], [
    "_not_included.TXT",
    "_NOT_INCLUDED_2.txt",
  ]);
  assertEquals(members.get("_NOT_INCLUDED_2.txt")!.split("\n"), [
    "This archive leaves out:",
    "",
    'back\\slash: its name has a "\\"',
    "again: a symbolic link to a folder",
    "out?.txt: a symbolic link to what is not shared or cannot be read",
    "pipe: neither a file nor a folder",
    "1 hidden (with a dot first)",
    "",
  ]);
});

Deno.test("names that mislead become others, never one name twice", {
  ignore: NO_PYTHON,
}, async () => {
  using tree = hostileTree();
  const folder = join(tree.root, "empty");
  const names = ["a\x1bb", "a\x7fb", "a_b", "a\u2066b", "C:evil"];
  for (const name of names) Deno.writeTextFileSync(join(folder, name), name);
  Deno.mkdirSync(join(folder, "d:"));
  Deno.writeTextFileSync(join(folder, "d:/c:x\u202e"), "in");
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const { body } = await runApp(app, { target: "/empty/?zip=1" });
  const members = await membersOf(body);
  assertEquals([...members].sort(), [
    ["C_evil", "C:evil"],
    ["a_b", "a_b"],
    ["a_b_2", "a\x1bb"],
    ["a_b_3", "a\x7fb"],
    ["a_b_4", "a\u2066b"],
    ["d_/", ""],
    ["d_/c:x_", "in"],
  ]);
});

Deno.test("an archive has names that are not UTF-8 as their bytes", {
  ignore: NO_UNZIP || !NAMES_CAN_BE_BYTES,
}, async () => {
  using tree = hostileTree();
  makeByteTree(join(tree.root, "empty"), {
    [`Bj${byteName(0xf6)}rk/caf${byteName(0xe9)}`]: "x",
  });
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const { body } = await runApp(app, { target: "/empty/?zip=1" });
  const { code, output } = await tell(body, "unzip", (path) => ["-t", path]);
  assertEquals(code, 0, output);
  const name = encodeName(`Bj${byteName(0xf6)}rk/caf${byteName(0xe9)}`);
  const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);
  assertStringIncludes(text(body), text(name));
});

Deno.test("a tree of too many entries is refused with a sentence", async () => {
  using tree = hostileTree();
  const root = new DocumentRoot("test", tree.root);
  const error = await assertRejects(
    () => archiveMembers(root, "names/", false, null, new TimeSlice(), 10),
    DirectoryRefused,
    "more than 10 files and folders",
  );
  assertEquals(error.status, 403);
});

Deno.test("a folder that cannot be opened meanwhile is told, not thrown", async () => {
  using tree = hostileTree();
  const root = new DocumentRoot("test", tree.root, {
    opener: (root, path) => {
      if (path.endsWith("deep er/")) {
        throw Object.assign(new Error("EIO"), { code: "EIO" });
      }
      return openByPath(root, path);
    },
  });
  const plan = await archiveMembers(root, "sub/", false, null, new TimeSlice());
  const { source } = plan.members.at(-1)!;
  assertStringIncludes(
    new TextDecoder().decode(source as Uint8Array),
    "deep er/: cannot be read",
  );
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
        await delay(100);
      }
      assertLess(pieces, 500);
      client.close();
      await promise;
      assertLess(pieces, 1000);
    },
  );
});

Deno.test("the walk for an archive ends when its client leaves", async () => {
  using tree = hostileTree();
  for (let i = 0; i < 300; i++) {
    Deno.mkdirSync(join(tree.root, `empty/${i}`));
  }
  let opened = 0;
  let atDeparture = Infinity;
  const left = Promise.withResolvers<void>();
  const root = new DocumentRoot("test", tree.root, {
    opener: (root, path) => {
      opened++;
      if (opened === 20) left.resolve();
      // So that a slice of time is soon over.
      const end = performance.now() + 2;
      while (performance.now() < end);
      return openByPath(root, path);
    },
  });
  const archives = new Archives(root, false);
  const client = RequestReader.watch(async () => {
    await left.promise;
    atDeparture = opened;
    return { type: "http.disconnect", reason: "client_closed" };
  });
  const scope = requestScope({ target: "/empty/?zip=1" }) as HttpScope;
  await archives.send(scope, () => Promise.resolve(), client, ["empty"], ZIP);
  await delay(50);
  assertLess(opened, atDeparture + 10);
  assertLess(opened, 300);
});

Deno.test("a client that leaves a real server ends the walk before its answer", async () => {
  using tree = hostileTree();
  for (let i = 0; i < 2000; i++) {
    Deno.mkdirSync(join(tree.root, `empty/${i}`));
  }
  let opened = 0;
  const begun = Promise.withResolvers<void>();
  const root = new DocumentRoot("test", tree.root, {
    opener: (root, path) => {
      if (++opened === 20) begun.resolve();
      const end = performance.now() + 2;
      while (performance.now() < end);
      return openByPath(root, path);
    },
  });
  const archives = new Archives(root, false);
  const ended = Promise.withResolvers<void>();
  await withServer(
    async (scope, receive, send) => {
      if (scope.type !== "http") throw new Error("not supported");
      await archives.send(
        scope,
        send,
        RequestReader.watch(receive),
        ["empty"],
        ZIP,
      );
      ended.resolve();
    },
    {},
    async ({ connect }) => {
      const client = await connect();
      await client.request("GET /empty/?zip=1");
      await begun.promise;
      client.close();
      await ended.promise;
      assertLess(opened, 2000);
      const last = opened;
      await delay(50);
      assertLess(opened, last + 10);
    },
  );
});

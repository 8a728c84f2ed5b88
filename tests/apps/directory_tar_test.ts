import { DirectoryApp } from "../../src/apps/directory.ts";
import { tarHeader, tarLengthOf } from "../../src/apps/files/tar_format.ts";
import { gunzipSync } from "node:zlib";
import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import {
  byteName,
  makeByteTree,
  NAMES_CAN_BE_BYTES,
} from "../helpers/byte_names.ts";
import { HOSTILE_NAMES, hostileTree } from "../helpers/hostile_tree.ts";
import { testWith } from "../helpers/programs.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { DocumentRoot } from "../../src/apps/files/document_root.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

/** Unpacks `archive` by tar into a folder for `body`. */
async function unpacked(
  archive: Uint8Array,
  body: (folder: string) => void,
): Promise<void> {
  const folder = tempFolder();
  try {
    const path = join(folder, "archive.tar");
    Deno.writeFileSync(path, archive);
    Deno.mkdirSync(join(folder, "out"));
    const { success, stderr } = await new Deno.Command("tar", {
      args: ["--warning=no-timestamp", "-xf", path, "-C", join(folder, "out")],
      env: { LC_ALL: "C.UTF-8" },
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assert(success);
    body(join(folder, "out"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

testWith(
  ["tar"],
  "a folder of hostile names is one tar of the announced length",
  async () => {
    using tree = hostileTree();
    const app = new DirectoryApp({ root: tree.root }).toApp();
    // runApp() compares the length with what is announced.
    const response = await runApp(app, { target: "/names/?archive=tar" });
    assertEquals(response.header("content-type"), "application/x-tar");
    assertEquals(
      response.header("content-disposition"),
      'attachment; filename="names.tar"',
    );
    assert(response.header("content-length") !== null);
    const safe = (name: string) => name.replace(/[\p{Cc}\u202e]/gu, "_");
    await unpacked(response.body, (folder) => {
      const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
      assertEquals(names.sort(), HOSTILE_NAMES.map(safe).sort());
      for (const name of names) {
        assertEquals(safe(Deno.readTextFileSync(join(folder, name))), name);
      }
    });
  },
);

testWith(
  ["tar"],
  "long paths, times, modes and empty folders survive a tar.gz",
  async () => {
    const root = tempFolder();
    try {
      const deep = join("ä".repeat(60), "b".repeat(200), "c".repeat(100));
      Deno.mkdirSync(join(root, deep), { recursive: true });
      Deno.mkdirSync(join(root, "empty"));
      const content = new Uint8Array(200_000).map((_, i) => i * 7);
      for (const name of ["a".repeat(100), "a".repeat(101)]) {
        Deno.writeFileSync(join(root, deep, name), content);
      }
      Deno.writeTextFileSync(join(root, "run.sh"), "#!/bin/sh\n", {
        mode: 0o755,
      });
      Deno.utimeSync(join(root, "run.sh"), 1e9, 1e9);
      Deno.writeTextFileSync(join(root, "old"), "");
      Deno.utimeSync(join(root, "old"), -1e9, -1e9);
      const app = new DirectoryApp({ root }).toApp();
      const response = await runApp(app, { target: "/?archive=tar.gz" });
      assertEquals(response.header("content-type"), "application/gzip");
      assertEquals(response.header("content-length"), null);
      const tar = await runApp(app, { target: "/?archive=tar" });
      assertEquals(gunzipSync(response.body).compare(tar.body), 0);
      await unpacked(response.body, (folder) => {
        for (const name of ["a".repeat(100), "a".repeat(101)]) {
          assertEquals(Deno.readFileSync(join(folder, deep, name)), content);
        }
        assert(Deno.statSync(join(folder, "empty")).isDirectory);
        const { mode, mtime } = Deno.statSync(join(folder, "run.sh"));
        assertEquals(mode! & 0o777, 0o755);
        assertEquals(mtime!.getTime(), 1e12);
        assertEquals(
          Deno.statSync(join(folder, "old")).mtime!.getTime(),
          -1e12,
        );
      });
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  },
);

testWith(
  ["tar"],
  "names that are not UTF-8 are in a tar as their bytes",
  async () => {
    if (!NAMES_CAN_BE_BYTES) return;
    const root = tempFolder();
    try {
      const names = [byteName(0xe9), `${byteName(0xff)}${"x".repeat(150)}`];
      makeByteTree(root, Object.fromEntries(names.map((n) => [n, n])));
      const app = new DirectoryApp({ root }).toApp();
      const { body } = await runApp(app, { target: "/?archive=tar" });
      await unpacked(body, (folder) => {
        const found = new DocumentRoot("test", folder);
        for (const name of names) assert(found.has(name), name);
      });
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  },
);

Deno.test("a file of more than 8 GiB has its size in a pax header", () => {
  const member = {
    path: "large",
    size: 10 * 2 ** 30,
    mtime: 0,
    executable: false,
  };
  const text = new TextDecoder().decode(tarHeader(member));
  assert(text.includes("20 size=10737418240\n"), text);
  assertEquals(tarLengthOf(member), 3 * 512 + member.size);
});

testWith(["tar"], "only the selected entries are in the archive", async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const names = ["plain.txt", "&amp;.txt", "plus+.txt", "😀.txt"];
  const wanted = [...names, "missing", "../../etc", ""];
  const query = wanted.map((name) => `&name=${encodeURIComponent(name)}`);
  const target = `/names/?archive=tar${query.join("")}`;
  const { body } = await runApp(app, { target });
  await unpacked(body, (folder) => {
    const found = [...Deno.readDirSync(folder)].map(({ name }) => name);
    assertEquals(found.sort(), [...names].sort());
  });
  const none = await runApp(app, { target: "/names/?archive=tar&name=../sub" });
  assertEquals(none.status, 404);
  assertEquals(
    none.text,
    "Nothing of what was selected is in this folder any more.\n",
  );
});

Deno.test("a file that shrinks meanwhile cuts a tar off, as it has no checksums", async () => {
  const root = tempFolder();
  try {
    const path = join(root, "b");
    Deno.writeFileSync(join(root, "a"), new Uint8Array(100_000));
    Deno.writeFileSync(path, new Uint8Array(100_000));
    const app = new DirectoryApp({ root }).toApp();
    const shrinking: PagiApp = (scope, receive, send) =>
      app(scope, receive, async (event) => {
        await send(event);
        if (event.type === "http.response.start") Deno.truncateSync(path, 10);
      });
    await assertRejects(
      () => runApp(shrinking, { target: "/?archive=tar" }),
      Error,
      "became shorter",
    );
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

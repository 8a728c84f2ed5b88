import {
  descriptorsHavePaths,
  DocumentRoot,
  openByDescriptor,
  openByPath,
} from "../../../src/apps/files/document_root.ts";
import type { Opener } from "../../../src/apps/files/document_root.ts";
import { DirectoryApp } from "../../../src/apps/directory.ts";
import { assert, assertEquals, assertThrows } from "../../../src/std/assert.ts";
import { join } from "../../../src/std/path.ts";
import {
  closeRoom,
  DescriptorsExhausted,
  openRoom,
  reservedDescriptors,
} from "../../../src/system/descriptor_budget.ts";
import { holdFileLibrary } from "../../../src/system/file_names.ts";
import {
  addSpecialFiles,
  hostileTree,
  SECRET,
} from "../../helpers/hostile_tree.ts";
import { runApp } from "../../helpers/run_app.ts";

interface Way {
  readonly open: Opener;
  readonly works: boolean;
  /** Whether the C library is open, as in a server. */
  readonly held?: boolean;
}

const works = descriptorsHavePaths(Deno.realPathSync(Deno.cwd()));
const OPENERS: Record<string, Way> = {
  "by descriptor": { open: openByDescriptor, works },
  "by descriptor in a server": { open: openByDescriptor, works, held: true },
  "by path": { open: openByPath, works: true },
};

for (const [way, { open, works, held }] of Object.entries(OPENERS)) {
  Deno.test(`opened ${way}, files and folders inside are told from all else`, {
    ignore: !works,
  }, () => {
    using _library = held ? holdFileLibrary() : null;
    using tree = hostileTree();
    addSpecialFiles(tree.root);
    const root = new DocumentRoot("Test", tree.root, { opener: open });
    const found = (path: string) => {
      const opened = root.open(path);
      if (typeof opened === "number") return opened;
      using it = opened;
      return it.kind === "file"
        ? new TextDecoder().decode(Deno.readFileSync(join(tree.root, path)))
        : [...Deno.readDirSync(it.path)].length;
    };
    const expected: Record<string, string | number> = {
      "hello.txt": "hello",
      "sub/deep er/file.txt": "deep",
      "sub/deep er/": 1,
      "links/inside.txt": "hello",
      "links/inside-folder/": 3,
      "links/outside.txt": 403,
      "links/sibling/secret.txt": 403,
      "links/above/": 403,
      "missing": 404,
      "hello.txt/": 404,
      "hello.txt/x": 404,
      "links/broken.txt": 404,
      "links/loop": 404,
      "special/pipe": 404,
      "special/socket": 404,
    };
    for (const [path, result] of Object.entries(expected)) {
      assertEquals(found(path), result, path);
    }
    assert(Number(found("")) > 5);
  });

  Deno.test(`opened ${way}, a file is still open, and closed in the end`, {
    ignore: !works,
  }, () => {
    using _library = held ? holdFileLibrary() : null;
    using tree = hostileTree();
    const root = new DocumentRoot("Test", tree.root, { opener: open });
    const opened = root.open("hello.txt");
    assert(typeof opened === "object" && opened.kind === "file");
    assertEquals(opened.info.size, 5);
    const buffer = new Uint8Array(10);
    assertEquals(opened.file.readSync(buffer), 5);
    opened[Symbol.dispose]();
    let closed = false;
    try {
      opened.file.readSync(buffer);
    } catch {
      closed = true;
    }
    assert(closed);
  });
}

Deno.test("where no server runs, no request opens the C library", {
  ignore: !works,
}, async () => {
  using tree = hostileTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const real = Deno.dlopen;
  let opened = 0;
  const counting: typeof real = (...of) => (opened++, real(...of));
  Object.assign(Deno, { dlopen: counting });
  try {
    const statuses = [];
    for (const target of ["/hello.txt", "/hello.txt", "/indexed/", "/none"]) {
      statuses.push((await runApp(app, { target })).status);
    }
    assertEquals([statuses, opened], [[200, 200, 200, 404], 0]);
    new DirectoryApp({ root: tree.root });
    assertEquals(opened, 1);
  } finally {
    Object.assign(Deno, { dlopen: real });
  }
});

Deno.test("no descriptor is left open, whatever is asked for", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  using tree = hostileTree();
  addSpecialFiles(tree.root);
  const app = new DirectoryApp({ root: tree.root }).toApp();
  for (let i = 0; i < 20; i++) {
    for (
      const target of [
        "/hello.txt",
        "/sub",
        "/sub/",
        "/indexed",
        "/hello.txt/",
        "/links/outside.txt",
        "/links/sibling/",
        "/special/pipe",
        "/missing",
      ]
    ) await runApp(app, { target });
  }
  // Tests of other threads have descriptors too.
  const open = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      return ""; // closed meanwhile
    }
  });
  assertEquals(open.filter((path) => path.startsWith(tree.base)), []);
});

Deno.test(
  "a folder that is exchanged for a link all the time never lets out what is outside (PAGI.md 109)",
  {
    ignore: !works,
  },
  async () => {
    using tree = hostileTree();
    const folder = join(tree.root, "flip");
    Deno.mkdirSync(folder);
    Deno.writeTextFileSync(join(folder, "secret.txt"), "inside");
    Deno.writeTextFileSync(join(tree.base, "outside/only-outside.txt"), "");
    Deno.symlinkSync("../outside", join(tree.root, "flip.link"));

    const flipper = new Worker(import.meta.resolve("./flipper.ts"), {
      type: "module",
    });
    const tell = (message: string) =>
      new Promise((answered) => {
        flipper.onmessage = answered;
        flipper.postMessage(message);
      });
    const seen = new Set<number>();
    await tell(tree.root);
    try {
      const app = new DirectoryApp({ root: tree.root }).toApp();
      const end = performance.now() + 1500;
      while (performance.now() < end) {
        const file = await runApp(app, { target: "/flip/secret.txt" });
        assert(!file.text.includes(SECRET), "a file from outside was served");
        const list = await runApp(app, {
          target: "/flip/",
          headers: { accept: "application/json" },
        });
        assert(
          !list.text.includes("only-outside"),
          "a folder outside was listed",
        );
        seen.add(file.status).add(list.status);
      }
    } finally {
      await tell("stop");
      flipper.terminate();
    }
    assert(seen.has(200) && seen.has(403), `saw only ${[...seen]}`);
  },
);

Deno.test("a root opens nothing without room for descriptors, and gives back what it reserved", () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/file`, "text");
    const root = new DocumentRoot("App", folder);
    const before = reservedDescriptors();
    for (const path of ["file", "", "missing"]) {
      const opened = root.open(path);
      if (typeof opened === "number") continue;
      assert(reservedDescriptors() > before);
      opened[Symbol.dispose]();
      opened[Symbol.dispose]();
    }
    assertEquals(reservedDescriptors(), before);
    closeRoom();
    try {
      const error = assertThrows(() => root.open("file"), DescriptorsExhausted);
      assertEquals(error.code, "EMFILE");
    } finally {
      openRoom(null);
    }
    assertEquals(reservedDescriptors(), before);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

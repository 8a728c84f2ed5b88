/** Files that are there and cannot be read: 403, and why in the log. */

import { DirectoryApp } from "../../src/apps/directory.ts";
import { FileApp } from "../../src/apps/file.ts";
import { configureLog } from "../../src/log/log.ts";
import { OptionError } from "../../src/options/option_error.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertThrows,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { asNobody, MODES_COUNT } from "../helpers/as_nobody.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const NAVIGATION = { accept: "text/html", "accept-encoding": "gzip" };

/** Files with their modes; what cannot be read holds "SECRET". */
async function withFiles(
  files: Record<string, [mode: number, text: string]>,
  body: (root: string, log: string[]) => Promise<void>,
): Promise<void> {
  const root = Deno.realPathSync(tempFolder());
  Deno.chmodSync(root, 0o755);
  const log: string[] = [];
  configureLog({ level: "info", write: (text) => void log.push(text) });
  try {
    for (const [path, [, text]] of Object.entries(files)) {
      if (path.endsWith("/")) {
        Deno.mkdirSync(join(root, path), { recursive: true });
        continue;
      }
      Deno.mkdirSync(join(root, path, ".."), { recursive: true });
      Deno.writeTextFileSync(join(root, path), text);
    }
    for (const [path, [mode]] of Object.entries(files)) {
      Deno.chmodSync(join(root, path), mode);
    }
    await asNobody(() => body(root, log));
  } finally {
    configureLog({ level: "info" });
    for await (const { name, isDirectory } of Deno.readDir(root)) {
      if (isDirectory) Deno.chmodSync(join(root, name), 0o755);
    }
    Deno.removeSync(root, { recursive: true });
  }
}

async function status(app: PagiApp, target: string): Promise<number> {
  const response = await runApp(app, { target, headers: NAVIGATION });
  assertEquals(response.text.includes("SECRET"), false);
  assertEquals(response.text.includes("other.txt"), false);
  return response.status;
}

Deno.test("an index file that cannot be read does not open its folder", {
  ignore: !MODES_COUNT,
}, async () => {
  const files: Parameters<typeof withFiles>[0] = {
    "a/index.html": [0, "SECRET"],
    "a/other.txt": [0o644, ""],
    "b/index.htm": [0o200, "SECRET"],
    "b/other.txt": [0o644, ""],
    "c/other.txt": [0o644, ""],
    "d/other.txt": [0o644, ""],
  };
  await withFiles(files, async (root, log) => {
    for (const App of [FileApp, DirectoryApp]) {
      const app = new App({ root }).toApp();
      for (const target of ["/a/", "/b/", "/a/index.html", "/a"]) {
        assertEquals(await status(app, target), 403, target);
      }
      assertEquals(log.length, 2, "each is told once");
      assertMatch(log[0], /a\/index\.html.*cannot be read \(EACCES\).*403/);
      assertMatch(log[1], /b\/index\.htm.*cannot be read/);
      log.length = 0;
    }
  });
});

Deno.test("neither does one that is a pipe, or a link that leads nowhere", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const files: Parameters<typeof withFiles>[0] = {
    "pipe/other.txt": [0o644, ""],
    "broken/other.txt": [0o644, ""],
    "circle/other.txt": [0o644, ""],
  };
  const root = Deno.realPathSync(tempFolder());
  const log: string[] = [];
  configureLog({ level: "info", write: (text) => void log.push(text) });
  try {
    for (const path of Object.keys(files)) {
      Deno.mkdirSync(join(root, path, ".."));
      Deno.writeTextFileSync(join(root, path), "");
    }
    new Deno.Command("mkfifo", { args: [join(root, "pipe/index.html")] })
      .outputSync();
    Deno.symlinkSync("nowhere", join(root, "broken/index.html"));
    Deno.symlinkSync("index.html", join(root, "circle/index.html"));
    // A folder of that name is no index file.
    Deno.mkdirSync(join(root, "folder/index.html"), { recursive: true });
    const app = new DirectoryApp({ root }).toApp();
    for (const target of ["/pipe/", "/broken/", "/circle/"]) {
      assertEquals(await status(app, target), 403, target);
    }
    assertEquals(await status(app, "/folder/"), 200);
    assertEquals(log.length, 3);
    assertMatch(log[0], /pipe\/index\.html.*is there but is no file/);
  } finally {
    configureLog({ level: "info" });
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test(
  "what cannot be read is 403 with a line in the log, what is missing 404 without",
  {
    ignore: !MODES_COUNT,
  },
  async () => {
    await withFiles({
      "secret.txt": [0, "SECRET"],
      "shut/x": [0o644, "SECRET"],
      "shut/": [0, ""],
      "fine.txt": [0o644, "fine"],
    }, async (root, log) => {
      const app = new FileApp({ root }).toApp();
      for (let i = 0; i < 3; i++) {
        assertEquals(await status(app, "/secret.txt"), 403);
        assertEquals(await status(app, "/shut/x"), 403);
        assertEquals(await status(app, "/shut/"), 403);
        assertEquals(await status(app, "/missing.txt"), 404);
        assertEquals(await status(app, "/fine.txt"), 200);
      }
      assertMatch(log[0], /PAGI::App::File: "secret\.txt" cannot be read/);
      assertMatch(log[1], /"shut\/x" cannot be read/);
      assert(log.length <= 4, "each path is told once");
    });
  },
);

Deno.test("a start page that cannot be read stands for no page", {
  ignore: !MODES_COUNT,
}, async () => {
  await withFiles({
    "index.html": [0, "SECRET"],
    "a.txt": [0o644, "a"],
  }, async (root, log) => {
    const app = new FileApp({ root, spa: true }).toApp();
    assertEquals(await status(app, "/users/7"), 403);
    assertEquals(await status(app, "/a.txt"), 200);
    assertEquals(log.length, 1);
  });
});

Deno.test(
  "in place of a compressed copy that cannot be read its file is sent",
  {
    ignore: !MODES_COUNT,
  },
  async () => {
    await withFiles({
      "a.txt": [0o644, "a"],
      "a.txt.gz": [0, "SECRET"],
    }, async (root, log) => {
      const app = new FileApp({ root }).toApp();
      const response = await runApp(app, {
        target: "/a.txt",
        headers: NAVIGATION,
      });
      assertEquals([response.status, response.text], [200, "a"]);
      assertMatch(log.join(""), /a\.txt\.gz" cannot be read/);
    });
  },
);

Deno.test({
  name: "a folder that may not be entered is refused at the start",
  ignore: !MODES_COUNT,
  async fn() {
    await withFiles({ "closed/": [0, ""] }, (root) => {
      for (const App of [DirectoryApp, FileApp]) {
        assertThrows(
          () => new App({ root: join(root, "closed") }).toApp(),
          OptionError,
          "not allowed to enter",
        );
      }
      return Promise.resolve();
    });
  },
});
